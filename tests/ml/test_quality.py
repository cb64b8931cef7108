"""Real corpora, where they are at hand: the library must not fall below these floors."""

import importlib.util
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainer.ml.evaluation import evaluate
from trainer.ml.training import train

DATA = Path(os.environ.get("MARGINALIA_DATA", Path(__file__).parents[3] / "shared/data"))


@pytest.fixture(scope="module", autouse=True)
def folds() -> None:
    """As many as the product has."""


@pytest.fixture(scope="module")
def corpus() -> Callable[[str, str], list[dict[str, Any]]]:
    path = DATA / "corpora.py"
    if not path.exists():
        pytest.skip(f"the real corpora are absent: no {path} (set MARGINALIA_DATA)")
    spec = importlib.util.spec_from_file_location("corpora", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def load(name: str, split: str) -> list[dict[str, Any]]:
        lines = list(module.load(name, split))
        random.Random(0).shuffle(lines)
        return lines

    return load


def test_people_and_places_of_an_encyclopedia(
    corpus: Callable[..., list[dict[str, Any]]], write: Callable[..., Path], tmp_path: Path
) -> None:
    lines = corpus("en_wikigold", "train")
    fifth = len(lines) // 5

    found = train(write(lines[:-fifth]), tmp_path / "model")
    measured = evaluate(found["export"], lines[-fifth:])

    assert measured["spans"]["f1"] >= 0.55, json.dumps(measured["spans"])


def test_what_customers_of_a_bank_ask(
    corpus: Callable[..., list[dict[str, Any]]], write: Callable[..., Path], tmp_path: Path
) -> None:
    found = train(write(corpus("en_banking77", "train")[:2000]), tmp_path / "model")
    measured = evaluate(found["export"], corpus("en_banking77", "test"))

    assert measured["questions"]["intent"]["accuracy"] >= 0.75
