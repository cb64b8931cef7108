"""The CRF against every path written out."""

from itertools import pairwise, product

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml import crf

LENGTHS = [3, 1, 4, 2]


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    return chance.normal(size=(sum(LENGTHS), 5)).astype(np.float32), chance.normal(size=(5, 5)).astype(np.float32)


def score(emissions: np.ndarray, moves: np.ndarray, path: tuple[int, ...]) -> float:
    own = sum(emissions[i, tag] for i, tag in enumerate(path))
    return float(own + sum(moves[a, b] for a, b in pairwise(path)))


def paths(emissions: np.ndarray, moves: np.ndarray) -> dict[tuple[int, ...], float]:
    every = {path: score(emissions, moves, path) for path in product(range(moves.shape[0]), repeat=len(emissions))}
    total = np.logaddexp.reduce(list(every.values()))
    return {path: float(np.exp(value - total)) for path, value in every.items()}


def sequences(emissions: np.ndarray) -> list[np.ndarray]:
    return np.split(emissions, np.cumsum(LENGTHS)[:-1])


def test_posteriors_and_likelihood_are_those_of_all_paths(scores: tuple[np.ndarray, np.ndarray]) -> None:
    emissions, moves = scores
    where = crf.layout(tf.constant(LENGTHS))
    tags = np.array([0, 1, 2, 3, 4, 0, 0, 1, 2, 2])

    found = crf.marginals(tf.constant(emissions), tf.constant(moves), where)
    ready = tf.constant(emissions), tf.constant(moves)
    likelihood = crf.path_scores(*ready, tf.constant(tags), where) - crf.log_partitions(*ready, where)

    expected, logs = [], []
    for part, gold in zip(sequences(emissions), np.split(tags, np.cumsum(LENGTHS)[:-1]), strict=True):
        chances = paths(part, moves)
        logs.append(np.log(chances[tuple(gold)]))
        expected += [
            [sum(p for path, p in chances.items() if path[i] == tag) for tag in range(5)] for i in range(len(part))
        ]
    np.testing.assert_allclose(found.posterior.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(likelihood.numpy(), logs, atol=1e-4)


def test_gradient_is_that_of_the_likelihood_and_weights_count(scores: tuple[np.ndarray, np.ndarray]) -> None:
    emissions, moves = (tf.constant(x, tf.float32) for x in scores)
    where = crf.layout(tf.constant(LENGTHS))
    weights = tf.constant([1.0, 0.0, 0.5, 2.0])

    def weighted(emissions: tf.Tensor, moves: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(weights * crf.log_partitions(emissions, moves, where))

    with tf.GradientTape() as tape:
        tape.watch([emissions, moves])
        total = weighted(emissions, moves)
    slopes = tape.gradient(total, [emissions, moves])

    step = 1e-2
    for which, slope in enumerate(slopes):
        for index in [(0, 0), (3, 2), (4, 1)]:
            nudged = []
            for by in (step, -step):
                values = [scores[0].copy(), scores[1].copy()]
                values[which][index] += by
                nudged.append(float(weighted(*(tf.constant(value) for value in values))))
            assert slope.numpy()[index] == pytest.approx((nudged[0] - nudged[1]) / (2 * step), abs=5e-3)


def test_best_tags_are_the_most_probable_path(scores: tuple[np.ndarray, np.ndarray]) -> None:
    emissions, moves = scores

    found = crf.best_tags(tf.constant(emissions), tf.constant(moves), crf.layout(tf.constant(LENGTHS))).numpy()

    best: list[int] = []
    for part in sequences(emissions):
        chances = paths(part, moves)
        best += max(chances, key=lambda path: chances[path])
    assert found.tolist() == best


def test_span_scores_are_the_share_of_paths_with_exactly_that_span(scores: tuple[np.ndarray, np.ndarray]) -> None:
    emissions, moves = scores
    forbidden, start = (x.numpy() for x in crf.bio_scores(2))
    where = crf.layout(tf.constant(LENGTHS))
    ready = crf.with_ends(tf.constant(emissions), tf.constant(start), tf.zeros(5), where)
    messages = crf.marginals(ready, tf.constant(moves + forbidden), where)
    tags = tf.constant([1, 2, 0, 3, 1, 2, 3, 4, 0, 1])  # B-0 I-0 O | B-1 | B-0 I-0 B-1 I-1 | O B-0

    found = crf.spans_of(tags, messages, where)

    assert list(zip(found.first.numpy(), found.last.numpy(), found.label.numpy(), strict=True)) == [
        (0, 1, 0), (3, 3, 1), (4, 5, 0), (6, 7, 1), (9, 9, 0),
    ]  # fmt: skip
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    for first, last, label, chance in zip(*(x.numpy() for x in found), strict=True):
        row = int(np.searchsorted(offsets, first, side="right")) - 1
        low, high = first - offsets[row], last - offsets[row]
        part = ready.numpy()[offsets[row] : offsets[row + 1]]
        share = sum(
            p
            for path, p in paths(part, moves + forbidden).items()
            if path[low] == 2 * label + 1
            and all(tag == 2 * label + 2 for tag in path[low + 1 : high + 1])
            and (high + 1 == len(path) or path[high + 1] != 2 * label + 2)
        )
        assert chance == pytest.approx(share, abs=1e-5)


def test_bio_never_decodes_an_inside_without_its_beginning() -> None:
    chance = np.random.default_rng(1)
    forbidden, start = crf.bio_scores(2)
    where = crf.layout(tf.constant([40]))
    emissions = crf.with_ends(tf.constant(chance.normal(size=(40, 5), scale=5), tf.float32), start, tf.zeros(5), where)

    tags = crf.best_tags(emissions, forbidden, where).numpy()

    assert tags[0] not in (2, 4)
    assert all(b not in (2, 4) or a in (b, b - 1) for a, b in pairwise(tags))


def test_fits_side_by_side_are_what_each_is_alone() -> None:
    chance = np.random.default_rng(2)
    emissions = tf.constant(chance.normal(size=(3, 10, 5)), tf.float32)
    moves = tf.constant(chance.normal(size=(3, 5, 5)), tf.float32)
    where, tags = crf.layout(tf.constant(LENGTHS)), tf.constant([0, 1, 2, 3, 4, 0, 0, 1, 2, 2])

    with tf.GradientTape() as tape:
        tape.watch([emissions, moves])
        together = crf.path_scores(emissions, moves, tags, where) - crf.log_partitions(emissions, moves, where)
    slopes = tape.gradient(together, [emissions, moves])

    for fit in range(3):
        with tf.GradientTape() as tape:
            own = emissions[fit], moves[fit]
            tape.watch(own)
            alone = crf.path_scores(*own, tags, where) - crf.log_partitions(*own, where)
        for slope, expected in zip(slopes, tape.gradient(alone, own), strict=True):
            np.testing.assert_allclose(slope[fit], expected, atol=1e-5)
        np.testing.assert_allclose(together[fit], alone, atol=1e-5)
