"""`make run`: services, migrations, web and workers as children, one address to open, and a clean end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured

from annotator import disk, migrated
from trainer.queues import SERVED
from web import configuration, data_dir, embedded, masking
from web.roles import RoleProblem
from web.supervisor import Child, StartFailed, Supervisor, rotate, run_to_end

BASE_DIR = Path(__file__).resolve().parent.parent
WORKERS = (*SERVED, "beat")
READY_SECONDS = 180.0
LET_GO_SECONDS = 10.0
DEMO_USER = "demo"  # annotator.demo.setup.PERSON, which is not worth loading Django for


class Refused(RuntimeError):
    """We cannot start as asked; the message says why in one line."""


REFUSALS = (
    Refused,
    data_dir.DataDirProblem,
    embedded.ServiceFailed,
    RoleProblem,
    ImproperlyConfigured,
    migrated.NewerDatabase,
)


class Stopped(BaseException):
    """Somebody asked us to end. Not an Exception: nothing but the way out may catch it."""


@dataclass(frozen=True)
class Options:
    """What the environment asks for."""

    data_dir: Path
    host: str
    port: int
    demo: bool

    @property
    def address(self) -> str:
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @classmethod
    def from_environment(cls) -> Options:
        port = configuration.number("PORT", 8000)
        if not 0 < port < 65536:
            raise Refused(f"PORT={port} is not a number from 1 to 65535.")
        directory = configuration.data_dir(BASE_DIR / "var")
        host = os.environ.get("HOST") or "127.0.0.1"
        return cls(directory, host, port, demo=configuration.switch("DEMO", True))


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    data_dir.keep_private()
    try:
        options = Options.from_environment()
        # The children inherit both.
        os.environ |= {"DATA_DIR": str(options.data_dir), "PORT": str(options.port), "HOST": options.host}
        os.chdir(BASE_DIR)
        launch(options)
    except Stopped:
        return 0
    except (*REFUSALS, StartFailed, OSError) as problem:
        print(f"marginalia: {problem}", file=sys.stderr)
        return 1


def launch(options: Options) -> NoReturn:
    """Bring everything up, then watch over it until somebody stops us."""
    began = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(data_dir.claim(options.data_dir, options.address))
        data_dir.tighten(options.data_dir)
        check_port(options)
        check_room(options)
        say(f"Marginalia, with its data in {options.data_dir}")
        stack.callback(_say_goodbye)
        services = stack.enter_context(
            embedded.start(
                options.data_dir,
                database_url=os.environ.get("DATABASE_URL", ""),
                redis_url=os.environ.get("REDIS_URL", ""),
            )
        )
        write_configuration(options, services)
        stack.callback(configuration.remove, options.data_dir)
        if migrations_pending(services.database_url):
            say("Preparing the database")
            manage("migrate", "--verbosity", "0", "--skip-checks")
        supervisor = Supervisor(say)
        stack.callback(supervisor.stop)
        say("Starting web and workers")
        supervisor.start(children(options))
        path = first_page(options)
        supervisor.wait_until_ready(READY_SECONDS)
        say(f"Ready after {time.monotonic() - began:.1f} s; logs in {options.data_dir / 'logs'}")
        say(f"\n  {options.address}{path}\n\nCtrl-C stops it.")
        while True:
            services.restart_dead(say)
            supervisor.restart_dead()
            time.sleep(0.5)


def check_port(options: Options) -> None:
    """Refuse a port that is taken; after a crash, first give the web process of before a moment to let go of it."""
    deadline = time.monotonic() + (LET_GO_SECONDS if configuration.is_there(options.data_dir) else 0)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    while True:
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((options.host, options.port))
                return
        except OSError as error:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            raise Refused(
                f"PORT {options.port} on {options.host} cannot be used ({error.strerror}): "
                f"free it or set another, for example PORT={options.port + 1}."
            ) from error


def check_room(options: Options) -> None:
    """Refuse a disk that is full: services would come up and fail one after the other."""
    low = configuration.number("DISK_LOW_BYTES", disk.LOW_BYTES)
    if disk.free(options.data_dir) < disk.full_below(low):
        megabytes = disk.free(options.data_dir) // 1024**2
        raise Refused(f"The disk of DATA_DIR {options.data_dir} is full ({megabytes} MB left): make room.")


def write_configuration(options: Options, services: embedded.Services) -> None:
    """What commands beside us need to find this install."""
    values = {
        "SECRET_KEY": os.environ.get("SECRET_KEY") or data_dir.secret_key(options.data_dir),
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
    }
    configuration.write(options.data_dir, values)


def migrations_pending(database_url: str) -> bool:
    """Whether the database lacks a migration we have, without the second that loading Django takes."""
    from web.settings import INSTALLED_APPS

    return bool(migrated.pending(database_url, INSTALLED_APPS))


def children(options: Options) -> list[Child]:
    logs, run = options.data_dir / "logs", options.data_dir / "run"
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:web.gunicorn", "web.wsgi"]
    made = [
        Child(
            "web",
            gunicorn,
            logs / "web.log",
            is_ready=lambda: answers(f"{options.address}/readyz"),
            on_parent_death=signal.SIGTERM,
        )
    ]
    for name in WORKERS:
        ready = run / f"{name}.ready"
        command = [sys.executable, "-m", "web.worker", name]
        made.append(Child(name, command, logs / f"{name}.log", is_ready=ready.exists, env={"READY_FILE": str(ready)}))
    for child in made:
        rotate(child.log)
    return made


def first_page(options: Options) -> str:
    """The path to open: with demo data a link that signs in once, else the front page.

    Where what we say is kept in a file, no link is made: whoever reads the file later could sign in by it.
    """
    if not options.demo:
        return "/"
    manage("demo")
    if masking.is_kept(sys.stdout):
        say(f"`manage.py loginlink {DEMO_USER}` prints a link that signs you in")
        return "/"
    lines = manage("loginlink", DEMO_USER).splitlines()
    return next((line for line in reversed(lines) if line.startswith("/")), "/")


def manage(*arguments: str) -> str:
    return run_to_end([sys.executable, "manage.py", *arguments])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - always our own http address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def say(line: str) -> None:
    # What reads it may be a file on a full disk: nothing may end for that.
    with suppress(OSError):
        print(line, flush=True)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    """Unwind once; a second Ctrl-C must not interrupt the orderly end."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    say("\nStopping")
    raise Stopped


def _say_goodbye() -> None:
    say("Everything has stopped")


if __name__ == "__main__":
    sys.exit(main())
