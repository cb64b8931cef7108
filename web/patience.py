"""How long a web process waits for PostgreSQL: as long as the server lives, be a statement ever so slow.

A server that was ended closes its connections, and whoever asked is told at once. One that hangs (its process is
stopped, its disk does not answer) leaves everybody waiting, and in the end all threads. So while nothing comes, another
connection is tried: where that is not answered either, the wait is over, and people are told what is told of a database
that is away. Workers wait: they have nobody to answer to.
"""

from __future__ import annotations

import select

import psycopg2
from django.conf import settings
from psycopg2 import extensions

SILENCE_SECONDS = 5.0
CONNECTION_OK = 0  # as libpq numbers it


class Hangs(psycopg2.OperationalError):  # type: ignore[misc]
    """The server neither answers nor takes connections."""


def limit_waits() -> None:
    """From now on, in this process and those that it forks. COPY is not possible then."""
    extensions.set_wait_callback(wait)


def wait(connection: extensions.connection) -> None:
    """Until there is an answer; psycopg2 closes the connection if this raises."""
    while (wanted := connection.poll()) != extensions.POLL_OK:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN if wanted == extensions.POLL_READ else select.POLLOUT)
        if poll.poll(SILENCE_SECONDS * 1000):
            continue
        if not _stands(connection) or not _answers():
            raise Hangs(f"PostgreSQL has not answered for {SILENCE_SECONDS:g} s.")


def _stands(connection: extensions.connection) -> bool:
    """Whether it is a connection already, and does not wait to become one."""
    return bool(connection.info.status == CONNECTION_OK)


def _answers() -> bool:
    """Whether the server takes connections; one that refuses them lives, too."""
    try:
        psycopg2.connect(settings.DATABASE_URL).close()
    except Hangs:
        return False
    except psycopg2.OperationalError:
        return True
    return True
