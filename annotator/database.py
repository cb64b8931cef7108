"""When PostgreSQL restarts, or the way to it breaks: telling that from a mistake, and waiting until it is back."""

from __future__ import annotations

import time

from django.db import InterfaceError, OperationalError, close_old_connections, connection

# What PostgreSQL says as it goes down, or is not up yet; class 08 is the connection itself.
GOING, LOST_CLASS = frozenset({"57P01", "57P02", "57P03"}), "08"
LOOK_SECONDS = 1.0


def lost(error: BaseException | None) -> bool:
    """Whether the error says that the connection is gone: what was asked may be asked again on a new one."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.__cause__, "pgcode", None)
    # An error that the server did not send has no code.
    return code is None or code in GOING or code.startswith(LOST_CLASS)


def renew() -> None:
    """Have the next transaction look first whether its connection stands, in what lives longer than a request."""
    if not connection.in_atomic_block:
        close_old_connections()


def back_within(seconds: float) -> bool:
    """Whether the database answers (again) within this time; this thread's connection then is one that stands."""
    deadline = time.monotonic() + seconds
    while True:
        if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
            connection.close()
        try:
            connection.ensure_connection()
        except OperationalError:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        else:
            return True
