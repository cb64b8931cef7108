"""The programs of tests/ml/programs here and, with the old names put in, in TensorFlow 2.15 with the real tf.estimator.

    python -m bench.estimator              # all of it, in turn, so many rounds; half an hour
    python -m bench.estimator --rounds 1 --only double answers

TensorFlow 2.15 gets an environment of its own (`bench/estimator.txt`, Python 3.11) in a folder that is kept, in
`~/.cache/marginalia` or `$XDG_CACHE_HOME`. Each run is a process; what it found is a line of the results file. What is
known of the code as it is now is not measured again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import estimator_tables
from bench.builds import WORKING_TREE, laid_out
from bench.measured import ROOT, Failed, run
from bench.rows import Row, add, read
from tests.ml.programs import names
from tests.ml.programs.left import left_in

RESULTS = ROOT / "bench" / "results" / "estimator.jsonl"
REQUIREMENTS = ROOT / "bench" / "estimator.txt"
PROGRAMS = ROOT / "tests" / "ml" / "programs"
WORLDS = {"here": "here", "knew": "tf.estimator 2.15"}


@dataclass(frozen=True)
class Run:
    """A process to measure, by its name in results."""

    what: str
    world: str
    script: str
    arguments: tuple[str, ...] = ()


def main() -> int:
    """Measure what is asked for and not yet known, and print what is known then."""
    options = _options()
    with laid_out(WORKING_TREE) as build, tempfile.TemporaryDirectory(prefix="marginalia-estimator-") as name:
        folder = Path(name)
        data = _digits(folder / "digits.npz")
        pythons = {"here": sys.executable, "knew": str(knowing())}
        lay_out(folder)
        check_names(pythons["knew"])
        known = set() if options.again else {cell(row) for row in read(RESULTS, cell)}
        for number in range(options.rounds):
            for one in _turns(number, options.only):
                row = {"what": one.what, "world": one.world, "round": number, "code": build.code}
                if cell(row) in known:
                    continue
                try:
                    row |= measured(one, pythons[one.world], folder / one.world, data)
                except Failed as failure:
                    print(f"{one.what}, {one.world}: {failure}", file=sys.stderr, flush=True)
                    continue
                add(RESULTS, row)
                print(json.dumps(row), file=sys.stderr, flush=True)
    print(estimator_tables.table(read(RESULTS, cell)))
    return 0


def cell(row: Row) -> Hashable:
    """What a row is of. The real one does not change with our code, but the programs may."""
    return tuple(row[key] for key in ("what", "world", "round", "code"))


def measured(one: Run, python: str, programs: Path, data: Path) -> Row:
    """What a process printed, what it left in its folder, and what it cost. Raises `Failed`."""
    with tempfile.TemporaryDirectory(prefix="marginalia-estimator-") as name:
        script = [str(programs / one.script), *one.arguments, name, str(data)]
        before = [str(ROOT / "bench" / "peers" / "contrib.py")] if one.world == "knew" else []
        root = programs if one.world == "knew" else ROOT
        # The file beside a script is found in either world; the product only here.
        command = ["env", f"PYTHONPATH={programs}:{root}", python, *before, *script]
        printed, cost = run(command, root=root)
        left = left_in(Path(name)) if one.what in estimator_tables.PROGRAMS else {}
    return {
        "found": json.loads(printed.splitlines()[-1]),
        **left,
        "cpu": round(cost.cpu_seconds, 2),
        "wall": round(cost.wall_seconds, 2),
        "peak_mb": round(cost.peak_mb),
        "at": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "load": round(os.getloadavg()[0], 1),
    }


def lay_out(folder: Path) -> None:
    """Two folders of the programs: as they are, and with the names of TensorFlow 2.15."""
    for world in WORLDS:
        (folder / world).mkdir()
    for path in [*PROGRAMS.glob("*.py"), *(ROOT / "bench").glob("estimator_*.py")]:
        text = path.read_text(encoding="utf-8")
        (folder / "here" / path.name).write_text(text, encoding="utf-8")
        (folder / "knew" / path.name).write_text(names.as_known(text), encoding="utf-8")


def knowing() -> Path:
    """The Python of an environment with TensorFlow 2.15, which is made if it is not there. Raises `Failed`."""
    base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "marginalia"
    folder = base / f"estimator-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        version = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
        if version is None:
            raise Failed("TensorFlow 2.15 needs Python 3.11, and there is no python3.11")
        print(f"Making {folder}", file=sys.stderr, flush=True)
        run([version, "-m", "venv", "--clear", str(folder)])
        run([str(python), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(REQUIREMENTS)])
        done.touch()
    return python


def check_names(python: str) -> None:
    """Whether TensorFlow 2.15 has what we say it had, but for contrib. Raises `Failed`."""
    knew = [name.knew.partition("(")[0] for name in names.NAMES if not name.knew.startswith("tf.contrib")]
    first, *rest = knew
    run([python, "-c", "\n".join([first, "import tensorflow as tf", *rest])])


def _turns(number: int, only: list[str] | None) -> Iterator[Run]:
    """Every run of a round; every other round begins with the other world."""
    worlds = list(WORLDS) if number % 2 else list(WORLDS)[::-1]
    both = {name: (f"{name}.py",) for name in estimator_tables.PROGRAMS}
    both |= {f"steps: {name}": ("estimator_costs.py", name) for name in estimator_tables.STEPS}
    both["answers"] = ("estimator_costs.py", "answers")
    runs = [Run(what, world, script, tuple(more)) for what, (script, *more) in both.items() for world in worlds]
    for how in ("loop", "fit"):
        runs += [
            Run(f"{how}: {name}", "here", "estimator_bare.py", (how, name)) for name in ("double", "digits, a Dataset")
        ]
    return (one for one in runs if not only or one.what in only)


def _digits(path: Path) -> Path:
    """The digits of scikit-learn as a file for both worlds."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    np.savez(path, images=digits.images, target=digits.target)
    return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.estimator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", metavar="WHAT", help="a program, `answers`, `steps: digits`, ...")
    parser.add_argument("--again", action="store_true", help="measure also what is known")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
