"""The two commands that every peer has, and the lines that it reads and writes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Train = Callable[[list[Line], Path, argparse.Namespace], dict[str, Any]]
Predict = Callable[[list[Line], Path], Iterable[Line]]


def run(train: Train, predict: Predict) -> int:
    """Train on a file of labelled lines, or answer the lines of standard input. Training says what it did last."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["train", "predict"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model-dir", type=Path, required=True)
    parser.add_argument("--seconds", type=float, help="processor time after which training stops (spaCy only)")
    parser.add_argument("--precision", type=float, help="also find a threshold for this precision (CRFsuite only)")
    options = parser.parse_args()
    options.model_dir.mkdir(parents=True, exist_ok=True)
    if options.command == "train":
        put(train(read(options.data.open(encoding="utf-8")), options.model_dir, options))
    else:
        for answer in predict(read(sys.stdin), options.model_dir):
            put(answer)
    return 0


def read(lines: Iterable[str]) -> list[Line]:
    """The JSON objects of lines; no other characters end a line than a line feed."""
    return [json.loads(line) for line in lines if line.strip()]


def put(answer: Line) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
