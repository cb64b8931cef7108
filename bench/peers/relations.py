"""scikit-learn for relations between two given spans: words between and around them, and a linear SVM."""

from __future__ import annotations

import argparse
import pickle
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from sklearn.feature_extraction import DictVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from bench.peers.command import Line, run

_WORD = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
NONE = ("", False)


def train(lines: list[Line], model_dir: Path, _options: argparse.Namespace) -> dict[str, Any]:
    """Learn from the pair of spans of each line which relation holds, and which way."""
    lines = [line for line in lines if len(line["spans"]) == 2]
    kinds = sorted({_kind(line) for line in lines} | {NONE})
    model = make_pipeline(DictVectorizer(), FunctionTransformer(_narrow), LinearSVC(C=0.2))
    model.fit([_features(line) for line in lines], [kinds.index(_kind(line)) for line in lines])
    (model_dir / "model.pickle").write_bytes(pickle.dumps((model, kinds)))
    return {"kinds": len(kinds)}


def predict(lines: list[Line], model_dir: Path) -> Iterator[Line]:
    """The relation of the two spans of each line, if any."""
    model, kinds = pickle.loads((model_dir / "model.pickle").read_bytes())
    for line, number in zip(lines, model.predict([_features(line) for line in lines]), strict=True):
        label, backwards = kinds[number]
        relation = {"head": int(backwards), "tail": 1 - int(backwards), "label": label}
        yield {"id": line.get("id"), "relations": [relation] if label else []}


def _narrow(matrix: Any) -> Any:
    """Indices of 32 bits, which is all that the SVM takes."""
    matrix.indices, matrix.indptr = matrix.indices.astype("int32"), matrix.indptr.astype("int32")
    return matrix


def _kind(line: Line) -> tuple[str, bool]:
    return next(((relation["label"], relation["head"] == 1) for relation in line["relations"]), NONE)


def _features(line: Line) -> dict[str, Any]:
    text, (first, second) = line["text"].lower(), line["spans"]
    between = _WORD.findall(text[first["end"] : second["start"]])
    before = ["<"] * 2 + _WORD.findall(text[: first["start"]])
    after = _WORD.findall(text[second["end"] :]) + [">"] * 2
    row: dict[str, Any] = {f"between={word}": 1 for word in between}
    row |= {f"pair={a}|{b}": 1 for a, b in pairwise(["<", *between, ">"])}
    for name, span in (("first", first), ("second", second)):
        head = text[span["start"] : span["end"]].split()[-1]
        row |= {f"{name}={head}": 1, f"{name}-s3={head[-3:]}": 1, f"{name}-s4={head[-4:]}": 1}
    row |= {f"before={before[-1]}": 1, f"before-2={before[-2]}": 1, f"after={after[0]}": 1, f"after-2={after[1]}": 1}
    row[f"length={min(len(between), 8)}"] = 1
    row["all=" + " ".join(between[:6])] = 1
    return row


if __name__ == "__main__":
    sys.exit(run(train, predict))
