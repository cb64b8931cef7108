"""Is a number odd or even? Read from its spelling, character by character, by a recurrent network."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from trainer.ml.estimator import (
    BestExporter,
    EarlyStopping,
    Estimator,
    EstimatorSpec,
    EvalSpec,
    Goal,
    ModeKeys,
    RunConfig,
    TrainSpec,
    from_saved_model,
    minimize,
    ratio,
    train_and_evaluate,
)

ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ALPHABET = " -abcdefghijklmnopqrstuvwxyz"  # a character's number is its place here, plus one: 0 fills the gaps


def spelt(number: int) -> str:
    """The English words for a number below a million."""
    if number < 20:
        return [*ONES, *TEENS][number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens - 2] + (f"-{ONES[ones]}" if ones else "")
    unit, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    high, low = divmod(number, unit)
    return f"{spelt(high)} {name}" + (f" {spelt(low)}" if low else "")


def reading(numbers: Sequence[int], *, repeat: bool = False) -> Callable[[], tf.data.Dataset]:
    """An input of spellings of different lengths, each batch padded to its longest."""

    def examples() -> Iterator[tuple[dict[str, Any], int]]:
        for number in numbers:
            ids = [ALPHABET.index(character) + 1 for character in spelt(number)]
            yield {"ids": ids, "length": len(ids)}, number % 2

    features = {"ids": tf.TensorSpec([None], tf.int32), "length": tf.TensorSpec([], tf.int32)}
    signature = (features, tf.TensorSpec([], tf.int32))

    def input_fn() -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_generator(examples, output_signature=signature)
        return (dataset.shuffle(1000, seed=1).repeat() if repeat else dataset).padded_batch(32)

    return input_fn


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: dict[str, Any]) -> EstimatorSpec:
    letters = keras.layers.Embedding(len(ALPHABET) + 1, params["width"])(features["ids"])
    mask = tf.sequence_mask(features["length"], tf.shape(features["ids"])[1])
    state = keras.layers.GRU(params["units"])(letters, mask=mask)
    score = keras.layers.Dense(1)(state)[:, 0]
    odd = tf.cast(score > 0, tf.int32)
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"odd": odd, "probability": tf.sigmoid(score)})
    wanted = tf.cast(labels, tf.float32)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=score))
    if mode == ModeKeys.EVAL:
        right = tf.reduce_sum(tf.cast(odd == labels, tf.float32))
        return EstimatorSpec(mode, loss=loss, eval_metric_ops={"accuracy": ratio(right, tf.size(labels))})
    return EstimatorSpec(mode, loss=loss, train_op=minimize(loss, lambda: keras.optimizers.Adam(params["rate"])))


def serving_input() -> dict[str, tf.TensorSpec]:
    return {"ids": tf.TensorSpec([None, None], tf.int32), "length": tf.TensorSpec([None], tf.int32)}


def test_it_reads_numbers_it_has_never_seen(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(2000).tolist()
    seen, unseen = order[:1000], order[1000:1500]
    params = {"width": 16, "units": 32, "rate": 0.01}
    estimator = Estimator(model_fn, tmp_path, RunConfig(seed=1, save_checkpoints_steps=50), params)
    goal = Goal("accuracy", higher_is_better=True)

    measured, _ = train_and_evaluate(
        estimator,
        TrainSpec(reading(seen, repeat=True), max_steps=1000),
        EvalSpec(reading(unseen), exporters=[BestExporter("best", serving_input, goal=goal)]),
        early_stopping=EarlyStopping(goal, patience=1),
    )
    best = from_saved_model(tmp_path / "export" / "best")
    asked = next(iter(reading([7, 40, 1300, 999_999])()))[0]

    assert measured["accuracy"] >= 0.95
    assert measured["global_step"] < 1000
    assert best(asked)["odd"].tolist() == [1, 0, 0, 1]


def test_padding_does_not_change_an_answer(tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path, RunConfig(seed=1), {"width": 4, "units": 4, "rate": 0.01})
    estimator.train(reading([1, 2], repeat=True), max_steps=1)

    (alone,) = estimator.predict(reading([8]))
    beside, _ = estimator.predict(reading([8, 777_777]))

    np.testing.assert_allclose(alone["probability"], beside["probability"], rtol=1e-6)


def test_numbers_are_spelt_in_english() -> None:
    assert [spelt(number) for number in (0, 13, 40, 85, 700, 1016, 999_999)] == [
        "zero",
        "thirteen",
        "forty",
        "eighty-five",
        "seven hundred",
        "one thousand sixteen",
        "nine hundred ninety-nine thousand nine hundred ninety-nine",
    ]
