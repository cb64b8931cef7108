"""A backup becomes an install again: `manage.py restore`. All of it in one transaction, or nothing.

An empty database is migrated to where the backup's was, filled, and migrated on to where this version is. Files are
written aside and take their place by a rename, just before the commit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from psycopg2 import sql

from annotator.migrated import Name
from trainer import store
from web import backup
from web.archive import ABOUT, FILES, FORMAT, READ_BYTES, TABLES, WHOLE, BackupProblem, Reader
from web.roles import APP_ROLE, ensure_app_role

LOCK_SECONDS = 30


@dataclass(frozen=True)
class Report:
    made_at: str
    rows: int
    files: int
    migrations: int
    same_key: bool
    set_aside: Path | None


def read(source: IO[bytes], *, replace: bool = False) -> Report:
    """Restore from a backup. ``replace``: what the database holds goes. Raises BackupProblem, database errors."""
    reader = Reader(source)
    about = reader.json(ABOUT)
    if about.get("format") != FORMAT:
        raise BackupProblem(f"The backup has format {about.get('format')!r}, and this version reads {FORMAT}.")
    place = _Place()
    with _as_owner(), place, transaction.atomic():
        _make_room(replace=replace)
        _migrate({(app, name) for app, name in about["migrations"]})
        files = _files(reader, place)
        rows = _tables(reader, about)
        whole = reader.json(WHOLE)
        _check(whole, rows, files)
        _set_sequences(whole["sequences"])
        _move_paths(about["data_dir"])
        _follow_manifests(place.new / "models")
        migrations = _migrate(None)
        emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)
        place.take()
    same = about["secret_key_mark"] == backup.key_mark()
    return Report(about["made_at"], sum(rows.values()), len(files), migrations, same, place.set_aside)


@contextmanager
def _as_owner() -> Iterator[None]:
    """Tables are made by the login user; the application's own role may only read and write rows."""
    options = connection.settings_dict["OPTIONS"]
    role = options.pop("assume_role", None)
    connection.close()
    ensure_app_role(settings.DATABASE_URL, role or APP_ROLE)
    try:
        yield
    finally:
        connection.close()
        if role is not None:
            options["assume_role"] = role


def _make_room(*, replace: bool) -> None:
    """Take away what there is: tables without people in them, or, where told to, with them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        tables = [name for (name,) in cursor.fetchall()]
        if "annotator_user" in tables and not replace:
            cursor.execute("SELECT EXISTS (SELECT FROM annotator_user) OR EXISTS (SELECT FROM annotator_tenant)")
            if (found := cursor.fetchone()) and found[0]:
                raise BackupProblem(
                    "The database is not empty. Restore into a new install, or have everything in this one replaced: "
                    "--replace."
                )
        for name in tables:
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.Identifier(name)))
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) = current_user"
            " AND proname LIKE 'marginalia%'"
        )
        for (signature,) in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {signature} CASCADE")


def _migrate(wanted: set[Name] | None) -> int:
    """Run the migrations that are wanted (None: all) and lacking; how many."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if wanted is not None:
        if unknown := wanted - set(executor.loader.disk_migrations):
            newest = ".".join(max(unknown))
            raise BackupProblem(f"The backup was made by a newer version ({newest} is unknown here): install that one.")
        plan = [(migration, False) for migration, _back in plan if (migration.app_label, migration.name) in wanted]
    if plan:
        executor.migrate(None, plan=plan)
    with connection.cursor() as cursor:
        # Deferred checks are due before tables are changed again.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return len(plan)


def _files(reader: Reader, place: _Place) -> dict[str, str]:
    found: dict[str, str] = {}
    while (member := reader.member()) is not None and member.name.startswith(FILES):
        name = member.name.removeprefix(FILES)
        digest = hashlib.sha256()
        with place.new_file(name).open("wb") as file:
            for data in reader.data():
                digest.update(data)
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
        found[name] = digest.hexdigest()
    return found


def _tables(reader: Reader, about: dict[str, Any]) -> dict[str, int]:
    """Fill each table, with row-level security and our own triggers out of the way until this is committed."""
    rows: dict[str, int] = {}
    with connection.cursor() as cursor, _unguarded(list(about["tables"])):
        for table, columns in about["tables"].items():
            copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
                sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
            )
            cursor.copy_expert(copy, reader.table(table), READ_BYTES)
            rows[table] = cursor.rowcount
    if (member := reader.member()) is not None and member.name.startswith(TABLES):
        raise BackupProblem(f"The backup is damaged: {member.name} is out of place.")
    return rows


@contextmanager
def _unguarded(tables: list[str]) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY (%s) AND relforcerowsecurity", [tables])
        forced = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
        for table in forced:
            cursor.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))
        # Migrations may have made rows of their own; those that count are in the backup.
        cursor.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))
        yield
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table in forced:
            cursor.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(sql.Identifier(table)))
        for table in tables:
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))


def _check(whole: dict[str, Any], rows: dict[str, int], files: dict[str, str]) -> None:
    if whole["rows"] != rows or whole["files"] != files:
        raise BackupProblem("The backup is damaged: it does not hold what it says at its end.")


def _set_sequences(sequences: dict[str, int]) -> None:
    with connection.cursor() as cursor:
        for name, value in sequences.items():
            cursor.execute("SELECT setval(to_regclass(%s), %s)", [f'public."{name}"', value])


def _each_tenant(cursor: Any) -> Iterator[int]:
    """Each in turn, whose rows can be read and written meanwhile."""
    cursor.execute("SELECT id FROM annotator_tenant")
    for (tenant,) in cursor.fetchall():
        cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant)])
        yield tenant
    cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


def _move_paths(old: str) -> None:
    """Jobs name their files in full; here DATA_DIR may lie elsewhere. What exports made is not in a backup."""
    with connection.cursor() as cursor:
        for tenant in _each_tenant(cursor):
            cursor.execute(
                "UPDATE annotator_job SET path = CASE"
                " WHEN kind = 'export' AND finished_at IS NOT NULL THEN ''"
                " WHEN starts_with(path, %(old)s) THEN %(new)s || substr(path, length(%(old)s) + 1)"
                " ELSE path END WHERE path <> ''",
                {"old": f"{old}/", "new": f"{settings.DATA_DIR}/"},
            )
            for folder in (settings.UPLOADS_DIR, settings.EXPORTS_DIR):
                (folder / str(tenant)).mkdir(mode=0o700, parents=True, exist_ok=True)


def _follow_manifests(models: Path) -> None:
    """A deletion beside the backup may have taken lines out of what lies beside a model, after its row was read: what
    the backup vouches for and the manifest fits is the version."""
    with connection.cursor() as cursor:
        for tenant in _each_tenant(cursor):
            cursor.execute("SELECT id, project_id, number, manifest_sha256 FROM trainer_modelversion")
            for version, project, number, known in cursor.fetchall():
                home = models / str(tenant) / str(project) / str(number)
                manifest = home / store.MANIFEST
                digest = hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.exists() else known
                with suppress(store.Tampered):
                    if digest != known:
                        store.verify(home, digest)
                        change = "UPDATE trainer_modelversion SET manifest_sha256 = %s WHERE id = %s"
                        cursor.execute(change, [digest, version])


class _Place:
    """Files on their way: aside until all is well, then in their place; put back if the commit fails after all."""

    def __init__(self) -> None:
        self.home = settings.DATA_DIR
        self.new = self.home / "restoring"
        self.old = self.home / "models.before-restore"
        self.set_aside: Path | None = None
        self.taken = False

    def __enter__(self) -> _Place:
        shutil.rmtree(self.new, ignore_errors=True)
        self.new.mkdir(mode=0o700, parents=True)
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        if kind is not None and self.taken:
            shutil.rmtree(settings.MODELS_DIR, ignore_errors=True)
            if self.set_aside:
                self.set_aside.rename(settings.MODELS_DIR)
        shutil.rmtree(self.new, ignore_errors=True)

    def new_file(self, name: str) -> Path:
        path = (self.new / name).resolve()
        if not path.is_relative_to(self.new.resolve()):
            raise BackupProblem(f"The backup is damaged: it names a file {name!r}.")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def take(self) -> None:
        models, uploads = self.new / "models", self.new / "uploads"
        self.taken = True
        if settings.MODELS_DIR.exists() and any(settings.MODELS_DIR.iterdir()):
            shutil.rmtree(self.old, ignore_errors=True)
            settings.MODELS_DIR.rename(self.old)
            self.set_aside = self.old
        models.mkdir(mode=0o700, exist_ok=True)
        models.replace(settings.MODELS_DIR)
        for file in [file for file in uploads.rglob("*") if file.is_file()]:
            target = settings.UPLOADS_DIR / file.relative_to(uploads)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.replace(target)
