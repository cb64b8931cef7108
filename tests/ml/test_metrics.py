"""Scores by hand, and how sure one can be of them."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from trainer.ml import metrics


def answer(*spans: tuple[int, int, str], **classes: list[str]) -> dict[str, Any]:
    return {
        "id": "d",
        "spans": [{"start": s, "end": e, "label": label} for s, e, label in spans],
        "classes": classes,
        "complete": True,
    }


def test_exact_spans_and_choices_are_counted() -> None:
    gold = [answer((0, 2, "A"), (3, 5, "B"), topic=["x"]), answer((0, 1, "A"), topic=["y"])]
    mine = [answer((0, 2, "A"), (3, 6, "B"), topic=["x"]), answer(topic=["x"])]

    found = metrics.score(gold, mine)

    spans = found["spans"]
    assert (spans["tp"], spans["fp"], spans["fn"]) == (1, 1, 2)
    assert spans["f1"] == pytest.approx(0.4)
    assert spans["labels"]["A"]["recall"] == 0.5
    assert found["questions"]["topic"]["accuracy"] == 0.5
    assert found["questions"]["topic"]["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert [d["tp"] for d in found["documents"]] == [1, 0]
    assert [d["correct"] for d in found["documents"]] == [1, 0]


def test_spans_of_incomplete_lines_are_not_judged() -> None:
    found = metrics.score([{**answer((0, 2, "A")), "complete": False}], [answer((4, 5, "A"))])

    assert found["spans"] is None


def related(*relations: tuple[int, int, str], spans: tuple[tuple[int, int, str], ...], **more: Any) -> dict[str, Any]:
    told = [{"head": head, "tail": tail, "label": label} for head, tail, label in relations]
    return {**answer(*spans), "relations": told, **more}


A, B, C = (0, 2, "A"), (3, 5, "B"), (6, 8, "B")


def test_a_relation_is_right_with_its_label_direction_and_both_spans() -> None:
    gold = [related((0, 1, "r"), (0, 2, "r"), (1, 2, "q"), spans=(A, B, C))]
    mine = [related((2, 0, "r"), (2, 1, "r"), (0, 1, "q"), spans=(B, (6, 9, "B"), A))]

    found = metrics.score_relations(gold, mine)

    # The first is A → B, as in gold; the second has a span with a wrong edge; the third points the other way.
    assert (found["tp"], found["fp"], found["fn"]) == (1, 2, 2)
    assert found["labels"]["r"]["f1"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx((0.5 + 0.0) / 2)
    [document] = metrics.score(gold, mine)["documents"]
    assert [document[f"relation_{outcome}"] for outcome in ("tp", "fp", "fn")] == [1, 2, 2]
    unfinished = [{**gold[0], "complete": False}]
    assert metrics.score_relations(unfinished, mine)["labels"] == {}


def test_relations_are_compared_where_there_are_any() -> None:
    good = metrics.score([related((0, 1, "r"), spans=(A, B))] * 20, [related((0, 1, "r"), spans=(A, B))] * 20)
    bad = metrics.score([related((0, 1, "r"), spans=(A, B))] * 20, [related(spans=(A, B))] * 20)

    low, high = metrics.bootstrap_interval(good["documents"])["relations"]
    assert (0.8 < low < 1.0, high) == (True, 1.0)
    assert metrics.probability_worse(good["documents"], bad["documents"])["relations"] == 0.0
    assert set(metrics.bootstrap_interval(documents((1, 1, 1)))) == {"f1", "accuracy"}


def documents(*counts: tuple[int, int, int]) -> list[dict[str, Any]]:
    return [
        {"id": str(i), "tp": tp, "fp": fp, "fn": fn, "correct": tp, "asked": tp + fn}
        for i, (tp, fp, fn) in enumerate(counts)
    ]


def test_interval_holds_the_score_and_narrows_with_documents() -> None:
    few, many = documents(*[(3, 1, 1), (0, 2, 2)] * 4), documents(*[(3, 1, 1), (0, 2, 2)] * 100)

    (low, high), (low_many, high_many) = (metrics.bootstrap_interval(d)["f1"] for d in (few, many))

    assert low < low_many < 0.5 < high_many < high


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (answer((0, 2, "A")), {"f1"}),
        (answer(topic=["x"]), {"accuracy"}),
        (answer((0, 2, "A"), topic=["x"]), {"f1", "accuracy"}),
        (answer(), set()),
    ],
)
def test_of_what_is_not_asked_nothing_is_told(line: dict[str, Any], told: set[str]) -> None:
    right = metrics.score([line] * 5, [line] * 5)["documents"]

    assert set(metrics.bootstrap_interval(right)) == told
    assert set(metrics.probability_worse(right, right)) == told
    assert metrics.bootstrap_interval([]) == metrics.probability_worse([], []) == {}


def test_nothing_is_certain_after_a_few_documents_without_a_fault() -> None:
    lows = []
    for many in (4, 25, 400):
        right, wrong = documents(*[(3, 0, 0)] * many), documents(*[(0, 3, 3)] * many)
        low, high = metrics.bootstrap_interval(right)["f1"]
        assert high == 1.0
        assert metrics.bootstrap_interval(right)["accuracy"] == pytest.approx((low, high))
        assert metrics.bootstrap_interval(wrong)["f1"] == pytest.approx((0.0, 1 - low))
        lows.append(low)

    # At the edge the unseen half of a document is drawn twice.
    assert lows == pytest.approx([1 - 2 / 5, 1 - 2 / 26, 1 - 2 / 401], abs=0.02)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(5)
    held = 0
    for world in range(200):
        right = draw.binomial(3, draw.beta(2.7, 0.3, 12))
        low, high = metrics.bootstrap_interval(documents(*[(n, 3 - n, 3 - n) for n in right]), samples=400, seed=world)[
            "f1"
        ]
        held += low <= 0.9 <= high

    assert held >= 190


def test_worse_better_and_the_same_are_told_apart() -> None:
    good, bad = documents(*[(4, 1, 1)] * 30), documents(*[(2, 3, 3)] * 30)

    assert metrics.probability_worse(good, bad)["f1"] == 0.0
    assert metrics.probability_worse(bad, good)["f1"] == 1.0
    assert metrics.probability_worse(good, good)["f1"] == 0.5
    with pytest.raises(ValueError, match="same documents"):
        metrics.probability_worse(good, bad[:3])


def test_three_documents_are_not_enough_to_be_sure() -> None:
    same = [(4, 1, 1)] * 12
    good, bad = documents(*[(4, 1, 1)] * 3, *same), documents(*[(2, 3, 3)] * 3, *same)

    # Were neither better, all three would be for the old one in an eighth of all cases; a case like that counts half.
    assert metrics.probability_worse(bad, good)["f1"] == pytest.approx(1 - 1 / 16, abs=0.01)
    assert metrics.probability_worse(bad[:1], good[:1])["f1"] == pytest.approx(1 - 1 / 4, abs=0.02)


def test_metrics_need_no_tensorflow() -> None:
    code = "import sys, trainer.ml.metrics; sys.exit('tensorflow' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
