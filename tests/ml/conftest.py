"""What the tests of the library share: quiet TensorFlow, and small labelled texts made by hand."""

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

PEOPLE = ["Anna Berg", "Otto", "Mia Kern", "Jon", "Ida Falk", "Per Lund", "Eva", "Tom Reed"]
PLACES = ["Oslo", "Bergen", "New York", "Rome", "Lima", "Graz"]
PATTERNS = [
    ("{person} flew to {place} on Monday .", "travel"),
    ("We met {person} in {place} again .", "travel"),
    ("The invoice of {person} is wrong .", "money"),
    ("Please pay {person} before Friday .", "money"),
]


def line(ident: str, text: str, **given: Any) -> dict[str, Any]:
    """A labelled line with nothing on it but what is given."""
    return {"id": ident, "text": text, "spans": [], "classes": {}, "relations": [], "complete": True, **given}


def letters(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Short letters with people and places, and a topic."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        pattern, topic = chance.choice(PATTERNS)
        text, spans = "", []
        for piece in pattern.split(" "):
            text += " " if text else ""
            if piece in ("{person}", "{place}"):
                name = chance.choice(PEOPLE if piece == "{person}" else PLACES)
                spans.append({"start": len(text), "end": len(text) + len(name), "label": piece[1:-1]})
                text += name
            else:
                text += piece
        lines.append(line(f"letter-{number}", text, spans=spans, classes={"topic": [topic]}))
    return lines


@contextmanager
def two_folds() -> Iterator[None]:
    """Answers out of fold from two models, not five: in half the time. How good models are is measured elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.ml.crossfit.FOLDS", 2)
        yield


@pytest.fixture(scope="module", autouse=True)
def folds() -> Iterator[None]:
    """So few in every file but those that have a fixture of this name of their own."""
    with two_folds():
        yield


class Trained(NamedTuple):
    """A training that several tests look at; none of them may change its files."""

    data: Path
    found: dict[str, Any]
    progress: list[dict[str, Any]]

    @property
    def export(self) -> Path:
        return Path(self.found["export"])


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One training on sixty letters: what it was given, what it found, and the progress that it told."""
    from trainer.ml.training import train

    folder = tmp_path_factory.mktemp("letters")
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in letters(60)), encoding="utf-8")
    progress: list[dict[str, Any]] = []
    with two_folds():
        return Trained(data, train(data, folder / "model", on_progress=progress.append), progress)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Iterable[dict[str, Any]]], Path]:
    """Writes lines to a file and says where."""

    def to_file(lines: Iterable[dict[str, Any]]) -> Path:
        path = tmp_path / "data.jsonl"
        path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines), encoding="utf-8")
        return path

    return to_file
