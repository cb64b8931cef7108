"""Learning from accepted and rejected spans of documents that are not complete, against every path written out."""

from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tests.ml.conftest import letters
from trainer.ml import crf, partial
from trainer.ml.evaluation import evaluate
from trainer.ml.examples import Example, Span
from trainer.ml.schema import NothingToLearn
from trainer.ml.tagging import Tagging, TokenArrays, tag
from trainer.ml.training import train

LABELS = ("person", "place")
OUT, B_PERSON, I_PERSON, B_PLACE, I_PLACE = range(5)


def arrays(*documents: str) -> TokenArrays:
    """Tokens of one character each, each document a sequence, and the sentinel at last."""
    rows = [(row, at) for row, text in enumerate([*documents, "x"]) for at in range(len(text))]
    document, start = np.array(rows, np.int32).T
    return TokenArrays(document, start, start + 1, document)


def targets_of(*examples: Example) -> tuple[dict[str, np.ndarray], Tagging]:
    tokens = arrays(*(example.text for example in examples))
    tagging = tag(examples, tokens, LABELS)
    return partial.targets(examples, tokens, tagging), tagging


def half(text: str, *spans: Span, rejected: tuple[Span, ...] = ()) -> Example:
    return Example(text, text, spans, rejected=rejected, complete=False)


class Model:
    """Random scores for sequences, and every legal path with its probability."""

    def __init__(self, lengths: list[int], seed: int = 0) -> None:
        chance = np.random.default_rng(seed)
        forbidden, start = crf.bio_scores(2)
        self.where = crf.layout(tf.constant(lengths))
        emissions = tf.constant(chance.normal(size=(sum(lengths), 5)), tf.float32)
        self.emissions = crf.with_ends(emissions, start, tf.zeros(5), self.where)
        self.moves = tf.constant(chance.normal(size=(5, 5)), tf.float32) + forbidden
        self.bounds = np.concatenate([[0], np.cumsum(lengths)])

    def loss(
        self,
        labels: dict[str, np.ndarray],
        emissions: tf.Tensor | None = None,
        learns: np.ndarray = np.ones((1, 9), np.float32),  # noqa: B008 - never changed
    ) -> tf.Tensor:
        emissions, moves = (self.emissions if emissions is None else emissions)[None], self.moves[None]
        given = {k: tf.constant(v) for k, v in labels.items()}
        ready = partial.variants(given, emissions)
        found = crf.log_partitions(ready, moves, crf.layout(given["variant_lengths"]))
        (loss,) = partial.loss(given, found, crf.log_partitions(emissions, moves, self.where), tf.constant(learns))
        return loss

    def chance(self, row: int, holds: Callable[[tuple[int, ...]], float]) -> float:
        """Expectation of `holds` over the paths of a sequence."""
        low, high = self.bounds[row], self.bounds[row + 1]
        emissions, moves = self.emissions.numpy()[low:high], self.moves.numpy()
        paths = list(product(range(5), repeat=high - low))
        scores = np.array(
            [sum(emissions[i, t] for i, t in enumerate(p)) + sum(moves[a, b] for a, b in pairwise(p)) for p in paths]
        )
        weights = np.exp(scores - scores.max())
        return float(sum(w * holds(p) for w, p in zip(weights, paths, strict=True)) / weights.sum())


@pytest.fixture
def no_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "STRENGTH", 0.0)


@pytest.mark.usefixtures("no_band")
def test_an_accepted_span_leaves_all_paths_in_which_it_stands() -> None:
    labels, _ = targets_of(half("abcd", Span(1, 3, "person")), half("efg"))
    model = Model([4, 3, 1])

    found = float(model.loss(labels))

    stands = model.chance(0, lambda p: p[1:3] == (B_PERSON, I_PERSON) and p[3] != I_PERSON)
    assert found == pytest.approx(-np.log(stands), abs=1e-4)


@pytest.mark.usefixtures("no_band")
def test_a_rejected_span_takes_its_share_from_what_is_known() -> None:
    accepted, rejected = Span(0, 1, "place"), Span(2, 4, "person")
    labels, _ = targets_of(half("ab"), half("abcde", accepted, rejected=(rejected,)))
    model = Model([2, 5, 1], seed=1)

    found = float(model.loss(labels))

    known = model.chance(1, lambda p: p[0] == B_PLACE and p[1] != I_PLACE)
    both = model.chance(
        1, lambda p: p[0] == B_PLACE and p[1] != I_PLACE and p[2:4] == (B_PERSON, I_PERSON) and p[4] != I_PERSON
    )
    assert found == pytest.approx(-np.log(known) - np.log(1 - both / known + 1e-3), abs=1e-4)


@pytest.mark.usefixtures("no_band")
def test_what_lies_far_from_a_rejected_span_has_no_say_but_hardly_any_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    example = half("a" * 60, rejected=(Span(30, 31, "person"),))
    whole, near = Model([60, 1]), Model([60, 1])
    cut, _ = targets_of(example)
    monkeypatch.setattr(partial, "REACH", 100)
    uncut, _ = targets_of(example)

    monkeypatch.setattr(partial, "REACH", 6)
    shorter, _ = targets_of(example)

    exact = float(whole.loss(uncut))
    assert uncut["variant_lengths"].tolist() == [60, 60]
    assert shorter["variant_lengths"].tolist() == [13, 13]
    assert float(near.loss(cut)) == pytest.approx(exact, abs=1e-5)
    assert float(near.loss(shorter)) == pytest.approx(exact, abs=1e-3)


def test_the_band_costs_the_divergence_of_the_expected_share(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, _ = targets_of(half("abcd", Span(1, 3, "person")))
    model = Model([4, 1])
    share = model.chance(0, lambda p: float(np.mean([tag > 0 for tag in p])))
    strength, with_band = partial.STRENGTH, float(model.loss(labels))
    monkeypatch.setattr(partial, "STRENGTH", 0.0)

    cost = with_band - float(model.loss(labels))

    low, high = labels["ratio_band"]
    assert (low, high) == pytest.approx((0.5, 0.75))
    edge = min(share, high)
    assert share > high
    divergence = edge * np.log(edge / share) + (1 - edge) * np.log((1 - edge) / (1 - share))
    assert cost == pytest.approx(strength * 4 * divergence, abs=1e-2)


def test_the_gradient_is_that_of_the_loss() -> None:
    labels, _ = targets_of(half("abcde", Span(1, 3, "person"), rejected=(Span(4, 5, "place"), Span(3, 5, "place"))))
    model = Model([5, 1], seed=3)
    with tf.GradientTape() as tape:
        tape.watch(model.emissions)
        loss = model.loss(labels, model.emissions)
    slope = tape.gradient(loss, model.emissions)

    for index in [(0, OUT), (1, B_PERSON), (3, B_PLACE), (4, I_PLACE), (4, OUT)]:
        nudge = np.zeros(slope.shape, np.float32)
        nudge[index] = 1e-2
        by = [float(model.loss(labels, model.emissions + sign * nudge)) for sign in (1, -1)]
        assert slope.numpy()[index] == pytest.approx((by[0] - by[1]) / 2e-2, abs=1e-2)


def test_scores_as_extreme_as_training_may_reach_give_finite_losses_and_gradients() -> None:
    labels, _ = targets_of(half("abcd", Span(1, 3, "person"), rejected=(Span(0, 1, "place"),)))
    model = Model([4, 1])
    extreme = np.full((5, 5), -60.0, np.float32)
    extreme[:, B_PLACE] = 60.0
    with tf.GradientTape() as tape:
        emissions = tf.constant(extreme)
        tape.watch(emissions)
        loss = model.loss(labels, emissions)

    assert np.isfinite(float(loss))
    assert np.isfinite(tape.gradient(loss, emissions).numpy()).all()


def test_decisions_that_say_nothing_more_are_left_out() -> None:
    accepted = Span(1, 3, "person")
    rejected = (accepted, Span(2, 4, "person"), Span(4, 5, "date"), Span(4, 5, "place"), Span(4, 5, "place"))
    whole = Example("w", "abcde", (accepted,), rejected=(Span(4, 5, "place"),))

    labels, tagging = targets_of(whole, half("abcde", accepted, rejected=rejected), half("xyz"))

    assert [(one.document, one.first, one.last) for one in tagging.rejected] == [(1, 9, 9)]
    assert labels["known_sequence"].tolist() == [1]
    assert labels["variant_counts"].tolist() == [1, 1, 1, 1, 1]
    assert targets_of(whole, half("xyz"))[0] == {}


def test_documents_out_of_the_fold_have_no_weight() -> None:
    span = Span(0, 1, "person")
    labels, _ = targets_of(
        half("ab", span), half("cd", rejected=(span,)), half("ef", span, rejected=(Span(1, 2, "place"),))
    )
    model = Model([2, 2, 2, 1])

    left = float(model.loss(labels, learns=np.array([[0, 1, 0, 1]], np.float32)))

    alone, _ = targets_of(half("ab"), half("cd", rejected=(span,)), half("ef"))
    assert left == pytest.approx(float(model.loss(alone)), abs=1e-5)
    assert left < float(model.loss(labels))


def test_the_band_comes_from_complete_documents_where_there_are_enough() -> None:
    examples = [Example(str(i), "abcd", (Span(0, 1 + i % 2, "person"),)) for i in range(20)]
    empty = [Example(f"e{i}", "abcd") for i in range(20)]
    tokens = arrays(*["abcd"] * 41)
    half_done = half("abcd", Span(0, 1, "person"))

    several = [*examples, *empty, half_done]
    low, high = partial.band_of(several, tokens, tag(several, tokens, LABELS))
    few = [*examples[:2], half_done]
    least, most = partial.band_of(few, arrays(*["abcd"] * 3), tag(few, arrays(*["abcd"] * 3), LABELS))

    assert 0.25 < low < 1.5 / 4 < high < 0.5
    assert (least, most) == pytest.approx((0.25, 0.25 * 1.5))


def decided(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One decision on each letter, by turns: a name that was accepted, or a word that was proposed and rejected."""
    half_done = []
    for number, one in enumerate(lines):
        wrong = next((word for word in ("Monday", "Friday", "We", "The") if word in one["text"]), "Please")
        start = one["text"].index(wrong)
        rejected = {"start": start, "end": start + len(wrong), "label": ("person", "place")[number // 2 % 2]}
        accepted = one["spans"][number // 2 % len(one["spans"])]
        given = {"spans": [accepted], "rejected": []} if number % 2 else {"spans": [], "rejected": [rejected]}
        half_done.append({**one, "classes": {}, "complete": False, **given})
    return half_done


def test_decisions_alone_teach_and_taking_the_unknown_for_nothing_does_worse(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    half_done = decided(letters(80))
    fresh = letters(60, seed=9)

    known = evaluate(train(write(half_done), tmp_path / "a")["export"], fresh)["spans"]
    wrongly = [{**one, "complete": True} for one in half_done]
    taken_for_nothing = evaluate(train(write(wrongly), tmp_path / "b")["export"], fresh)["spans"]

    assert known["f1"] > 0.8
    assert known["f1"] > taken_for_nothing["f1"] + 0.2
    assert known["precision"] > 0.95  # what was rejected is not found again


def test_nothing_but_rejections_is_nothing_to_learn(write: Callable[..., Path], tmp_path: Path) -> None:
    rejected = [{**one, "spans": [], "rejected": one["spans"], "complete": False, "classes": {}} for one in letters(9)]
    schema = {"spans": ["person", "place"]}

    with pytest.raises(NothingToLearn, match="every decision is a rejection"):
        train(write(rejected), tmp_path / "model", schema=schema)
