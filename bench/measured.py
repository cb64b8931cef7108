"""A command in a process of its own, and what it cost."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
Listener = Callable[[bytes, int], None]  # is given a line of stderr, and the id of the process that wrote it


class Failed(Exception):
    """The command ended with an error; says which, and the end of what it told."""


@dataclass(frozen=True)
class Cost:
    """Processor time of the process and of its children, time on the clock, and its largest resident memory."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


def run(
    command: Sequence[str], given: Path | None = None, *, root: Path = ROOT, listener: Listener | None = None
) -> tuple[str, Cost]:
    """What the command printed, and its cost. Raises `Failed`.

    It runs on the code in `root`. Each line that it writes on stderr goes to the `listener`, as it comes.
    """
    environment = os.environ | QUIET | {"PYTHONPATH": str(root)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        began = perf_counter()
        with (given or Path(os.devnull)).open("rb") as stdin:
            process = subprocess.Popen(
                command,
                cwd=root,
                env=environment,
                stdin=stdin,
                stdout=out,
                stderr=subprocess.PIPE if listener else errors,
            )
        if listener and process.stderr:
            with process.stderr:
                for line in process.stderr:
                    errors.write(line)
                    listener(line, process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = perf_counter() - began
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            told = errors.read().decode(errors="replace")[-2000:]
            raise Failed(f"{' '.join(command)}\nended with {process.returncode}\n{told}")
        return out.read().decode(), Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def megabytes(folder: Path) -> tuple[float, float]:
    """Size of all files of a folder, and of the same as a compressed archive."""
    raw = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            archive.add(folder, arcname=".")
        return raw / 1e6, file.tell() / 1e6
