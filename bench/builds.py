"""The code of two builds side by side: the working tree, and any commit, laid out in a folder of its own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measured import ROOT, Failed, run

WORKING_TREE = "."
LEARNS = ("trainer/ml", "words")  # what models are learnt by


@dataclass(frozen=True)
class Build:
    """What is called `name` in tables, and lies in the folder `root`."""

    name: str
    root: Path
    code: str  # a mark of what the files hold that models are learnt by: the same before and after it is committed


@contextlib.contextmanager
def laid_out(commit: str) -> Iterator[Build]:
    """The build of a commit, in a temporary folder; of `.`, the working tree as it is. Raises `Failed`."""
    if commit == WORKING_TREE:
        changed = "+" if _git("status", "--porcelain", "--", *LEARNS) else ""
        name = _git("log", "-1", "--format=%h", "--abbrev=7", "--", *LEARNS).decode().strip()
        yield _ready(name + changed, ROOT)
        return
    name = _git("rev-parse", "--short=7", f"{commit}^{{commit}}").decode().strip()
    with tempfile.TemporaryDirectory(prefix=f"marginalia-{name}-") as folder:
        there = _git("ls-tree", "-r", "-d", "--name-only", name).decode().splitlines()
        parts = [folder for folder in LEARNS if folder in there]
        with tarfile.open(fileobj=io.BytesIO(_git("archive", name, "trainer/__init__.py", *parts))) as archive:
            archive.extractall(folder, filter="data")
        yield _ready(name, Path(folder))


def _ready(name: str, root: Path) -> Build:
    """With its byte code, so that the first process that runs it does not pay for it."""
    folders = [root / folder for folder in LEARNS if (root / folder).exists()]
    run([sys.executable, "-m", "compileall", "-q", *map(str, folders)])
    mark = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        mark.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return Build(name, root, mark.hexdigest()[:8])


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
