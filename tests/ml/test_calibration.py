"""Calibration on events whose true probabilities are known."""

import json
from itertools import pairwise

import numpy as np
import pytest

from trainer.ml.calibration import Calibration, Events, by_label, judged, several_choices, single_choice
from trainer.ml.examples import Example, Span
from trainer.ml.reliability import error_interval, expected_error, reliability
from trainer.ml.thresholds import TOO_LITTLE, Threshold, design_effects, lower_bound, threshold_of


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

    assert slope_of(0) == pytest.approx(float(by_label(common, 1).slope[0]), abs=2e-3)
    assert slope_of(5) < 0.6
    assert slope_of(1000) > 0.75


def test_calibration_keeps_the_order_even_where_outcomes_turn_it_round() -> None:
    part = by_label(events("-" * 30 + "+" * 30), 1)

    calibrated = part.apply(np.linspace(0.0, 1.0, 101))

    assert (np.diff(calibrated) > 0).all()
    assert ((calibrated > 0) & (calibrated < 1)).all()


def test_the_error_after_is_that_of_events_which_the_fit_did_not_see() -> None:
    seen, _ = overconfident(60, labels=20)

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
    shown = int((by_label(many, 1).apply(many.score) >= kept.threshold).sum())

    def bound(count: int) -> float:
        worth = count / design_effects(many.right[:count], many.document[:count])[-1]
        return float(lower_bound(worth * many.right[:count].mean(), worth))

    assert shown > 40
    assert bound(shown) >= 0.8
    assert all(bound(more) < 0.8 for more in range(int(shown / 0.89) + 1, 81))
    assert stricter.threshold > kept.threshold


def test_two_wrong_answers_early_on_do_not_hide_what_comes_after_them() -> None:
    unlucky = events("+" * 15 + "-" * 2 + "+" * 30)

    kept = threshold_of(unlucky.score, unlucky.right, unlucky.document).threshold

    assert kept is not None
    assert (unlucky.score >= kept).all()


def test_scores_are_not_tried_one_by_one() -> None:
    """Where 73 of 100 scores pass by a hair and neither more nor fewer, that is chance."""
    right = np.array([True] * 60 + [False] * 10 + [True] * 3 + [False] * 27)
    score = np.linspace(0.99, 0.5, 100)
    effect = design_effects(right, np.arange(100))
    bound = lower_bound(np.cumsum(right) / effect, np.arange(1, 101) / effect)

    kept = threshold_of(score, right, np.arange(100), precision=float(bound[72]) - 1e-9).threshold

    assert bound[71] < bound[72] > bound[73]
    assert kept is not None
    assert int((score >= kept).sum()) == 65


def test_answers_of_one_document_count_for_as_many_as_they_are_worth() -> None:
    right = np.array([True] * 20 + [False] * 4)
    apart, together = np.arange(24), np.repeat(np.arange(6), 4)

    assert design_effects(right, apart)[-1] == pytest.approx(24 / 23, rel=0.1)
    assert design_effects(right, together)[-1] == pytest.approx(4 * 6 / 5, rel=0.1)
    assert design_effects(right, np.zeros(24, int)).tolist() == list(range(1, 25))
    # By hand, from the second on: sums of squares over documents, over those of single events.
    documents = np.array([0, 0, 1, 1, 1])
    hits = np.array([True, True, True, False, True])
    share = 5 / 7
    by_document = (2 - 2 * share) ** 2 + (2 - 3 * share) ** 2
    alone = 4 * (1 - share) ** 2 + share**2
    assert design_effects(hits, documents)[-1] == pytest.approx(max(1.0, 2 * by_document / alone))
    score = np.linspace(0.9, 0.5, 20)
    assert threshold_of(score, np.ones(20, bool), np.arange(20)).threshold is not None
    assert threshold_of(score, np.ones(20, bool), np.arange(20) // 10).threshold is None


@pytest.mark.parametrize("outcomes", ["", "+" * 7, "-" * 100, "+-" * 50])
def test_without_enough_evidence_there_is_no_threshold(outcomes: str) -> None:
    [kept] = by_label(events(outcomes), 1).thresholds

    assert kept == Threshold(None, len(outcomes), TOO_LITTLE)


def test_equal_scores_stand_or_fall_together() -> None:
    tied = events("+" * 20 + "-" * 20, scores=np.full(40, 0.9))

    assert by_label(tied, 1).thresholds[0].threshold is None


def test_labels_that_show_too_little_alone_may_show_it_together_but_one_never_seen_may_not() -> None:
    few = [events("+" * 5, label)._replace(document=np.arange(5 * label, 5 * label + 5)) for label in range(3)]

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


def test_a_choice_that_one_document_alone_has_stands_for_those_nobody_has_shown() -> None:
    known = np.eye(21)[np.repeat([0], 20)]
    shares = np.vstack([np.full((20, 21), 0.05 / 20), np.full((20, 21), 0.01)])
    shares[:20, 0] = 0.95
    shares[20 + np.arange(20), 1 + np.arange(20)] = 0.8  # each found by the name of its choice
    targets = np.vstack([known, np.eye(21)[1:]])

    part = single_choice(shares, targets)

    best = part.fair.argmax(1)
    assert (best[:20] == 0).all()
    assert (best[20:] != 1 + np.arange(20)).all()
    kept = part.thresholds[0].threshold
    assert kept is None or kept > part.fair[20:].max()


def test_thresholds_hold_on_texts_to_come() -> None:
    """Worlds of 30 documents whose answers boast: what is shown of new ones is right as often as it was promised."""
    shown = right = kept = 0
    for world in range(40):
        seen, _ = overconfident(120, seed=2 * world, labels=4)
        fresh, _ = overconfident(400, seed=2 * world + 1, labels=4)
        part = by_label(seen, 4)
        least = np.array([0.85 if one.threshold is None else one.threshold for one in part.thresholds])
        told = part.apply(fresh.score, fresh.label) >= least[fresh.label]
        shown, right = shown + told.sum(), right + fresh.right[told].sum()
        kept += bool(fresh.right[told].mean() >= 0.8)

    assert right / shown > 0.8
    assert kept >= 36
    assert shown > 40 * 40


def test_an_error_of_calibration_has_an_interval_that_holds_it() -> None:
    held = 0
    for world in range(60):
        seen, true = overconfident(300, seed=world)
        low, high = error_interval(true, seen.right, seen.document)
        error = expected_error(reliability(true, seen.right))
        assert low <= error <= high
        held += low == 0.0  # scores are true

    assert held >= 54
    boasting, _ = overconfident(2000)
    assert error_interval(boasting.score, boasting.right, boasting.document)[0] > 0.05


def test_of_few_answers_no_error_is_told() -> None:
    few = by_label(overconfident(39)[0], 2).report
    more = by_label(overconfident(80)[0], 2).report

    assert (few.ece, few.ece_before, few.ece_interval, len(few.bins)) == (None, None, None, 1)
    assert more.ece is not None
    assert more.ece_interval is not None


def test_nothing_out_of_fold_makes_scores_modest_and_says_so() -> None:
    none = np.zeros((0, 3))
    part = by_label(events(""), ("a", "b"))

    told = Calibration(
        part, {"topic": single_choice(none, none), "tone": several_choices(none, none)}, None, ("a", "b")
    )

    told_as = part.apply(np.array([0.9, 0.99, 0.999]), np.array([0, 1, 1]))
    assert (told_as < [0.7, 0.9, 0.98]).all()
    assert (np.diff(told_as) > 0).all()
    found = json.loads(json.dumps(told.to_dict()))
    assert found["calibration"]["spans"] == {
        "ece": None,
        "ece_before": None,
        "events": 0,
        "bins": [],
        "ece_interval": None,
    }
    assert found["thresholds"]["without_evidence"] == 0.85
    assert found["thresholds"]["precision"] == 0.8
    assert found["thresholds"]["spans"]["b"] == {"threshold": None, "evidence": 0, "reason": TOO_LITTLE}
    assert found["thresholds"]["questions"]["topic"]["reason"] == TOO_LITTLE
    assert found["thresholds"]["relations"] == {}
