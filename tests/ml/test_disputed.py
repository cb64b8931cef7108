"""What people answered differently teaches nothing, and no answer is judged by it; the rest of the document does."""

import json
from typing import Any

import numpy as np
import pytest

from tests.ml.test_partial import arrays
from trainer.ml import calibration
from trainer.ml import examples as ex
from trainer.ml.batches import batch_of
from trainer.ml.evaluation import score_answers
from trainer.ml.schema import Question, Schema
from trainer.ml.tagging import tag
from trainer.ml.tokens import Tokenizer

TEXT = "Ada met Bo.\nCy met Di."
ADA = {"start": 0, "end": 3, "label": "person"}
BO = {"start": 8, "end": 10, "label": "person"}
CY = {"start": 12, "end": 14, "label": "person"}
DI = {"start": 19, "end": 21, "label": "person"}
TOPIC, TONE = Question("topic", False, ("money", "travel")), Question("tone", True, ("angry", "urgent"))
SCHEMA = Schema(("person",), (TOPIC, TONE), ("met",))


def disputed(kind: str, **item: Any) -> dict[str, Any]:
    return {"kind": kind, **item, "for": 1, "against": 1}


def example(*open_now: dict[str, Any], exhaustive: bool = True, **given: Any) -> ex.Example:
    line = {"text": TEXT, "spans": [CY], "answers": 2, "complete": False, "exhaustive": exhaustive}
    return ex.parse({**line, "disputed": list(open_now), **given})


def keys(answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**span, "score": 0.9} for span in answer]


def test_a_disputed_span_teaches_neither_way_and_other_sequences_do() -> None:
    one = example(disputed("span", **ADA))
    batch = batch_of([one], SCHEMA, Tokenizer())

    weights, starts = batch.labels["tag_weights"], batch.inputs["start"]

    of_first_line = starts[:-1] < TEXT.index("\n")
    assert set(weights[:-1][of_first_line]) == {0.0}
    assert set(weights[:-1][~of_first_line]) == {1.0}


def test_nothing_is_known_beyond_the_marks_where_not_everybody_looked_at_everything() -> None:
    one = example(disputed("span", **ADA), exhaustive=False)

    assert not one.complete
    assert not batch_of([one], SCHEMA, Tokenizer()).labels["tag_weights"].any()


def test_a_disputed_choice_is_never_taken_for_a_no() -> None:
    one = example(
        disputed("choice", question="topic", label="money"),
        disputed("choice", question="topic", label="travel"),
        disputed("choice", question="tone", label="urgent"),
        classes={"tone": ["angry"]},
    )
    batch = batch_of([one], SCHEMA, Tokenizer())

    assert (one.answer_to(TOPIC), one.answer_to(TONE)) == (None, None)
    assert not batch.labels["choice_weights_0"].any()
    assert not batch.labels["choice_weights_1"].any()


def test_a_disputed_relation_is_no_example_of_none() -> None:
    pair = {"spans": [CY, DI], "relations": []}
    known, open_now = example(**pair), example(disputed("relation", head=CY, tail=DI, label="met"), **pair)

    weights = [batch_of([one], SCHEMA, Tokenizer()).labels["relation_weights"].tolist() for one in (known, open_now)]

    assert weights == [[1.0], [0.0]]


def test_what_is_disputed_counts_neither_for_nor_against_an_answer() -> None:
    relation = {"head": 0, "tail": 1, "label": "met"}
    one = example(disputed("span", **ADA), disputed("choice", question="tone", label="urgent"), classes={"tone": []})
    mine = {"spans": keys([ADA, CY, DI]), "relations": [relation], "choices": {}}
    mine |= {"shares": {"topic": np.zeros(2), "tone": np.zeros(2)}, "choices": {"topic": [], "tone": []}}

    found = score_answers([one], [mine], SCHEMA, [[]])

    assert [found["spans"][outcome] for outcome in ("tp", "fp", "fn")] == [1, 1, 0]
    assert found["questions"] == {}
    assert found["relations"]["predicted"]["fp"] == 0  # one of its ends is disputed
    events = calibration.judged([one], [keys([ADA, CY, DI])], ("person",))
    assert events.right.tolist() == [True, False]


def test_a_disputed_item_that_is_none_is_told() -> None:
    with pytest.raises(ex.DataError, match=r"disputed\[0\]"):
        example({"kind": "span", "start": 5, "end": 2, "label": "person"})
    with pytest.raises(ex.DataError, match=r"disputed\[0\]"):
        ex.parse(json.loads('{"text": "a", "disputed": ["Ada"]}'))


def test_a_disputed_span_off_the_edges_of_tokens_leaves_its_sequence_out_as_well() -> None:
    one = ex.parse({"text": "abcd", "disputed": [disputed("span", start=1, end=3, label="person")], "exhaustive": True})

    assert not tag([one], arrays("abcd"), ("person",)).usable[:4].any()
