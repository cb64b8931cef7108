"""The services of `make run`: real, private, durable, and gone when their starter is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from tests.outside import data_directory, running, until
from web import embedded

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_directory() as path:
        yield path


def query(services: embedded.Services, sql: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(services.database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def pids(services: embedded.Services) -> list[int]:
    return [service.process.pid for service in services.ours if service.process]


def test_a_second_start_finds_what_the_first_one_wrote(data_dir: Path) -> None:
    with embedded.start(data_dir) as services:
        query(services, "CREATE TABLE label AS SELECT 'person' AS name")
        redis.Redis.from_url(services.redis_url).set("queued", "yes")
        first = pids(services)
    assert running(first) == []

    with embedded.start(data_dir) as services:
        assert query(services, "SELECT name FROM label") == [("person",)]
        assert redis.Redis.from_url(services.redis_url).get("queued") == b"yes"


def test_labels_are_on_disk_when_a_commit_returns(data_dir: Path) -> None:
    with embedded.start(data_dir) as services:
        shown = {name: query(services, f"SHOW {name}") for name in ("synchronous_commit", "fsync", "full_page_writes")}

    assert set(map(str, shown.values())) == {"[('on',)]"}, shown


def test_neither_login_nor_application_role_escapes_row_level_security(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False) as services:
        embedded.ensure_app_role(services.database_url)  # a second time changes nothing
        wanted = "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname ~ '^marginalia'"
        roles = sorted(query(services, wanted))
        assumed = query(services, f"SET ROLE {embedded.APP_ROLE}; SELECT current_user")

    assert roles == [("marginalia", False, False, True), (embedded.APP_ROLE, False, False, False)]
    assert assumed == [(embedded.APP_ROLE,)]


def test_nobody_else_can_reach_them(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False) as services:
        listening = {
            address.laddr.ip
            for pid in pids(services)
            for address in psutil.Process(pid).net_connections("inet")
            if address.status == psutil.CONN_LISTEN
        }
        password = services.redis_url.split(":")[2].split("@")[0]
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(services.redis_url.replace(f":{password}@", "")).ping()
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(services.database_url.replace("marginalia:", "postgres:"))

    assert listening == {"127.0.0.1"}
    assert (data_dir / "postgres").stat().st_mode & 0o077 == 0
    assert (data_dir / "postgres_password").stat().st_mode & 0o077 == 0


def test_a_killed_postgres_comes_back_with_its_data(data_dir: Path) -> None:
    with embedded.start(data_dir) as services:
        query(services, "CREATE TABLE label AS SELECT 'place' AS name")
        for pid in pids(services):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not running(pids(services)), what="their death")

        said: list[str] = []
        services.restart_dead(said.append)

        assert query(services, "SELECT name FROM label") == [("place",)]
        assert redis.Redis.from_url(services.redis_url).ping()
        assert len(said) == 4


def test_a_service_that_cannot_come_back_yet_takes_nothing_down(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "RETRY_SECONDS", 0)
    with embedded.start(data_dir, durable=False) as services:
        broker = services.ours[1]
        assert isinstance(broker, embedded.Redis)
        assert broker.process is not None
        broker.process.kill()
        broker.process.wait(60)
        said: list[str] = []

        with socket.create_server(("127.0.0.1", broker.port)):
            services.restart_dead(said.append)
        assert "Redis did not start" in said[1]
        services.restart_dead(said.append)

        assert redis.Redis.from_url(services.redis_url).ping()


def test_a_pid_file_left_by_a_crash_does_not_stop_the_next_start(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False):
        pid_file = data_dir / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    # After a reboot the number may be anybody's. Here it is ours, which PostgreSQL would take for its own kind.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    with embedded.start(data_dir, durable=False) as services:
        assert query(services, "SELECT 1") == [(1,)]


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's own")
def test_they_end_when_their_starter_is_killed_and_start_again(data_dir: Path) -> None:
    script = (
        "import sys, time; from web import embedded; s = embedded.start(sys.argv[1]);"
        "print(*[x.process.pid for x in s.ours], flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    services_of_the_dead = [int(pid) for pid in starter.stdout.readline().split()]
    assert len(running(services_of_the_dead)) == 2

    starter.kill()
    starter.communicate()

    # No waiting in between: a start right after the crash must cope with a server that is still shutting down.
    with embedded.start(data_dir) as services:
        assert query(services, "SELECT 1") == [(1,)]
    until(lambda: not running(services_of_the_dead), what="the end of both services")


def test_a_path_too_long_for_a_socket_is_no_obstacle(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)

    with embedded.start(deep, durable=False) as services:
        assert query(services, "SELECT 1") == [(1,)]


def test_a_server_that_does_not_start_shows_the_end_of_its_log(data_dir: Path) -> None:
    embedded.start(data_dir, durable=False).stop()
    (data_dir / "postgres" / "PG_VERSION").write_text("12\n")

    with pytest.raises(embedded.ServiceFailed, match="not compatible with this version"):
        embedded.start(data_dir, durable=False)
