"""Everything that cannot be made again, as it was at one moment, while people go on: `manage.py backup`.

One read-only transaction sees the database as it was when the backup began. What is published under ``models/`` never
changes, so the files that those rows name may be copied afterwards. Row-level security is not stepped around: each
tenant's rows are read in that tenant's scope, under the application's own role.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import IO, Any

import psycopg2
from django.conf import settings
from psycopg2 import sql

from annotator import migrated
from annotator.importing import refused
from trainer import store
from web.archive import ABOUT, FORMAT, WHOLE, BackupProblem, TableWriter, Writer

# Sessions end with a restore: the key that they are signed by is not in a backup. Migrations are in about.json.
LEFT_OUT = ("django_migrations", "django_session")
UNFINISHED = ("uploaded", "queued", "running")
RUN_FILES = ("snapshot.jsonl", "labels.json")

_TABLES = """
SELECT c.relname, c.relrowsecurity,
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> ALL (%s)
GROUP BY c.oid ORDER BY c.relname
"""
_LINKS = """
SELECT DISTINCT r.relname, p.relname FROM pg_constraint k
JOIN pg_class r ON r.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND r.oid <> p.oid
"""


@dataclass(frozen=True)
class Table:
    name: str
    of_tenants: bool
    columns: list[str]


@dataclass
class Report:
    """What went in. ``missing``: files that rows name, but that are not there."""

    rows: dict[str, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def key_mark() -> str:
    """By this a restore knows whether it has the same SECRET_KEY; the key itself cannot be had from it."""
    return hashlib.sha256(b"marginalia backup " + settings.SECRET_KEY.encode()).hexdigest()[:16]


def write(target: IO[bytes]) -> Report:
    """Write a backup of the install. Raises BackupProblem, psycopg2.Error, OSError."""
    report = Report()
    with _snapshot() as connection, ExitStack() as opened:
        tables, tenants = _in_order(connection), _tenants(connection)
        # Opened before anything else, for imports end and remove theirs; what is open stays readable.
        uploads = list(_uploads(connection, tenants, opened))
        writer = Writer(target)
        opened.callback(writer.abandon)
        writer.json(ABOUT, _about(connection, tables))
        for name, file in uploads:
            report.files[name] = writer.file(name, file, os.fstat(file.fileno()).st_size)
        for name in _model_files(connection, tenants, report):
            _copy(writer, name, report)
        for table in tables:
            report.rows[table.name] = _copy_table(connection, writer, table, tenants)
        writer.json(WHOLE, {"rows": report.rows, "files": report.files, "sequences": _sequences(connection)})
        writer.close()
    return report


@contextmanager
def _snapshot() -> Iterator[psycopg2.extensions.connection]:
    connection = psycopg2.connect(settings.DATABASE_URL, connect_timeout=migrated.CONNECT_SECONDS)
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        with connection.cursor() as cursor:
            if settings.DATABASE_ROLE:
                cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(settings.DATABASE_ROLE)))
        yield connection
    finally:
        connection.close()


def _in_order(connection: psycopg2.extensions.connection) -> list[Table]:
    """All tables, those that others refer to first."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, [list(LEFT_OUT)])
        tables = {name: Table(name, of_tenants, columns) for name, of_tenants, columns in cursor.fetchall()}
        cursor.execute(_LINKS)
        graph: dict[str, set[str]] = {name: set() for name in tables}
        for name, parent in cursor.fetchall():
            graph[name].add(parent)
    if "annotator_tenant" not in tables:
        raise BackupProblem("There is nothing to back up: the database has no tables of ours.")
    return [tables[name] for name in TopologicalSorter(graph).static_order()]


def _tenants(connection: psycopg2.extensions.connection) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM annotator_tenant ORDER BY id")
        return [tenant for (tenant,) in cursor.fetchall()]


def _about(connection: psycopg2.extensions.connection, tables: list[Table]) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        migrations = cursor.fetchall()
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_dir": str(settings.DATA_DIR),
        "secret_key_mark": key_mark(),
        "migrations": migrations,
        "tables": {table.name: table.columns for table in tables},
    }


def _rows(
    connection: psycopg2.extensions.connection, tenants: list[int], query: str, values: Any = ()
) -> Iterator[tuple[Any, ...]]:
    """Rows of every tenant, each read in its scope."""
    with connection.cursor() as cursor:
        for tenant in tenants:
            cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
            cursor.execute(query, values)
            yield from cursor.fetchall()


def _uploads(
    connection: psycopg2.extensions.connection, tenants: list[int], opened: ExitStack
) -> Iterator[tuple[str, IO[bytes]]]:
    """Files that imports have still to read, and the rows that they refused."""
    query = "SELECT path, state FROM annotator_job WHERE kind = 'import' AND path <> ''"
    for path, state in _rows(connection, tenants, query):
        for file in [Path(path)] * (state in UNFINISHED) + [refused.path_of(path)]:
            with suppress(FileNotFoundError, ValueError):
                yield str(file.relative_to(settings.DATA_DIR)), opened.enter_context(file.open("rb"))


def _model_files(connection: psycopg2.extensions.connection, tenants: list[int], report: Report) -> Iterator[str]:
    """What versions are made of, and the snapshots of runs that are over, by their place in DATA_DIR."""
    for tenant, project, number in _rows(
        connection, tenants, "SELECT tenant_id, project_id, number FROM trainer_modelversion"
    ):
        home = store.version_dir(tenant, project, number)
        found = sorted(file for file in home.rglob("*") if file.is_file())
        if not found:
            report.missing.append(_place(home))
        yield from map(_place, found)
    over = "SELECT tenant_id, project_id, id FROM trainer_trainingrun WHERE finished_at IS NOT NULL"
    for tenant, project, run in _rows(connection, tenants, over):
        home = store.project_dir(tenant, project) / "runs" / str(run)
        yield from (_place(home / name) for name in RUN_FILES if (home / name).exists())


def _place(path: Path) -> str:
    return str(path.relative_to(settings.DATA_DIR))


def _copy(writer: Writer, name: str, report: Report) -> None:
    try:
        with (settings.DATA_DIR / name).open("rb") as file:
            report.files[name] = writer.file(name, file, os.fstat(file.fileno()).st_size)
    except FileNotFoundError:
        # Deleted since the backup began, by somebody who deleted its project.
        report.missing.append(name)


def _copy_table(connection: psycopg2.extensions.connection, writer: Writer, table: Table, tenants: list[int]) -> int:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    query = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.name))
    rows, file = 0, TableWriter(writer, table.name)
    with connection.cursor() as cursor:
        for tenant in tenants if table.of_tenants else [None]:
            wanted = query
            if tenant is not None:
                cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
                wanted = query + sql.SQL(" WHERE tenant_id = {}").format(sql.Literal(tenant))
            cursor.copy_expert(sql.SQL("COPY ({}) TO STDOUT").format(wanted), file)
            rows += cursor.rowcount
    file.close()
    return rows


def _sequences(connection: psycopg2.extensions.connection) -> dict[str, int]:
    """Where ids go on: further than the last row where rows were deleted. Read last, as they stand in no snapshot."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
        return dict(cursor.fetchall())
