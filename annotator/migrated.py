"""Which migrations the database has had, beside those that this code knows: by file names, without loading Django.

What has never been migrated lacks some. What a newer version has migrated has some that we do not know: our code would
write rows into tables that have become something else, so whatever is about to work there refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import psycopg2
from psycopg2 import errors

CONNECT_SECONDS = 10
Name = tuple[str, str]


class NewerDatabase(RuntimeError):
    """The database belongs to a newer version; the message says what to do, in one sentence."""

    def __init__(self, unknown: Iterable[Name]) -> None:
        names = sorted(".".join(name) for name in unknown)
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        super().__init__(
            f"The database was migrated by a newer version of Marginalia ({names[-1]}{others} is unknown here): "
            "run that version, or restore a backup of this one."
        )


def known(apps: Iterable[str]) -> set[Name]:
    """(app, migration) of each migration that comes with the code."""
    found: set[Name] = set()
    for app in apps:
        spec = find_spec(app)
        places = (spec.submodule_search_locations if spec else None) or ()
        for place in places:
            files = Path(place, "migrations").glob("[!_]*.py")
            found.update((app.rpartition(".")[2], file.stem) for file in files)
    return found


def applied(database_url: str) -> set[Name]:
    """(app, migration) of each migration that the database has had; none where it is new. Raises psycopg2.Error."""
    connection = psycopg2.connect(database_url, connect_timeout=CONNECT_SECONDS)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            return set(cursor.fetchall())
    except errors.UndefinedTable:
        return set()
    finally:
        connection.close()


def pending(database_url: str, apps: Iterable[str]) -> set[Name]:
    """Migrations that the database lacks. Raises NewerDatabase, or psycopg2.Error where it does not answer."""
    ours, theirs = known(apps), applied(database_url)
    if unknown := theirs - ours:
        raise NewerDatabase(unknown)
    return ours - theirs


def refuse_newer(database_url: str, apps: Iterable[str]) -> None:
    """Raise NewerDatabase where there is one. One that does not answer now is waited for elsewhere."""
    try:
        pending(database_url, apps)
    except psycopg2.OperationalError:
        return
