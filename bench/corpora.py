"""Labelled corpora to measure models on: nested samples, a fixed test part, and the unlabelled pool.

A corpus is a name that `corpora.py` knows in the data folder (`MARGINALIA_DATA`, else `../shared/data`), which may add
the development part to the training part (`en_bc5cdr+dev`), or two files of labelled lines, `train.jsonl:test.jsonl`.
`en_bc5cdr/kinds` asks a question with several choices instead: which labels the spans of a line have.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tests.corpora import FOLDER

Line = dict[str, Any]
TESTED = 1500  # lines, at most, where spans are looked for
KINDS = "/kinds"
SEED = 0  # of the split where a corpus has no test part, and of the part of a large test part


@dataclass(frozen=True)
class Corpus:
    """What may be labelled, and what is measured on."""

    name: str
    train: list[Line]
    test: list[Line]

    @property
    def task(self) -> str:
        """`relations`, `choices` or `spans`: what its lines were made for."""
        if any(line["relations"] for line in self.train):
            return "relations"
        return "choices" if any(line["classes"] for line in self.train) else "spans"

    def sample(self, size: str, seed: int) -> list[Line]:
        """The first lines of a permutation: so many (`200`), as many as hold so many tokens (`22000t`), or `all`."""
        shuffled = permuted(self.train, seed)
        if size == "all":
            return shuffled
        if not size.endswith("t"):
            return shuffled[: int(size)]
        found, left = [], int(size[:-1])
        for line in shuffled:
            if left <= 0:
                break
            found.append(line)
            left -= len(line["text"].split())
        return found

    def pool(self, kind: str) -> list[str]:
        """Texts without labels: `a` with those that are measured on, as in a project; `b` without them."""
        return [line["text"] for line in (self.train + self.test if kind == "a" else self.train)]


def permuted(lines: list[Line], seed: int) -> list[Line]:
    """In the random order of this seed, the one that `corpora.py -n N --seed SEED` takes the first N of."""
    lines = list(lines)
    random.Random(seed).shuffle(lines)
    return lines


def unlabelled(line: Line, task: str) -> Line:
    """What may be seen of a line that is measured on."""
    seen = ("id", "text", "spans") if task == "relations" else ("id", "text")
    return {key: line[key] for key in seen}


@cache
def load(name: str) -> Corpus:
    """The corpus of this name. Raises `FileNotFoundError` and, for a name that is not known, `KeyError`."""
    if ":" in name:
        train, test = (_lines(Path(part)) for part in name.split(":"))
        return _limited(Corpus(Path(name.partition(":")[0]).stem, train, test))
    if name.endswith(KINDS):
        spans = load(name.removesuffix(KINDS))
        return Corpus(name, *([_kinds(line) for line in part] for part in (spans.train, spans.test)))
    base, _, more = name.partition("+")
    parts = _reader().CORPORA[base]
    train = [line for part in ("train", *([more] if more else [])) for line in parts[part]()]
    if "test" in parts:
        return _limited(Corpus(name, train, list(parts["test"]())))
    shuffled = permuted(train, SEED)
    tested = min(1000, round(0.3 * len(shuffled)))
    return Corpus(name, shuffled[tested:], shuffled[:tested])


def _kinds(line: Line) -> Line:
    return line | {"spans": [], "classes": {"kinds": sorted({span["label"] for span in line["spans"]})}}


def _limited(corpus: Corpus) -> Corpus:
    """Taggers answer slowly; a part of a large test says as much."""
    if corpus.task != "spans" or len(corpus.test) <= TESTED:
        return corpus
    return Corpus(corpus.name, corpus.train, permuted(corpus.test, SEED)[:TESTED])


def _lines(path: Path) -> list[Line]:
    with path.open(encoding="utf-8") as file:
        found = [json.loads(line) for line in file if line.strip()]
    return [
        {"id": f"{path.stem}-{n}", "spans": [], "classes": {}, "relations": []} | one for n, one in enumerate(found)
    ]


@cache
def _reader() -> Any:
    spec = spec_from_file_location("corpora", FOLDER / "corpora.py")
    if spec is None or spec.loader is None or not (FOLDER / "corpora.py").exists():
        raise FileNotFoundError(f"no corpora at {FOLDER}: set MARGINALIA_DATA, or name two files, train:test")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
