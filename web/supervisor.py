"""The launcher's children: started, watched, restarted when they die, and stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer.queues import DEAF_STATUS
from web.processes import spawn, stop, tail

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
STEADY_SECONDS = 60.0  # a child that lived this long starts again without delay
GRACE_SECONDS = 8.0
FROZEN_SECONDS = 60.0  # a child that has not touched its READY_FILE for so long does not come back by itself
LOG_LIMIT = 10 * 1024 * 1024


class StartFailed(RuntimeError):
    """A child ended, or did not get ready in time; the message carries the end of its log."""


@dataclass
class Child:
    """One process to keep alive."""

    name: str
    command: list[str]
    log: Path
    is_ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    on_parent_death: signal.Signals = signal.SIGKILL
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    pause: float = field(default=FIRST_PAUSE, init=False)
    touched: float = field(default=-1.0, init=False)
    touched_at: float = field(default=0.0, init=False)

    def start(self) -> None:
        if (ready_file := self.env.get("READY_FILE")) is not None:
            Path(ready_file).unlink(missing_ok=True)
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            self.process = spawn(
                self.command, output=log, env={**os.environ, **self.env}, on_parent_death=self.on_parent_death
            )

    def frozen(self) -> bool:
        """Whether it has long stopped to touch its READY_FILE. By our own clock: a suspended machine blames nobody."""
        try:
            touched = Path(self.env["READY_FILE"]).stat().st_mtime
        except (KeyError, FileNotFoundError):
            return False
        if touched != self.touched:
            self.touched, self.touched_at = touched, time.monotonic()
        return time.monotonic() - self.touched_at > FROZEN_SECONDS

    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.process.poll() if self.process else None


class Supervisor:
    """Keeps a set of children alive. All calls come from the main thread."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.children: list[Child] = []

    def start(self, children: Iterable[Child]) -> None:
        for child in children:
            self.children.append(child)
            child.start()

    def wait_until_ready(self, timeout: float) -> None:
        """Until each child is ready; raises StartFailed for the first that ends or takes too long."""
        began = time.monotonic()
        waiting = list(self.children)
        while waiting:
            for child in tuple(waiting):
                if child.ended() is not None:
                    raise StartFailed(f"{child.name} ended ({_reason(child)}).{_end_of(child.log)}")
                if child.is_ready():
                    waiting.remove(child)
            if waiting and time.monotonic() - began > timeout:
                names = ", ".join(child.name for child in waiting)
                raise StartFailed(f"not ready after {timeout:.0f} s: {names}.{_end_of(waiting[0].log)}")
            time.sleep(0.05)

    def restart_dead(self) -> None:
        """Start each dead or frozen child again, after a pause that doubles while it keeps dying."""
        for child in self.children:
            if child.process is not None and child.frozen():
                self.say(f"{child.name} shows no sign of life")
                stop(child.process)
            if child.ended() is None:
                continue
            lived = time.monotonic() - child.started_at
            if lived > STEADY_SECONDS:
                child.pause = FIRST_PAUSE
            if lived > child.pause:
                why = _reason(child)
                child.pause = min(child.pause * 2, LONGEST_PAUSE)
                try:
                    child.start()
                except OSError as problem:  # a full disk, no process to be had: it may be otherwise in a while
                    self.say(f"{child.name} ended ({why}), and cannot be started again yet: {problem}")
                else:
                    self.say(f"{child.name} ended ({why}); started again. Its log: {child.log}")

    def stop(self) -> None:
        """Ask all at once, wait for all together, then insist."""
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                continue
        for process in running:
            # SIGQUIT makes a Celery worker drop its task and put it back; what is left is killed.
            stop(process, (signal.SIGQUIT, 2.0))
        self.children.clear()


def run_to_end(command: list[str]) -> str:
    """Run a command that ends by itself; what it said, or StartFailed with the end of that."""
    process = spawn(command, output=subprocess.PIPE)
    try:
        output = process.communicate()[0].decode(errors="replace")
    finally:
        stop(process)
    if process.returncode:
        said = "\n".join(output.splitlines()[-15:])
        raise StartFailed(f"{' '.join(command[1:])} failed:\n{said}")
    return output


def rotate(log: Path) -> None:
    """Keep one older log once it has grown long."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def _reason(child: Child) -> str:
    code = child.ended()
    if code == DEAF_STATUS:
        return "work waited, and it did not hear"
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"


def _end_of(log: Path) -> str:
    return f" The end of {log}:\n{tail(log)}"
