"""Child processes that cannot outlive us: how the launcher starts and stops everything it runs."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1
# Looked up once, before any fork: between fork and exec only the system call itself is safe to make.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group a child runs as."""

    name: str
    uid: int
    gid: int


def spawn(
    command: Sequence[str | os.PathLike[str]],
    *,
    output: IO[bytes] | int,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    account: Account | None = None,
    cwd: Path | None = None,
    on_parent_death: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (Ctrl-C does not reach it) that gets a signal when we die.

    The kernel watches the thread that forks, so call this from the main thread.
    """
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
        **identity(account),
        start_new_session=True,
        # Called after the change of user, which would clear the parent-death signal.
        preexec_fn=_follow_parent(on_parent_death),  # noqa: PLW1509 - one system call, no lock can be held
    )


def identity(account: Account | None) -> dict[str, Any]:
    """The arguments that make subprocess run something as another user."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def stop(process: subprocess.Popen[bytes], *ladder: tuple[signal.Signals, float]) -> None:
    """Signal the child with each (signal, seconds to wait) in turn until it has ended; then SIGKILL."""
    for number, patience in ladder:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    _kill_session(process)
    process.wait()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for the message that says why something did not start."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """Whatever the child left running in its process group goes with it."""
    # Nothing left, or, as macOS answers for a group of zombies, "not permitted".
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _follow_parent(number: signal.Signals) -> Callable[[], None] | None:
    prctl, parent = _prctl, os.getpid()
    if prctl is None:
        return None

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_kernel
