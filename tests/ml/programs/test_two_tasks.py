"""Two tasks at once: a flat's rent and whether it is loud, from one dict of features, each with a loss of its own.

A shared body learns from both losses by one optimizer, each head from its own loss by another.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, minimize, ratio

STREETS = 8
RATES = {"body": 0.03, "rent": 0.1, "loud": 0.1}


def flats(count: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Made-up flats: the street sets the price of a metre; a loud street is less loud on high floors."""
    chance = np.random.default_rng(seed)
    street = chance.integers(STREETS, size=count)
    metres, floor = chance.uniform(0.2, 1.5, count), chance.integers(6, size=count)
    features = {"street": street.astype(np.int32), "metres": metres.astype(np.float32), "floor": floor.astype(np.int32)}
    rent = metres * (1 + street / 4) + chance.normal(0, 0.02, count)
    return features, {"rent": rent.astype(np.float32), "loud": (street % 3 == 0) & (floor < 3)}


def training_input() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(flats(2000, seed=1)).shuffle(2000, seed=1).batch(50).repeat()


def held_out() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(flats(500, seed=2)).batch(100)


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys, params: dict[str, float]) -> EstimatorSpec:
    street = keras.layers.Embedding(STREETS, 4)
    hidden = keras.layers.Dense(32, activation="relu")
    rent_head, loud_head = keras.layers.Dense(1), keras.layers.Dense(1)

    floor = tf.one_hot(features["floor"], 6)
    body = hidden(tf.concat([street(features["street"]), features["metres"][:, None], floor], 1))
    rent, loud = rent_head(body)[:, 0], loud_head(body)[:, 0]
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"rent": rent, "loud": tf.sigmoid(loud)})

    wanted = tf.cast(labels["loud"], tf.float32)
    rent_loss = tf.reduce_mean(tf.square(rent - labels["rent"]))
    loud_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=loud))
    if mode == ModeKeys.EVAL:
        count = tf.cast(tf.size(rent), tf.float32)
        metrics = {
            "rent_off_by": ratio(tf.reduce_sum(tf.abs(rent - labels["rent"])), count),
            "loud_right": ratio(tf.reduce_sum(tf.cast((loud > 0) == labels["loud"], tf.float32)), count),
        }
        return EstimatorSpec(mode, loss=rent_loss + loud_loss, eval_metric_ops=metrics)

    adam, descent = keras.optimizers.Adam, keras.optimizers.SGD
    train_op = tf.group(
        minimize(rent_loss + loud_loss, lambda: adam(params["body"]), own(street, hidden)),
        minimize(rent_loss, lambda: descent(params["rent"]), own(rent_head)),
        minimize(loud_loss, lambda: descent(params["loud"]), own(loud_head)),
    )
    return EstimatorSpec(mode, loss=rent_loss + loud_loss, train_op=train_op)


def own(*layers: keras.layers.Layer) -> Sequence[tf.Variable]:
    """The trainable variables of these layers."""
    return [variable.value for layer in layers for variable in layer.trainable_variables]


def test_one_model_learns_both_tasks(tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path, RunConfig(seed=1), RATES)

    estimator.train(training_input, max_steps=1000)
    measured = estimator.evaluate(held_out)
    answers = list(estimator.predict(held_out))

    assert measured["rent_off_by"] < 0.1
    assert measured["loud_right"] > 0.95
    assert len(answers) == 500
    assert set(answers[0]) == {"rent", "loud"}


@pytest.mark.parametrize("still", ["body", "rent", "loud"])
def test_an_optimizer_moves_its_own_variables_only(still: str, tmp_path: Path) -> None:
    estimator = Estimator(model_fn, tmp_path, RunConfig(seed=1), RATES | {still: 0.0})
    owner = ["body"] * 3 + ["rent"] * 2 + ["loud"] * 2  # in the order in which the variables are made

    estimator.train(training_input, max_steps=1)
    before = [variable.numpy() for variable in estimator.trainable_variables]
    estimator.train(training_input, steps=5)
    after = [variable.numpy() for variable in estimator.trainable_variables]

    moved = {name for name, one, other in zip(owner, before, after, strict=True) if not np.array_equal(one, other)}
    assert moved == {"body", "rent", "loud"} - {still}
