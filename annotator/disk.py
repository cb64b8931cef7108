"""Is there room on the disk? What says that there is none, how much is left, and when heavy work waits.

``DISK_LOW_BYTES`` is the setting: with less than that left, managers and ``/readyz`` are told. With less than a
twentieth of it the disk counts as full: runs, imports and exports wait, so that what is left is for answers, which are
taken as long as PostgreSQL takes them. Everything goes on by itself when there is room again.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import redis
from django.conf import settings
from django.core.cache import cache
from psycopg2 import errors

OK, LOW, FULL = "ok", "low", "full"
LOW_BYTES = 500 * 1024 * 1024
FULL_SHARE = 20
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
KEY = "disk:database-full"
REMEMBERED_SECONDS = 60
WAITS = "The server's disk is full. It goes on by itself when there is room."


def free(place: Path | None = None) -> int:
    """Bytes that are left where the install keeps its files; the database mostly lies on the same disk."""
    place = place or settings.DATA_DIR
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def full_below(low: int) -> int:
    return low // FULL_SHARE


def state() -> str:
    """OK, LOW or FULL: by what is left here, or by what the database said within the last minute."""
    left = free()
    if left < full_below(settings.DISK_LOW_BYTES) or _database_said_full():
        return FULL
    return LOW if left < settings.DISK_LOW_BYTES else OK


def is_full() -> bool:
    return state() == FULL


def says_full(error: BaseException | None) -> bool:
    """Whether this was raised because some disk has no room: ours, the database's or Redis's."""
    causes = list(_causes(error))
    if any(isinstance(one, errors.DiskFull) for one in causes):
        # The database's disk may be another than ours, where we cannot look.
        with suppress(redis.RedisError):
            cache.set(KEY, 1, timeout=REMEMBERED_SECONDS)
        return True
    for one in causes:
        if isinstance(one, OSError) and one.errno in NO_ROOM:
            return True
        if isinstance(one, redis.ResponseError) and "MISCONF" in str(one):
            return True
        if "No space left on device" in str(one):  # in the words of a library's own error
            return True
    return False


def took_down(error: BaseException | None) -> bool:
    """Whether the database failed because of a full disk, be it that it ended for want of room for its log."""
    return says_full(error) or (isinstance(error, Exception) and is_full())


def _database_said_full() -> bool:
    with suppress(redis.RedisError):
        return cache.get(KEY) is not None
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
