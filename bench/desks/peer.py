"""A peer from PyPI: its virtual environment outside the repository, its server, and its end."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "marginalia-bench"
START_SECONDS = 300


def environment(name: str, packages: list[str]) -> Path:
    """The folder of a virtual environment with these packages, made the first time."""
    folder = CACHE / name
    stamp = folder / "installed"
    wanted = "\n".join(packages)
    if not stamp.exists() or stamp.read_text() != wanted:
        CACHE.mkdir(parents=True, exist_ok=True)
        print(f"Installing {name} (once)", file=sys.stderr)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "-p", folder / "bin/python", *packages], check=True)
        stamp.write_text(wanted)
    return folder


@contextlib.contextmanager
def serving(command: list[str | Path], url: str, log: Path, **options: object) -> Iterator[None]:
    """Run it until the end of the block; it is up when this address answers."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, **options)  # type: ignore[call-overload]
        try:
            _answers(process, url, log)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        assert time.monotonic() < deadline, f"{url} did not answer in time"
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).status_code < 500:
                return
        time.sleep(0.5)
