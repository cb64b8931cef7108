"""What one training has traced, the next one of the same form runs: with the same outcome, and nothing left behind."""

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
from trainer.ml.fitting import Fit
from trainer.ml.inputs import of_any_length
from trainer.ml.round import Round
from trainer.ml.traced import Traced


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The mode of every program that is traced from now on."""
    found: list[str] = []
    trace = Programs._trace
    monkeypatch.setattr(Programs, "_trace", lambda self, mode, *form: found.append(mode) or trace(self, mode, *form))
    return found


@pytest.fixture
def fitted(tmp_path: Path) -> Callable[..., Fit]:
    """Fits lines, with all words there are beside them, each time in a directory of its own; as far as `run`."""

    def make(lines: list[dict[str, Any]], traced: Traced | None = None) -> Fit:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        round_ = Round.of([parse(one) for one in lines], None)
        pool = [one["text"] for one in letters(200)]
        batch = batch_of(round_.seen, round_.columns, round_.tokenizer, learnt=round_.schema, pool=pool)
        return Fit(folder, round_, batch, lambda _: None, traced)

    return make


def related(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with a relation wherever there are two spans."""
    return [
        {**one, "relations": [{"head": 0, "tail": 1, "label": "visits"}] if len(one["spans"]) == 2 else []}
        for one in lines
    ]


def test_a_training_that_runs_what_is_traced_ends_as_one_that_traces_all(
    fitted: Callable[..., Fit], modes: list[str]
) -> None:
    kept, later = Traced(), related(letters(45, seed=3))
    fitted(related(letters(20)), kept).run()
    assert modes
    modes.clear()

    again = fitted(later, kept)
    found = again.run()
    assert modes == []
    anew = fitted(later)
    expected = anew.run()

    # The same but for the order in which threads add up: what is sharded among them is not exact to the last bit.
    assert found.keys() == expected.keys()
    for row, answer in expected.items():
        assert found[row]["shares"]["topic"] == pytest.approx(answer["shares"]["topic"], abs=5e-3)
        assert [span["score"] for span in found[row]["spans"]] == pytest.approx(
            [span["score"] for span in answer["spans"]], abs=5e-3
        )
        assert [one["score"] for one in found[row]["given"]] == pytest.approx(
            [one["score"] for one in answer["given"]], abs=5e-3
        )
    one, other = again.weights(), anew.weights()
    assert {name: table.shape for name, table in one.items()} == {name: table.shape for name, table in other.items()}
    for name, table in one.items():
        np.testing.assert_allclose(table, other[name], atol=0.05, err_msg=name)


def test_nothing_of_a_training_stays_but_its_programs(fitted: Callable[..., Fit]) -> None:
    kept = Traced()

    fit = fitted([{**one, "classes": {}} for one in letters(20)], kept)
    fit.run()
    fit.estimator.empty()

    variables = fit.estimator._programs.store.everything()
    long = [variable for variable in variables if None in variable.shape.as_list()]
    assert {"span_spelling", "words", "vectors", "spelling_vocabulary"} <= {one.name.split(":")[0] for one in long}
    assert all(not one.numpy().size for one in long)


def test_other_labels_and_other_weights_are_other_programs(fitted: Callable[..., Fit], tmp_path: Path) -> None:
    params = fitted(letters(20)).params
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
