"""Relations between spans: from labelled pairs to answers, with the spans found or given."""

import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import PEOPLE, PLACES, line
from trainer.ml.__main__ import main
from trainer.ml.candidates import FOLLOWING, WITHIN, candidates_of, given_spans, placed
from trainer.ml.evaluation import evaluate
from trainer.ml.examples import Example, Relation, Span
from trainer.ml.features import extract, read_words
from trainer.ml.heads.relations import lesson_of
from trainer.ml.inputs import Inputs, Numbering, vocabulary_of
from trainer.ml.opinions import no_opinions
from trainer.ml.predictor import Predictor, load
from trainer.ml.schema import Schema, SchemaError
from trainer.ml.tokens import Tokenizer
from trainer.ml.training import train
from trainer.ml.vectors import learn

PATTERNS = [
    ("{person} has lived in {place} for years .", ["lives_in"]),
    ("{place} is the home of {person} today .", ["lives_in"]),
    ("{person} never saw {place} again .", []),
    ("{person} asked {person} about {place} .", []),
    ("{person} , the boss of {person} , called .", ["leads"]),
]


def homes(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Sentences of who lives where (from person to place, whichever comes first) and who leads whom."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        pattern, related = chance.choice(PATTERNS)
        text, spans = "", []
        for piece in pattern.split(" "):
            text += " " if text else ""
            if piece.startswith("{"):
                name = chance.choice(PEOPLE if piece == "{person}" else PLACES)
                spans.append({"start": len(text), "end": len(text) + len(name), "label": piece[1:-1]})
                text += name
            else:
                text += piece
        head = next((row for row, span in enumerate(spans) if span["label"] == "person"), 0)
        relations = [{"head": head, "tail": 1 - head, "label": label} for label in related]
        lines.append(line(f"home-{number}", text, spans=spans, relations=relations))
    return lines


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A model of eighty sentences, and what its training told."""
    folder = tmp_path_factory.mktemp("homes")
    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in homes(80)), encoding="utf-8")
    found = train(data, folder / "model")
    return Path(found["export"]), found["metrics"]


@pytest.fixture(scope="module")
def predictor(export: tuple[Path, dict[str, Any]]) -> Predictor:
    return load(export[0])


def span(text: str, words: str, label: str) -> dict[str, Any]:
    start = text.index(words)
    return {"start": start, "end": start + len(words), "label": label}


def named(relations: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return [(found["head"], found["tail"], found["label"]) for found in relations]


def test_relations_are_learnt_with_their_direction(export: tuple[Path, dict[str, Any]]) -> None:
    path, told = export

    found = evaluate(path, homes(60, seed=5))["relations"]

    assert found["given"]["macro_f1"] > 0.9
    assert found["predicted"]["f1"] > 0.75
    assert set(found["given"]["labels"]) == {"leads", "lives_in"}
    # Nothing was held out: what training tells of itself are answers out of fold.
    assert told["relations"]["given"]["f1"] > 0.8
    assert told["relations"]["predicted"]["tp"] > 0
    assert set(told["thresholds"]["relations"]) == {"leads", "lives_in"}
    assert told["calibration"]["relations"]["events"] > 0
    assert told["spans_left_out"]["relations"] == 0


def test_an_answer_relates_the_spans_that_it_finds(predictor: Predictor) -> None:
    texts = ["Nobody called .", "Rome is the home of Ida Falk today .", "Otto , the boss of Eva , called ."]

    nothing, home, boss = predictor(texts)

    assert nothing["relations"] == []
    [relation] = home["relations"]
    assert [home["spans"][relation[end]]["label"] for end in ("head", "tail")] == ["person", "place"]
    assert relation["label"] == "lives_in"
    assert 0.0 < relation["score"] <= 1.0
    assert named(boss["relations"]) == [(0, 1, "leads")]


def test_a_suggested_relation_points_at_suggested_spans(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Rome is the home of Ida Falk today ."
    [whole] = predictor([text])
    rare = {"spans": {"place": {"threshold": 2.0}}, "questions": {}, "relations": {}, "precision": 0.0}

    monkeypatch.setitem(predictor.description, "thresholds", {**rare, "spans": {}})
    assert named(predictor.suggest([text])[0]["relations"]) == named(whole["relations"])
    monkeypatch.setitem(predictor.description, "thresholds", rare)
    [shown] = predictor.suggest([text])

    assert [found["label"] for found in shown["spans"]] == ["person"]
    assert shown["relations"] == []


def test_given_spans_may_come_in_any_order_and_lie_off_the_edges_of_words(predictor: Predictor) -> None:
    text = "Ida Falk has lived in Bergen for years ."
    person, place = span(text, "Ida Falk", "person"), span(text, "Bergen", "place")
    inside = span(text, "erge", "place")

    answers = predictor.relations([text, text, text, text], [[person, place], [place, person], [person, inside], []])

    assert [named(found) for found in answers] == [[(0, 1, "lives_in")], [(1, 0, "lives_in")], [(0, 1, "lives_in")], []]
    assert answers[0][0]["score"] == pytest.approx(answers[1][0]["score"], abs=1e-5)
    assert answers[0][0]["score"] == pytest.approx(answers[2][0]["score"], abs=1e-5)
    with pytest.raises(ValueError, match="2 texts, but spans of 1"):
        predictor.relations([text, text], [[person]])


def test_odd_given_spans_are_no_trouble(predictor: Predictor) -> None:
    text = "😀 Ida Falk has lived in Bergen for years .  "
    odd = [
        {"start": 0, "end": len(text), "label": "never seen"},
        {"start": len(text) - 1, "end": len(text), "label": "place"},  # a space
        span(text, "Ida", "person"),
        span(text, "Ida Falk", "person"),
    ]

    [found, nothing] = predictor.relations([text, ""], [odd, []])

    assert all({one["head"], one["tail"]} <= set(range(4)) for one in found)
    assert nothing == []


def test_both_signatures_speak_without_this_library(export: tuple[Path, dict[str, Any]]) -> None:
    model = tf.saved_model.load(str(export[0]))
    text = "Eva has lived in Oslo for years ."

    served = model.signatures["serving_default"](text=tf.constant([text]))
    related = model.signatures["relations"](
        text=tf.constant(["", text]),
        span_document=tf.constant([1, 1]),
        span_start=tf.constant([17, 0]),
        span_end=tf.constant([21, 3]),
        span_label=tf.constant(["place", "person"]),
    )

    assert served["relation_label"].numpy().tolist() == [b"lives_in"]
    assert (served["relation_head"].numpy().tolist(), served["relation_tail"].numpy().tolist()) == ([0], [1])
    told = {name: column.numpy().tolist() for name, column in related.items()}
    assert (told["relation_document"], told["relation_head"], told["relation_tail"]) == ([1], [1], [0])


def test_the_command_line_answers_for_given_spans(
    export: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "Eva has lived in Oslo for years ."
    given = {"id": "a", "text": text, "spans": [span(text, "Oslo", "place"), span(text, "Eva", "person")]}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(given).encode() + b"\n")))

    assert main(["predict", "--export", str(export[0]), "--given-spans"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["id"], told["spans"]) == ("a", given["spans"])
    assert named(told["relations"]) == [(1, 0, "lives_in")]


def test_an_export_that_knows_no_relations_finds_none(tmp_path: Path) -> None:
    described = json.dumps({"format": 1, "schema": {"spans": [], "questions": {}}})

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(text: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"uncertainty": tf.zeros(tf.shape(text))}

    describe = tf.function(lambda: {"json": tf.constant(described)}, autograph=False).get_concrete_function()
    signatures = {"serving_default": serve.get_concrete_function(), "describe": describe}
    tf.saved_model.save(tf.Module(), str(tmp_path / "1"), signatures=signatures)

    old = load(tmp_path / "1")

    assert old.relations(["Eva"], [[{"start": 0, "end": 3, "label": "person"}]]) == [[]]
    assert old(["Eva"]) == [{"spans": [], "relations": [], "choices": {}, "uncertainty": 0.0}]
    assert old.schema.relations == ()


def numbered(texts: Sequence[str]) -> Inputs:
    found = extract(tf.constant(list(texts)), Tokenizer())
    vectors = learn(read_words(texts, Tokenizer()))
    return Numbering(vocabulary_of(found), vectors, no_opinions(vectors, 0)).number(found)


def test_only_complete_documents_tell_what_is_not_related() -> None:
    text = "Eva met Otto and Jon ."
    spans = (Span(0, 3, "person"), Span(8, 12, "person"), Span(17, 20, "person"))
    knows = (Relation(2, 0, "knows"),)
    examples = [
        Example("whole", text, spans, knows),
        Example("part", text, spans, knows, complete=False),
    ]

    lesson = lesson_of(examples, Schema(("person",), (), ("knows",)), numbered([text, text]))

    assert lesson.labels["relation_document"].tolist() == [0, 0, 0, 1, 1, 1]
    assert lesson.labels["relation_weights"].tolist() == [1, 1, 1, 0, 1, 0]
    # Pairs are (0, 1), (0, 2), (1, 2); the second relates backwards, as the last class says.
    assert lesson.labels["relation_target"].argmax(1).tolist() == [0, 2, 0, 0, 2, 0]


def test_pairs_too_far_apart_are_no_candidates_and_counted() -> None:
    text = "Eva " + "and " * (WITHIN + 1) + "Otto met Jon ."
    far, otto = text.index("Otto"), (text.index("Otto"), text.index("Otto") + 4)
    spans = (Span(0, 3, "person"), Span(*otto, "person"), Span(far + 9, far + 12, "person"))
    example = Example("far", text, spans, (Relation(0, 1, "knows"), Relation(1, 2, "knows")))

    lesson = lesson_of([example], Schema(("person",), (), ("knows",)), numbered([text]))

    assert lesson.left_out == 1
    assert lesson.labels["relation_target"].tolist() == [[0, 1, 0]]


def test_candidates_grow_with_the_spans_and_not_with_their_square() -> None:
    text = " ".join(["Eva"] * 200)
    given = given_spans([[(4 * row, 4 * row + 3, "person") for row in range(200)]])

    spans, order = placed(numbered([text]), given, ("person",))
    pairs = candidates_of(spans)

    assert order.numpy().tolist() == list(range(200))
    apart = (pairs.second - pairs.first).numpy()
    assert (apart.min(), apart.max()) == (1, FOLLOWING)
    assert len(apart) == 200 * FOLLOWING - FOLLOWING * (FOLLOWING + 1) // 2


def test_the_schema_says_which_relations_can_be_learnt() -> None:
    spans = (Span(0, 3, "person"), Span(4, 7, "person"))
    knows = Example("a", "Eva Jon", spans, (Relation(0, 1, "knows"),))
    schema = Schema(("person",), (), ("knows", "leads"))

    assert Schema.shown_by([knows]).relations == ("knows",)
    assert Schema.from_dict(schema.to_dict()) == schema
    known, reasons = schema.learnable([knows])
    assert (known.relations, reasons) == (("knows",), {"leads": "no example"})
    known, reasons = schema.learnable([Example("a", "Eva Jon", spans, knows.relations, complete=False)])
    assert known.relations == ()
    assert reasons == dict.fromkeys(("knows", "leads"), "no complete document")
    with pytest.raises(SchemaError, match="a: relation 'knows' is not in the schema"):
        Schema(("person",)).check([knows])


def test_meaning_of_a_pair_is_finite_where_nothing_lies_between() -> None:
    text = "Eva Otto"
    example = Example("a", text, (Span(0, 3, "person"), Span(4, 8, "person"), Span(0, 8, "person")))

    lesson = lesson_of([example], Schema(("person",), (), ("knows",)), numbered([text]))

    assert len(lesson.labels["relation_target"]) == 3
    assert np.isfinite(lesson.labels["relation_meaning"]).all()
