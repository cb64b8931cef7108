"""A whole install for tests: `python -m web.launch` with a folder and a port of its own, and ways to talk to it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120
T = TypeVar("T")


def eventually(what: str, get: Callable[[], T | None], seconds: float = 90) -> T:
    """The first truthy answer of ``get``; fails, saying what was waited for, when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := get()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.2)
    return found


class Install:
    """A running install."""

    def __init__(self, data_dir: Path, port: int, process: subprocess.Popen[str]) -> None:
        self.data_dir, self.port, self.process = data_dir, port, process
        self.url = f"http://127.0.0.1:{port}"
        self._console: subprocess.Popen[str] | None = None

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """What a command beside the running install prints; it finds the services by DATA_DIR alone."""
        if self._console is None:
            self._console = subprocess.Popen(
                [sys.executable, "-m", "tests.console"],
                cwd=ROOT, env=_environment(self.data_dir, self.port),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert self._console.stdin is not None
        assert self._console.stdout is not None
        print(json.dumps({"arguments": arguments, "stdin": stdin}), file=self._console.stdin, flush=True)
        done = json.loads(self._console.stdout.readline())
        assert done["code"] == 0, done["said"] + done["complained"]
        return str(done["said"])

    def leave(self) -> None:
        """No more commands."""
        if self._console is not None:
            self._console.communicate(timeout=60)

    def tenant(self, slug: str, *, person: str, spec: dict[str, Any]) -> Client:
        """A new tenant with a manager and a project, through the commands; the manager's API client."""
        self.manage("tenant", slug)
        self.manage("person", slug, person, "--role", "manager", "--no-password")
        self.manage("project", slug, "-", stdin=json.dumps(spec))
        printed = self.manage("token", slug, person, "--role", "manager")
        token = re.search(r"mgn_\S+", printed)
        assert token, printed
        return Client(self.url, slug, token.group())

    def said(self) -> str:
        """What the launcher has printed so far."""
        return (self.data_dir / "launch.log").read_text()

    def child(self, name: str) -> psutil.Process:
        """The process that the launcher started for ``name``: web, train, suggest, io, maintenance or beat."""
        marks = {"web": "gunicorn"}
        for process in psutil.Process(self.process.pid).children():
            command = process.cmdline()
            if marks.get(name, name) in command and (name == "web" or "web.worker" in command):
                return process
        raise AssertionError(f"no {name} process")


class Client:
    """The API as one person of one tenant."""

    def __init__(self, url: str, tenant: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/t/{tenant}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )

    def __call__(self, method: str, path: str, *, expect: int = 200, **options: Any) -> Any:
        response = self.http.request(method, path, **options)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text[:2000]}"
        return response.json() if response.content else None


@contextlib.contextmanager
def install(data_dir: Path, **env: str) -> Iterator[Install]:
    """Start one, wait until it says that it is ready, and stop it at the end as Ctrl-C would."""
    port = _free_port()
    log = (data_dir / "launch.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "web.launch"],
        cwd=ROOT, env=_environment(data_dir, port) | env, stdout=log, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip

    running = Install(data_dir, port, process)

    def ready() -> bool:
        printed = Path(log.name).read_text()
        assert process.poll() is None, printed
        return "Ready after" in printed

    try:
        eventually("the install to be ready", ready, START_SECONDS)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)
        running.leave()
        log.close()


def _environment(data_dir: Path, port: int) -> dict[str, str]:
    """Ours without what points at other services: an install finds its own."""
    own = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}
    return own | {"DATA_DIR": str(data_dir), "PORT": str(port), "DEMO": "0", "LOG_LEVEL": "INFO"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
