"""Variable scopes, `get_variable`, optimizers, metrics and tables of `tf.compat.v1` inside a model function."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, export, from_saved_model, layers

v1 = tf.compat.v1


def ones(*, batches: int = 4) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors((tf.ones([2, 3]), tf.ones([2, 1]))).repeat(batches)


def answered(mode: ModeKeys, y: tf.Tensor, labels: Any) -> EstimatorSpec:
    """With a train_op in each mode but PREDICT, and a metric in each of them, too."""
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": y})
    loss = v1.losses.mean_squared_error(labels, y)
    train_op = v1.train.AdamOptimizer(0.1).minimize(loss, v1.train.get_global_step())
    seen = v1.metrics.mean(y, name="seen")
    with tf.control_dependencies([seen[1]]):
        loss = tf.identity(loss)
    return EstimatorSpec(mode, loss=loss, train_op=train_op, eval_metric_ops={"seen": seen})


def test_all_modes_share_what_get_variable_makes(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        with v1.variable_scope("line"):
            slope = v1.get_variable("slope", [3, 1])
        return answered(mode, features @ slope, labels)

    estimator = Estimator(model_fn, tmp_path)
    estimator.train(ones).train(ones)
    anew = Estimator(model_fn, tmp_path)

    assert anew.evaluate(ones) == estimator.evaluate(ones) == anew.evaluate(ones)
    assert [one["y"] for one in anew.predict(ones)] == [one["y"] for one in estimator.predict(ones)]
    assert set(estimator.get_variable_names()) == {
        *("line/slope", "global_step"),
        *("train/line/slope/Adam", "train/line/slope/Adam_1", "train/beta1_power", "train/beta2_power"),
    }


def test_layers_are_named_and_found_by_their_variable_scope(tmp_path: Path) -> None:
    found: dict[str, list[str]] = {}

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        for scope in ("one", "other"):
            with v1.variable_scope(scope):
                features = layers.dense(layers.dense(features, 3), 3)
        y = layers.dense(features, 1)
        found.update({scope: [one.name for one in v1.trainable_variables(scope)] for scope in ("one", "other")})
        return answered(mode, y, labels)

    estimator = Estimator(model_fn, tmp_path).train(ones)
    estimator.evaluate(ones)

    assert found == {
        scope: [f"{scope}/{layer}/{kind}:0" for layer in ("dense", "dense_1") for kind in ("kernel", "bias")]
        for scope in ("one", "other")
    }
    assert estimator.get_variable_value("dense/kernel").shape == (3, 1)


def test_layers_share_their_weights_in_a_scope_that_is_reused(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        def judged(given: tf.Tensor) -> tf.Tensor:
            with v1.variable_scope("judge", reuse=v1.AUTO_REUSE):
                return layers.dense(layers.dense(given, 2, name="hidden"), 1)

        y, again = judged(features), judged(features)
        if mode == ModeKeys.PREDICT:
            return EstimatorSpec(mode, predictions={"y": y, "again": again})
        return answered(mode, y + judged(2 * features), labels)

    estimator = Estimator(model_fn, tmp_path).train(ones)

    (answer, *_) = estimator.predict(ones)
    assert answer["y"] == answer["again"]
    names = {name for name in estimator.get_variable_names() if name.endswith(("kernel", "bias"))}
    assert names == {f"judge/{layer}/{kind}" for layer in ("hidden", "dense") for kind in ("kernel", "bias")}


def test_layers_can_be_called_outside_a_model_function() -> None:
    assert layers.dense(tf.ones([2, 3]), 4).shape == (2, 4)


def test_metrics_begin_empty_with_each_training_and_are_in_no_checkpoint(tmp_path: Path) -> None:
    counts = []

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        count, update = v1.metrics.true_positives(tf.ones([1]), tf.ones([1]))
        with tf.control_dependencies([update]):
            counted = tf.identity(count)
        if mode == ModeKeys.TRAIN:
            tf.py_function(lambda value: counts.append(float(value)), [counted], [])
        return answered(mode, layers.dense(features, 1), labels)

    estimator = Estimator(model_fn, tmp_path)
    estimator.train(ones).train(ones)

    assert counts[0] == counts[4]
    assert not [name for name in estimator.get_variable_names() if "positives" in name or "seen" in name]


def test_an_export_has_the_tables_that_the_model_function_makes(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("zero\none\ntwo\n")

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        lines = tf.lookup.TextFileInitializer(
            str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        numbers = tf.lookup.StaticVocabularyTable(lines, num_oov_buckets=1).lookup(features["word"])
        y = layers.dense(tf.one_hot(numbers, 4), 1)
        return answered(mode, tf.concat([y, tf.cast(numbers, tf.float32)[:, None]], 1), labels)

    def asked() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(({"word": ["two", "ten"]}, tf.zeros([2, 2])))

    def receiver() -> export.ServingInputReceiver:
        word = v1.placeholder(tf.string, [None])
        return export.ServingInputReceiver({"word": word}, {"word": word})

    estimator = Estimator(model_fn, tmp_path / "model").train(asked)
    served = from_saved_model(estimator.export_saved_model(tmp_path / "export", receiver))
    words.unlink()

    assert served({"word": ["one", "many", "zero"]})["y"][:, 1].tolist() == [1, 3, 0]


@pytest.mark.parametrize("labelled", [True, False])
def test_features_may_be_a_pair(labelled: bool, tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        left, right = features
        return answered(mode, layers.dense(left, 1) + tf.reduce_sum(right, 1, keepdims=True), labels)

    def pairs() -> tf.data.Dataset:
        return ones().map(lambda x, y: ((x, 100 * x), y) if labelled else ((x, 100 * x), None))

    estimator = Estimator(model_fn, tmp_path).train(lambda: ones().map(lambda x, y: ((x, x), y)))

    found = [one["y"][0] for one in estimator.predict(pairs)]

    assert len(found) == 8
    assert np.min(found) > 200
