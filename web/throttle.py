"""Who guesses passwords has to wait: after some failures in a row, longer each time, by name and by address.

Counts stand in Redis and run out by themselves. Without Redis nobody is held up: signing in must not need it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from math import ceil

import redis
import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

log = structlog.get_logger(__name__)

FREE = 5  # failures for one name from one address before one has to wait
FREE_ADDRESS = 100  # and for all names from one address: a whole office may stand behind it
FIRST_WAIT, LONGEST_WAIT = 15, 900  # seconds
REMEMBERED = 3600


@contextmanager
def _without_redis() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        log.warning("sign_in_not_throttled", error=type(error).__name__)


def wait_for(request: HttpRequest, username: str) -> int:
    """Seconds until this name may be tried again from there; 0: now."""
    until: list[float] = []
    with _without_redis():
        until = list(cache.get_many([f"{key}:until" for key in _keys(request, username)]).values())
    return max(0, *(ceil(when - time.time()) for when in until), 0)


def failed(request: HttpRequest, username: str) -> None:
    """A wrong password. The wait doubles with each failure beyond those that are free."""
    with _without_redis():
        for key, free in _keys(request, username).items():
            cache.add(key, 0, timeout=REMEMBERED)
            beyond = cache.incr(key) - free
            if beyond >= 0:
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(beyond, 10))
                cache.set(f"{key}:until", time.time() + wait, timeout=wait)


def succeeded(request: HttpRequest, username: str) -> None:
    """The right password: the name's failures are forgotten, the address's are not."""
    with _without_redis():
        key = next(iter(_keys(request, username)))
        cache.delete_many([key, f"{key}:until"])


def told(seconds: int) -> str:
    """What the page says about the wait."""
    if seconds < 90:
        wait = ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    else:
        minutes = -(-seconds // 60)
        wait = ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("Too many attempts. Try again in %(wait)s.") % {"wait": wait}


def sender(request: HttpRequest) -> str:
    """The address that a request comes from: of what the header says, the part that our own proxies wrote."""
    proxies = settings.TRUSTED_PROXIES
    told = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    seen: str = request.META.get("REMOTE_ADDR", "")
    if not proxies or len(told) < proxies:
        return seen
    try:
        return str(ip_address(told[-proxies]))
    except ValueError:
        return seen


def _keys(request: HttpRequest, username: str) -> dict[str, int]:
    """Counters with how many failures each leaves free; names are hashed, for people type passwords there, too."""
    address = sender(request)
    name = hashlib.sha256(f"{username.strip().casefold()}\n{address}".encode(errors="replace")).hexdigest()[:32]
    return {f"signin:name:{name}": FREE, f"signin:from:{address}": FREE_ADDRESS}
