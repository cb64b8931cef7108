"""What one training has traced, the next one of the same form runs: with the same outcome, and nothing left behind."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import letters
from trainer.ml.batches import batch_of
from trainer.ml.estimator.programs import Programs
from trainer.ml.examples import parse
from trainer.ml.exporting import scores_of
from trainer.ml.fitting import Fit
from trainer.ml.inputs import of_any_length
from trainer.ml.predictor import load
from trainer.ml.round import Round
from trainer.ml.traced import Traced
from trainer.ml.training import train


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The mode of every program that is traced from now on."""
    found: list[str] = []
    trace = Programs._trace
    monkeypatch.setattr(Programs, "_trace", lambda self, mode, form: found.append(mode) or trace(self, mode, form))
    return found


@pytest.fixture
def learn(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Trains on lines, each time in a directory of its own, with all words there are beside them."""
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps(one) + "\n" for one in letters(200)), encoding="utf-8")

    def run(lines: list[dict[str, Any]], traced: Traced | None = None) -> dict[str, Any]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        data = folder / "data.jsonl"
        data.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
        return train(data, folder / "model", pool=pool, traced=traced)

    return run


def related(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with a relation wherever there are two spans."""
    return [
        {**one, "relations": [{"head": 0, "tail": 1, "label": "visits"}] if len(one["spans"]) == 2 else []}
        for one in lines
    ]


def test_a_training_that_runs_what_is_traced_ends_as_one_that_traces_all(
    learn: Callable[..., dict[str, Any]], modes: list[str]
) -> None:
    kept, later = Traced(), related(letters(45, seed=3))
    learn(related(letters(20)), kept)
    assert modes
    modes.clear()

    again = learn(later, kept)
    assert modes == []
    anew = learn(later)

    assert again["metrics"]["spans"] == anew["metrics"]["spans"]
    # The same but for the order in which threads add up: what is sharded among them is not exact to the last bit.
    models, texts = [load(found["export"]) for found in (again, anew)], [one["text"] for one in letters(10, seed=4)]
    one, other = (scores_of(model(texts)) for model in models)
    assert one.keys() == other.keys()
    assert one == pytest.approx(other, abs=5e-3)
    kept_values, values = (model._values for model in models)
    for name in ("words", "vectors", "spelling_vocabulary", "choice_scale", "span_barred"):
        np.testing.assert_array_equal(kept_values[name], values[name])


def test_nothing_of_a_training_stays_but_its_programs(learn: Callable[..., dict[str, Any]]) -> None:
    kept = Traced()

    learn(letters(20), kept)

    assert kept._estimator is not None
    variables = kept._estimator._programs.store.everything()
    long = [variable for variable in variables if None in variable.shape.as_list()]
    assert {"span_spelling", "words", "vectors", "spelling_vocabulary"} <= {one.name.split(":")[0] for one in long}
    assert all(not one.numpy().size for one in long)


def test_other_labels_and_other_weights_are_other_programs(tmp_path: Path) -> None:
    round_ = Round.of([parse(one) for one in letters(20)], None)
    batch = batch_of(round_.seen, round_.schema, round_.tokenizer)
    params = Fit(tmp_path, round_, batch, lambda _: None).params
    kept = Traced()

    first = kept.estimator(tmp_path, params)
    assert kept.estimator(tmp_path, replace(params, opinions=params.opinions[:3])) is first
    forms = [
        replace(params, copies=1),
        replace(params, schema=replace(params.schema, spans=("person", "town"))),
        replace(params, tokenizer=params.tokenizer._replace(by_character=True)),
        params,
    ]
    others = [kept.estimator(tmp_path, form) for form in forms]

    assert len({id(one) for one in (first, *others)}) == 5


def test_programs_are_traced_for_texts_of_any_length() -> None:
    given = {"types": np.zeros((7, 5), np.int32), "learns": np.zeros((3, 4), np.float32), "documents": np.int32(4)}
    given |= {"name": {"opinion": np.zeros((3, 9, 2), np.float32)}, "ratio_band": np.zeros(2, np.float32)}
    specs = tf.data.Dataset.from_tensors((given, {})).element_spec

    found, none = of_any_length(specs)

    assert none == {}
    assert {name: spec.shape.as_list() for name, spec in found.items() if name != "name"} == {
        "types": [None, 5], "learns": [3, None], "documents": [], "ratio_band": [2],
    }  # fmt: skip
    assert found["name"]["opinion"].shape.as_list() == [3, None, 2]
