"""Can this version run here? Asked before the one that runs is stopped; changes nothing.

What cannot be read of the settings has been refused when they were loaded. Here is what only the servers can tell, and
what would stand in one process's log otherwise.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections.abc import Iterator

import psycopg2
import redis
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from annotator import disk, migrated
from trainer import encoding

OLDEST_POSTGRESQL = 150000
OLDEST_REDIS = (6, 2)
CONNECT_SECONDS = 10
ORIGIN_WITHOUT_SCHEME = "4_0.E001"  # told in our own words


def wait_for_servers(seconds: float) -> None:
    """Until database and Redis give any answer, be it a refusal, or the time is over."""
    deadline = time.monotonic() + seconds
    while not (_database_answers() and _redis_answers()) and time.monotonic() < deadline:
        time.sleep(0.5)


def _database_answers() -> bool:
    try:
        psycopg2.connect(settings.DATABASE_URL, connect_timeout=CONNECT_SECONDS).close()
    except psycopg2.OperationalError as error:
        # The server's own words, save that it is not ready yet.
        return "FATAL" in str(error) and "database system is" not in str(error)
    except psycopg2.Error:
        return True
    return True


def _redis_answers() -> bool:
    with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=10) as client:
        try:
            client.ping()
        except (redis.BusyLoadingError, redis.TimeoutError):
            return False
        except redis.ConnectionError as error:
            return isinstance(error, redis.AuthenticationError)
        except redis.RedisError:
            return True
    return True


def problems() -> Iterator[str]:
    """What would keep the install from running, a sentence each."""
    for look in (_settings, _database, _redis, _data_dir):
        yield from look()


def _settings() -> Iterator[str]:
    for host in settings.ALLOWED_HOSTS:
        if "/" in host:
            yield f"ALLOWED_HOSTS={host!r}: names alone, without https:// and paths."
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if "://" not in origin:
            yield f"CSRF_TRUSTED_ORIGINS={origin!r} must begin with https://."
    try:
        importlib.import_module("web.gunicorn")
    except ImproperlyConfigured as error:
        yield str(error)
    if lacking := encoding.problem():
        yield lacking
    for found in checks.run_checks():
        if found.is_serious() and found.id != ORIGIN_WITHOUT_SCHEME:
            yield " ".join(f"{found.msg} {found.hint or ''}".split())


def _database() -> Iterator[str]:
    try:
        connection = psycopg2.connect(settings.DATABASE_URL, connect_timeout=CONNECT_SECONDS)
    except psycopg2.Error as error:
        yield f"The database cannot be opened with DATABASE_URL (or DATABASE_PASSWORD): {_line(error)}"
        return
    try:
        if connection.server_version < OLDEST_POSTGRESQL:
            yield f"PostgreSQL {connection.server_version // 10000} is too old: 15 or newer is needed."
        yield from _role(connection)
    finally:
        connection.close()
    try:
        migrated.refuse_newer(settings.DATABASE_URL, settings.INSTALLED_APPS)
    except (migrated.NewerDatabase, psycopg2.Error) as error:
        yield _line(error)


def _role(connection: psycopg2.extensions.connection) -> Iterator[str]:
    """The application's role: there after the first migration, or made by an administrator."""
    role = settings.DATABASE_ROLE
    if not role:
        yield "MARGINALIA_DB_ROLE is empty: nothing would keep tenants apart."
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user")
        may_make = cursor.fetchone()
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role])
        found = cursor.fetchone()
    if found and found[0]:
        yield f"The database role {role} must be NOSUPERUSER NOBYPASSRLS."
    elif not found and not (may_make and may_make[0]):
        yield f"The database role {role} is missing, and the login user of DATABASE_URL may not make it."


def _redis() -> Iterator[str]:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=10)
    try:
        version = str(client.info("server")["redis_version"])
    except redis.RedisError as error:
        yield f"Redis cannot be used with REDIS_URL (or REDIS_PASSWORD): {_line(error)}"
        return
    finally:
        client.close()
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        yield f"Redis {version} is too old: 6.2 or newer is needed."


def _data_dir() -> Iterator[str]:
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as file:
            file.write(os.urandom(4096))
    except OSError as error:
        yield f"DATA_DIR {settings.DATA_DIR} cannot be written ({error.strerror})."
        return
    if disk.is_full():
        yield f"The disk of DATA_DIR is full ({disk.free() // 1024**2} MB left)."


def ready() -> str:
    """What a start will do, where nothing stands against it."""
    missing = len(migrated.pending(settings.DATABASE_URL, settings.INSTALLED_APPS))
    due = f"{missing} migration{'' if missing == 1 else 's'} will be run" if missing else "no migration is due"
    return f"Settings, database and Redis are in order; {due}."


def _line(error: Exception) -> str:
    """Its first line: drivers add where they tried."""
    return str(error).strip().partition("\n")[0]
