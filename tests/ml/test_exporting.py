"""Exports that take their graph from a former one, and graphs that several exports share once they are loaded."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import letters
from trainer.ml import examples, exporting
from trainer.ml.batches import batch_of
from trainer.ml.calibration import Calibration, Part, Report, Threshold
from trainer.ml.estimator import ModeKeys
from trainer.ml.estimator.exports import GRAPH
from trainer.ml.estimator.running import KerasState, Running
from trainer.ml.estimator.values import read_values
from trainer.ml.estimator.variables import MODEL, VariableStore
from trainer.ml.exporting import export, scores_of
from trainer.ml.model import Model, ModelParams
from trainer.ml.predictor import Graphs, Predictor, load
from trainer.ml.round import Round
from trainer.ml.schema import Question, Schema
from trainer.ml.serving import Serving
from trainer.ml.states import Encoding
from trainer.ml.widening import columns_of, widened

TEXTS = ["Anna Berg flew to Oslo on Monday .", "We met Otto in New York again .", "Nothing at all"]


class Learnt(NamedTuple):
    """What a training hands over to be exported."""

    params: ModelParams
    weights: Mapping[str, np.ndarray]
    round: Round

    def export(self, base: Path, **options: Any) -> Path:
        return export(self.params, self.weights, self.round, base, **options)


def learnt(
    count: int,
    words: str,
    calibration: Calibration,
    spans: tuple[str, ...] = (),
    asked: Schema | None = None,
    encoding: Encoding | None = None,
) -> Learnt:
    """A model of spans, a question and relations, with weights by chance, after so many letters and a pool."""
    lines = [examples.parse(one | {"relations": related(one)}, one["id"]) for one in letters(count, seed=count)]
    round_ = Round.of(lines, None)
    if spans:
        round_ = replace(round_, schema=replace(round_.schema, spans=spans))
    columns = columns_of(round_.schema, asked or round_.schema)
    round_ = replace(round_, columns=columns)
    pool = [" ".join("".join(pair) for pair in product(words, repeat=2))]
    batch = batch_of(round_.seen, columns, round_.tokenizer, learnt=round_.schema, pool=pool, encoding=encoding)
    chance = np.random.default_rng(count)
    opinions = chance.integers(0, 255, (len(batch.vectors.words) + 1, 1 + len(columns.spans)), np.uint8)
    about = (columns, round_.tokenizer, batch.vocabulary, batch.vectors, batch.spread, opinions)
    params = ModelParams(*about, phases=(), calibration=calibration, basis=batch.basis, learnt=round_.schema)
    store = VariableStore()
    with Running(ModeKeys.PREDICT, store, None, 0, KerasState()).active():
        Model(replace(params, calibration=Calibration()))
    made = {name: one.numpy().shape for name, one in store.group(MODEL).items() if one.trainable}
    weights = {name: chance.normal(scale=0.3, size=shape).astype(np.float32) for name, shape in made.items()}
    return Learnt(params, weights, round_)


def related(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"head": 0, "tail": 1, "label": "goes_to"}] if len(one["spans"]) > 1 else []


def scaled(labels: int, *thresholds: Threshold) -> Part:
    return Part(np.linspace(0.5, 2.0, labels), np.linspace(-1.0, 1.0, labels), Report(None, None, 0), thresholds)


@pytest.fixture(scope="module")
def first() -> Learnt:
    return learnt(18, "abcdefghijk", Calibration())


@pytest.fixture(scope="module")
def second() -> Learnt:
    topic = scaled(2, Threshold(0.7, 12))
    return learnt(50, "klmnopqrstuvw", Calibration(scaled(2), {"topic": topic}, scaled(1), given=scaled(1)))


@pytest.fixture(scope="module")
def former(first: Learnt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first.export(tmp_path_factory.mktemp("former"))


@pytest.fixture(scope="module")
def whole(second: Learnt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made without any other export."""
    return second.export(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def exchanged(second: Learnt, former: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def no_graph(_: Serving) -> None:
        raise AssertionError("the former export has the graph already")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Serving, "signatures", no_graph)
        return second.export(tmp_path_factory.mktemp("exchanged"), previous=former)


def said(predictor: Predictor) -> dict[tuple, float]:
    return scores_of(predictor(TEXTS))


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_export_by_exchange_is_the_one_that_would_have_been_made_anew(
    former: Path, whole: Path, exchanged: Path
) -> None:
    one, other = load(whole), load(exchanged)
    spans = [[{"start": 0, "end": 9, "label": "person"}, {"start": 18, "end": 22, "label": "place"}], [], []]

    assert files(exchanged) == files(whole)
    assert said(one) == pytest.approx(said(other), abs=1e-5)
    assert [len(found) for found in one.relations(TEXTS, spans)] == [
        len(found) for found in other.relations(TEXTS, spans)
    ]
    assert (other.description, other.schema) == (one.description, one.schema)
    # They are another model than the one whose graph it is: more features, more words, other scores.
    assert {name for name, value in files(former).items() if value == files(whole)[name]} == {"saved_model.pb"}
    was, now = read_values(former), read_values(exchanged)
    for grown in ("span_pairs", "spelling_vocabulary", "relation_features", "choice_bigrams", "words", "opinions"):
        assert len(now[grown]) > len(was[grown])
    assert said(load(former)) != pytest.approx(said(other), abs=1e-2)


MORE = Schema(
    ("animal", "person", "place"),
    (Question("topic", multiple=False, choices=("money", "sport", "travel")),),
    ("fears", "goes_to", "knows"),
)


def test_what_is_learnt_of_later_needs_no_other_graph(second: Learnt, tmp_path: Path) -> None:
    part = learnt(18, "abcdefghijk", Calibration(), spans=("person",), asked=MORE)
    whole = learnt(50, "klmnopqrstuvw", second.params.calibration, asked=MORE)

    before = part.export(tmp_path)
    after = whole.export(tmp_path, previous=before)

    assert load(before).schema == Schema(("person",), second.params.schema.questions, second.params.schema.relations)
    assert load(after).schema == second.params.schema
    assert (before / GRAPH).read_bytes() == (after / GRAPH).read_bytes()
    assert {span["label"] for answer in load(before)(TEXTS) for span in answer["spans"]} <= {"person"}
    assert {span["label"] for answer in load(after)(TEXTS) for span in answer["spans"]} == {"person", "place"}


def test_scales_of_what_was_learnt_stay_with_their_labels(second: Learnt) -> None:
    known, columns = second.params.calibration, columns_of(second.params.schema, MORE)

    found = widened(known, second.params.schema, columns)

    assert known.spans is not None
    assert found.spans is not None
    assert columns.spans == ("animal", "person", "place")
    np.testing.assert_array_equal(found.spans.slope, [1.0, *known.spans.slope])
    np.testing.assert_array_equal(found.spans.offset, [0.0, *known.spans.offset])
    assert found.questions["topic"].slope.shape == (3,)
    assert widened(Calibration(), second.params.schema, columns) == Calibration()


def test_another_label_tokenizer_or_script_is_another_graph(first: Learnt) -> None:
    params, weights = first.params, first.weights
    renamed = replace(params.schema, spans=("human", *params.schema.spans[1:]))
    pairs = params.vectors._replace(pairs=np.array([7]), pair_values=params.vectors.pair_values[:0].repeat(1, 0))
    others = [
        replace(params, schema=renamed),
        replace(params, tokenizer=params.tokenizer._replace(cut_lines=not params.tokenizer.cut_lines)),
        replace(params, vectors=pairs),
    ]

    keys = [Serving(one, weights).key for one in (params, *others)]

    assert len(set(keys)) == len(keys)
    assert Serving(replace(params, calibration=Calibration(scaled(2))), weights).key == keys[0]


def test_a_graph_that_was_changed_is_not_taken_and_neither_is_one_that_is_gone(
    first: Learnt, former: Path, tmp_path: Path
) -> None:
    changed = shutil.copytree(former, tmp_path / "changed")
    (changed / "saved_model.pb").write_bytes(b"x" + (former / "saved_model.pb").read_bytes())
    key = Serving(first.params, first.weights).key

    assert exporting.has_graph(former, key)
    assert not exporting.has_graph(former, "another")
    assert not exporting.has_graph(changed, key)
    assert not exporting.has_graph(tmp_path / "nothing", key)


def test_an_export_that_does_not_answer_like_its_model_is_never_there(
    first: Learnt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "TOLERANCE", -1.0)

    with pytest.raises(RuntimeError, match="does not answer like the model"):
        first.export(tmp_path / "export")

    assert list((tmp_path / "export").iterdir()) == []


def test_exports_that_differ_in_their_values_share_one_loaded_graph(former: Path, exchanged: Path) -> None:
    graphs = Graphs()
    one, other = load(former, graphs), load(exchanged, graphs)

    told = [said(predictor) for predictor in (one, other, one, other)]

    assert one._graph is other._graph
    for found, of in zip(told, (former, exchanged, former, exchanged), strict=True):
        assert found == pytest.approx(said(load(of)), abs=1e-5)
    assert load(former, Graphs())._graph is not one._graph


def test_an_export_by_exchange_is_read_without_python(exchanged: Path) -> None:
    expected = load(exchanged)(TEXTS)

    with tf.compat.v1.Session(graph=tf.Graph()) as session:  # what TensorFlow Serving does
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(exchanged))
        signature, describe = (loaded.signature_def[name] for name in ("serving_default", "describe"))
        wanted = {name: signature.outputs[name].name for name in ("span_start", "span_score", "uncertainty")}
        assert set(signature.inputs) == {"text"}  # and none for what an encoder would say
        answered = session.run(wanted, {signature.inputs["text"].name: TEXTS})
        told = session.run(describe.outputs["json"].name)

    spans = [span for answer in expected for span in answer["spans"]]
    assert "encoder" not in json.loads(told)
    assert answered["span_start"].tolist() == [span["start"] for span in spans]
    assert answered["span_score"] == pytest.approx([span["score"] for span in spans], abs=1e-4)
    assert answered["uncertainty"] == pytest.approx([answer["uncertainty"] for answer in expected], abs=1e-4)
    assert json.loads(told) == load(exchanged).description
