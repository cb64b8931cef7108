"""Calibration on events whose true probabilities are known."""

import json
from itertools import pairwise

import numpy as np
import pytest

from trainer.ml.calibration import (
    TOO_LITTLE,
    Calibration,
    Events,
    Threshold,
    by_label,
    expected_error,
    judged,
    lower_bound,
    reliability,
    several_choices,
    single_choice,
)
from trainer.ml.examples import Example, Span


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def overconfident(count: int, seed: int = 0, labels: int = 2, mean: float = 1.0) -> tuple[Events, np.ndarray]:
    """Events whose logits are twice what they should be, and too high by one; and the true probabilities."""
    chance = np.random.default_rng(seed)
    logit = chance.normal(mean, 1.5, count)
    true = sigmoid(logit)
    label, document = chance.integers(0, labels, count), np.arange(count) // 4
    return Events(label, sigmoid(2.0 * logit + 1.0), chance.random(count) < true, document), true


def events(outcomes: str, label: int = 0, scores: np.ndarray | None = None) -> Events:
    """From the surest answer down, `+` for right and `-` for wrong."""
    score = np.linspace(0.95, 0.3, len(outcomes)) if scores is None else scores
    right = np.array([outcome == "+" for outcome in outcomes])
    return Events(np.full(len(outcomes), label), score, right, np.arange(len(outcomes)))


def both(*parts: Events) -> Events:
    return Events(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def test_scores_that_boast_are_brought_to_what_they_are_worth() -> None:
    seen, _ = overconfident(4000)
    fresh, true = overconfident(4000, seed=1)

    part = by_label(seen, ("a", "b"))

    np.testing.assert_allclose(part.slope, 0.5, atol=0.06)
    np.testing.assert_allclose(part.offset, -0.5, atol=0.1)
    np.testing.assert_allclose(part.apply(fresh.score, fresh.label), true, atol=0.04)
    assert part.report.ece_before is not None
    assert part.report.ece is not None
    assert part.report.ece_before > 0.08
    assert part.report.ece < 0.03
    assert sum(one.count for one in part.report.bins) == part.report.events == 4000


def test_a_label_with_few_events_leans_on_all_and_one_with_many_on_itself() -> None:
    common, _ = overconfident(2000, labels=1)
    honest = np.random.default_rng(2).normal(1.0, 1.5, 1000)
    right = np.random.default_rng(3).random(1000) < sigmoid(honest)

    def slope_of(count: int) -> float:
        own = Events(np.ones(count, int), sigmoid(honest[:count]), right[:count], np.arange(count))
        return float(by_label(both(common, own), 2).slope[1])

    assert slope_of(0) == pytest.approx(float(by_label(common, 1).slope[0]), abs=1e-3)
    assert slope_of(5) < 0.7
    assert slope_of(1000) > 0.8


def test_calibration_keeps_the_order_even_where_outcomes_turn_it_round() -> None:
    part = by_label(events("-" * 30 + "+" * 30), 1)

    calibrated = part.apply(np.linspace(0.0, 1.0, 101))

    assert (np.diff(calibrated) > 0).all()
    assert ((calibrated > 0) & (calibrated < 1)).all()


def test_the_error_after_is_that_of_events_which_the_fit_did_not_see() -> None:
    seen, _ = overconfident(40, labels=20)

    part = by_label(seen, 20)

    final = part.apply(seen.score, seen.label)
    seen_before = expected_error(reliability(final, seen.right))
    assert part.report.ece is not None
    assert part.report.ece != pytest.approx(seen_before)
    assert part.report.bins != reliability(final, seen.right)


def test_bins_hold_equally_many_and_keep_equal_scores_together() -> None:
    scores = np.concatenate([np.full(100, 0.4), np.linspace(0.5, 0.9, 100)])
    right = np.tile([True, False], 100)

    bins = reliability(scores, right)

    assert [one.count for one in bins if one.low == 0.4] == [100]
    assert sum(one.count for one in bins) == 200
    assert all(before.high < after.low for before, after in pairwise(bins))
    by_hand = (100 * abs(0.4 - 0.5) + sum(b.count * abs(b.score - b.right) for b in bins[1:])) / 200
    assert expected_error(bins) == pytest.approx(by_hand)


def test_the_lower_bound_is_that_of_clopper_and_pearson() -> None:
    assert lower_bound(np.array(14), np.array(14), 0.95) == pytest.approx(0.05 ** (1 / 14))
    assert lower_bound(np.array(0), np.array(5)) == 0.0
    bound = float(lower_bound(np.array(7), np.array(10), 0.8))
    tail = sum(
        np.prod([(10 - i) / (i + 1) for i in range(k)]) * bound**k * (1 - bound) ** (10 - k) for k in range(7, 11)
    )
    assert tail == pytest.approx(0.2)


def test_a_threshold_is_the_lowest_score_that_shows_the_wished_precision() -> None:
    many = events("+" * 40 + "-" * 40)

    [kept] = by_label(many, 1, precision=0.8).thresholds
    [stricter] = by_label(many, 1, precision=0.9).thresholds

    assert kept.threshold is not None
    assert stricter.threshold is not None
    shown = by_label(many, 1).apply(many.score) >= kept.threshold
    assert lower_bound(many.right[shown].sum(), shown.sum()) >= 0.8
    one_more = shown.sum() + 1
    assert lower_bound(many.right[:one_more].sum(), one_more) < 0.8
    assert stricter.threshold > kept.threshold


@pytest.mark.parametrize("outcomes", ["", "+" * 7, "-" * 100, "+-" * 50])
def test_without_enough_evidence_there_is_no_threshold(outcomes: str) -> None:
    [kept] = by_label(events(outcomes), 1).thresholds

    assert kept == Threshold(None, len(outcomes), TOO_LITTLE)


def test_equal_scores_stand_or_fall_together() -> None:
    tied = events("+" * 20 + "-" * 20, scores=np.full(40, 0.9))

    assert by_label(tied, 1).thresholds[0].threshold is None


def test_labels_that_show_too_little_alone_may_show_it_together_but_one_never_seen_may_not() -> None:
    few = [events("+" * 5, label) for label in range(3)]

    kept = by_label(both(*few), 4).thresholds

    assert by_label(few[0], 1).thresholds[0].threshold is None
    assert kept[0].threshold is not None
    assert kept[0] == kept[1] == kept[2]
    assert kept[0].evidence == 15
    assert kept[3] == Threshold(None, 0, TOO_LITTLE)


def test_a_label_that_is_mostly_wrong_is_not_carried_by_those_that_are_right() -> None:
    part = by_label(both(events("+" * 60), events("-" * 60, label=1)), 2)

    assert part.thresholds[0].threshold is not None
    assert part.thresholds[1].threshold is None


def test_what_is_known_of_an_answer_decides_whether_it_is_an_event() -> None:
    whole = Example("1", "Anna Berg in Oslo", (Span(0, 9, "person"),))
    part = Example("2", whole.text, whole.spans, rejected=(Span(13, 17, "person"),), complete=False)
    answer = [
        {"start": start, "end": end, "label": label, "score": 0.5}
        for start, end, label in [(0, 9, "person"), (0, 4, "person"), (13, 17, "person"), (13, 17, "place")]
    ]

    found = judged([whole, part], [answer, answer], ("person", "place"))

    assert found.document.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert found.right.tolist() == [True, False, False, False, True, False, False]
    assert found.label.tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert judged([whole], [[]], ("person",)).score.shape == (0,)
    many = judged([whole] * 13 + [part], [answer] * 14, ("person", "place"))
    assert len(many.score) == 13 * 4  # enough without decisions on what was proposed


def shares_and_targets(count: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(5)
    logits = chance.normal(0.0, 2.0, (count, 4))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    chosen = np.array([chance.choice(4, p=row) for row in true])
    told = np.exp(logits / temperature)
    return told / told.sum(1, keepdims=True), np.eye(4)[chosen]


def test_a_temperature_makes_the_shares_of_choices_honest() -> None:
    shares, targets = shares_and_targets(3000, temperature=2.5)

    part = single_choice(shares, targets)

    assert float(part.slope) == pytest.approx(2.5, abs=0.15)
    assert part.report.ece is not None
    assert part.report.ece_before is not None
    assert part.report.ece < 0.03 < part.report.ece_before
    calibrated = part.apply_shares(shares)
    np.testing.assert_allclose(calibrated.sum(1), 1.0)
    [kept] = part.thresholds
    assert kept.threshold is not None
    shown = calibrated.max(1) >= kept.threshold
    assert targets[shown, calibrated[shown].argmax(1)].mean() > 0.8


def test_several_choices_are_scaled_each_and_share_a_threshold() -> None:
    chance = np.random.default_rng(6)
    logits = chance.normal(0.0, 2.0, (500, 3))
    chosen = (chance.random((500, 3)) < sigmoid(logits)).astype(float)

    part = several_choices(sigmoid(3.0 * logits), chosen)

    np.testing.assert_allclose(part.slope, 1 / 3, atol=0.06)
    assert len(part.thresholds) == 1
    assert part.thresholds[0].threshold is not None
    assert part.report.events == 1500


def test_nothing_out_of_fold_leaves_scores_alone_and_says_so() -> None:
    none = np.zeros((0, 3))
    part = by_label(events(""), ("a", "b"))

    told = Calibration(
        part, {"topic": single_choice(none, none), "tone": several_choices(none, none)}, None, ("a", "b")
    )

    np.testing.assert_allclose(part.apply(np.array([0.2, 0.7]), np.array([0, 1])), [0.2, 0.7], atol=1e-6)
    found = json.loads(json.dumps(told.to_dict()))
    assert found["calibration"]["spans"] == {"ece": None, "ece_before": None, "events": 0, "bins": []}
    assert found["thresholds"]["precision"] == 0.8
    assert found["thresholds"]["spans"]["b"] == {"threshold": None, "evidence": 0, "reason": TOO_LITTLE}
    assert found["thresholds"]["questions"]["topic"]["reason"] == TOO_LITTLE
    assert found["thresholds"]["relations"] == {}
