"""The launcher's children, with real processes: those that end and those that freeze are started again."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside import running, until
from web import supervisor
from web.supervisor import Child, Supervisor


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.0)
    return []


@pytest.fixture
def watcher(said: list[str]) -> Iterator[Supervisor]:
    watching = Supervisor(said.append)
    yield watching
    watching.stop()


def child(folder: Path, program: str) -> Child:
    ready = folder / "ready"
    made = Child(
        "io", [sys.executable, "-c", program], folder / "log", is_ready=ready.exists, env={"READY_FILE": str(ready)}
    )
    made.pause = 0.0
    return made


def test_one_that_shows_no_sign_of_life_is_started_again(
    tmp_path: Path, watcher: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = child(
        tmp_path, "import os, pathlib, time; pathlib.Path(os.environ['READY_FILE']).touch(); time.sleep(600)"
    )
    watcher.start([sleeper])
    watcher.wait_until_ready(60)
    assert sleeper.process is not None
    first = sleeper.process.pid
    watcher.restart_dead()
    assert said == []

    monkeypatch.setattr(supervisor, "FROZEN_SECONDS", 0.1)
    until(lambda: watcher.restart_dead() or said, what="the end of its patience")

    assert running([first]) == []
    assert said == ["io shows no sign of life", f"io ended (SIGKILL); started again. Its log: {tmp_path / 'log'}"]


def test_one_that_shows_life_is_left_alone_however_old_its_file_once_was(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.touch()
    os.utime(ready, (0, 0))  # as after a night in which the machine slept

    assert not child(tmp_path, "").frozen()


def test_one_that_ends_because_it_was_deaf_is_told_as_such(
    tmp_path: Path, watcher: Supervisor, said: list[str]
) -> None:
    watcher.start([child(tmp_path, "raise SystemExit(75)")])

    until(lambda: watcher.restart_dead() or said, what="the restart")

    assert said[0].startswith("io ended (work waited, and it did not hear); started again.")
