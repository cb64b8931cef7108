"""`make run` as its user meets it: one command up, one Ctrl-C down, one clear line when it cannot."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.outside import data_directory, running, until

ROOT = Path(__file__).resolve().parent.parent
OURS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DATA_DIR", "PORT", "HOST", "MARGINALIA_DB_ROLE")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_directory() as path:
        yield path


def environment(data_dir: Path, port: int = 0) -> dict[str, str]:
    """What a shell would have: nothing of the test run's own services."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    return clean | {"DATA_DIR": str(data_dir), "PORT": str(port or free_port()), "DEMO": "0"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Install:
    """A launcher in a process of its own, and what it says."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.environment = environment(data_dir)
        self.said = data_dir.with_suffix(".said")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.environment['PORT']}"

    def start(self) -> None:
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "web.launch"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(self._up_or_over, seconds=120, what="the end of the start")
        assert "Ctrl-C stops it" in self.said.read_text(), self.said.read_text()

    def _up_or_over(self) -> bool:
        assert self.process is not None
        return "Ctrl-C stops it" in self.said.read_text() or self.process.poll() is not None

    def stop(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(120)

    def family(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]

    def child(self, *words: str) -> psutil.Process:
        """The direct child whose command line ends so."""
        children = psutil.Process(self.pid).children()
        return next(child for child in children if tuple(child.cmdline()[-len(words) :]) == words)

    def manage(self, *arguments: str) -> str:
        """A command in another terminal, which knows DATA_DIR and nothing else."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def refusal(env: dict[str, str], *, said_before: bool = False) -> str:
    """The one line on standard error of a launcher that refuses."""
    done = subprocess.run(
        [sys.executable, "-m", "web.launch"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1
    assert said_before or done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def install() -> Iterator[Install]:
    with data_directory() as path:
        made = Install(path / "var")
        made.start()
        yield made
        if made.process and made.process.poll() is None:
            made.stop(signal.SIGTERM)


def test_one_address_answers_when_the_launcher_says_ready(install: Install) -> None:
    said = install.said.read_text()

    assert re.search(r"Ready after \d+\.\d s", said)
    assert said.count("http://") == 1
    with urllib.request.urlopen(f"{install.address}/readyz") as response:
        assert response.status == 200


def test_nobody_else_reads_what_lies_in_its_directory(install: Install) -> None:
    loose = []
    for path in install.data_dir.rglob("*"):
        with suppress(FileNotFoundError):
            status = path.lstat()
            if status.st_mode & 0o077 and not path.is_symlink():
                loose.append(f"{path} {status.st_mode:o}")

    assert loose == []
    assert install.data_dir.stat().st_mode & 0o066 == 0, "others may pass, at most"


@pytest.mark.skipif(sys.platform != "linux", reason="a process's umask is told by Linux alone")
def test_whatever_its_processes_make_is_theirs_alone(install: Install) -> None:
    ours = [
        process
        for process in psutil.Process(install.pid).children(recursive=True)
        if process.uids().real == os.geteuid()
    ]
    told = {Path(f"/proc/{process.pid}/status").read_text().partition("Umask:")[2].split()[0] for process in ours}

    assert len(ours) >= 5
    assert told == {"0077"}


@pytest.mark.skipif(sys.platform != "linux", reason="who shares which page is told by Linux alone")
def test_web_processes_share_what_they_import(install: Install) -> None:
    with urllib.request.urlopen(f"{install.address}/signin"):
        master = next(p for p in psutil.Process(install.pid).children() if "gunicorn" in p.cmdline())

    for worker in master.children():
        memory = worker.memory_full_info()
        assert memory.uss < memory.rss / 2


def test_commands_beside_it_find_it_and_a_login_link_works_once(install: Install) -> None:
    install.manage("tenant", "acme")
    install.manage("person", "acme", "ada", "--role", "admin", "--no-password")
    link = install.address + install.manage("loginlink", "ada").split()[-1]

    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(link) as page:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert found
    with browser.open(link, data=f"csrfmiddlewaretoken={found[1]}".encode()) as page:
        assert "ada" in page.read().decode()
    with pytest.raises(urllib.error.HTTPError, match="410"):
        browser.open(link)


def test_a_second_launcher_is_told_who_has_the_data(install: Install) -> None:
    line = refusal(environment(install.data_dir))

    assert f"DATA_DIR {install.data_dir} is in use by the install at {install.address}" in line
    assert f"process {install.pid}" in line


def test_a_dead_worker_is_started_again(install: Install) -> None:
    worker = install.child("web.worker", "io")

    worker.kill()

    until(lambda: "io ended (SIGKILL); started again" in install.said.read_text(), what="the restart")
    assert install.child("web.worker", "io").pid != worker.pid


def test_a_dead_database_is_started_again(install: Install) -> None:
    install.manage("tenant", "acme")
    postgres = next(p for p in psutil.Process(install.pid).children() if p.name() == "postgres")

    postgres.kill()

    until(lambda: "PostgreSQL is back" in install.said.read_text(), what="the restart")
    assert "already there" in install.manage("tenant", "acme")


def test_ctrl_c_stops_everything_and_the_next_start_finds_its_data(install: Install) -> None:
    install.manage("tenant", "acme")
    family = install.family()

    assert install.stop(signal.SIGINT) == 0

    assert running(family) == []
    assert not (install.data_dir / "runtime.json").exists()
    install.start()
    assert "already there" in install.manage("tenant", "acme")


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's own")
def test_nothing_survives_a_killed_launcher_and_its_lock_is_no_obstacle(install: Install) -> None:
    family = install.family()

    install.stop(signal.SIGKILL)

    # No waiting in between: a start right after the crash copes with what is still on its way out.
    install.start()
    until(lambda: not running(family), what="the end of all children")
    assert install.stop(signal.SIGTERM) == 0


def test_a_taken_port_is_refused_in_one_line(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal(environment(data_dir, port))

    assert f"PORT {port} on 127.0.0.1 cannot be used (Address already in use)" in line
    assert not (data_dir / "postgres").exists()


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused_in_one_line(data_dir: Path, value: str) -> None:
    line = refusal(environment(data_dir) | {"PORT": value})

    assert re.search(f"PORT='?{value}'? is not a", line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none"),
        ("DATABASE_URL", "postgresql:::"),
        ("REDIS_URL", "redis://:secret@127.0.0.1:1/0"),
        ("REDIS_URL", "http://127.0.0.1"),
    ],
)
def test_a_server_that_does_not_answer_is_named_in_one_line(data_dir: Path, name: str, value: str) -> None:
    line = refusal(environment(data_dir) | {name: value}, said_before=True)

    assert f"{name} cannot be used" in line
    assert "secret" not in line


def test_a_setting_that_cannot_be_read_is_named_in_one_line(data_dir: Path) -> None:
    line = refusal(environment(data_dir) | {"CONN_MAX_AGE": "long"}, said_before=True)

    assert "CONN_MAX_AGE='long' is not a whole number" in line


def test_a_data_dir_that_cannot_be_written_is_refused_in_one_line(data_dir: Path) -> None:
    # Root may write in a read-only directory, but nobody can make one inside a file.
    (data_dir / "file").touch()

    line = refusal(environment(data_dir / "file" / "var"))

    assert f"DATA_DIR {data_dir}/file/var cannot be written (Not a directory)" in line
