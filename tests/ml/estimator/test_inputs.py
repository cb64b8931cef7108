"""What an input function may give, and how long a training takes from it."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, doubled, numbers
from tests.ml.estimator.following import few, follower, total
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, RunConfig, SessionRunHook

X = np.arange(-2, 2, 0.25, np.float32)[:, None]


# What a function may ask for, and give.


def test_an_input_function_gets_what_it_asks_for(tmp_path: Path) -> None:
    seen: list[Any] = []

    def curious(mode: str, config: RunConfig, params: dict[str, Any]) -> tf.data.Dataset:
        seen.append((mode, config, params))
        return numbers() if mode != ModeKeys.PREDICT else asked()

    def model_fn(features: Any, labels: Any, mode: ModeKeys, params: Any) -> EstimatorSpec:
        return doubled(features, labels, mode)

    def bound(params: dict[str, Any], config: Any = None) -> tf.data.Dataset:
        seen.append((params, config))
        return numbers()

    def of_any(**named: Any) -> tf.data.Dataset:
        seen.append(named)
        return numbers()

    config = RunConfig(save_summary_steps=None)
    estimator = Estimator(model_fn, tmp_path, config, {"rate": 3})
    estimator.train(curious, max_steps=1)
    estimator.evaluate(curious, steps=1)
    list(estimator.predict(curious))
    assert seen == [(mode, config, {"rate": 3}) for mode in ("train", "eval", "infer")]

    seen.clear()
    estimator.train(functools.partial(bound, params={"own": 1}), max_steps=2)
    estimator.train(of_any, max_steps=3)
    assert seen == [({"own": 1}, config), {}]


def tensors() -> Any:
    return {"x": tf.constant(X)}, tf.constant(2 * X)


def one_shot() -> Any:
    dataset = tf.data.Dataset.from_tensor_slices((X, 2 * X)).batch(4)
    x, y = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
    return {"x": tf.reshape(x, [-1, 1])}, tf.reshape(y, [-1, 1])


def queued() -> Any:
    x, y = tf.compat.v1.train.slice_input_producer([X, 2 * X], num_epochs=1, shuffle=False)
    x, y = tf.compat.v1.train.batch([x, y], 4)
    return {"x": x}, y


def test_tensors_are_run_batch_by_batch(tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path)

    estimator.train(tensors, steps=2)
    estimator.train(one_shot)
    assert estimator.latest_step() == 6
    estimator.train(queued)
    assert estimator.latest_step() == 10
    estimator.train(lambda: list(tensors()), steps=100)

    assert estimator.evaluate(tensors, steps=1)["loss"] == pytest.approx(estimator.evaluate(one_shot)["loss"])
    predicted = [float(one["y"][0]) for one in estimator.predict(one_shot)]
    np.testing.assert_allclose(predicted, 2 * X[:, 0], atol=0.5)
    batch = next(estimator.predict(lambda: ({"x": tf.constant(X[:2])}, None), yield_single_examples=False))
    assert batch["y"].shape == (2, 1)


def test_sparse_tensors_stay_sparse(tmp_path: Path) -> None:
    def words(mode: str) -> Any:
        dataset = tf.data.Dataset.from_tensor_slices([b"a b", b"c"]).batch(2)
        if mode == ModeKeys.TRAIN:
            dataset = dataset.repeat(3)
        strings = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        return {"words": tf.compat.v1.strings.split(strings)}

    def model_fn(features: Any, mode: ModeKeys) -> EstimatorSpec:
        count = tf.Variable(0, name="count", dtype=tf.int64)
        assert isinstance(features["words"], tf.SparseTensor)
        found = tf.size(features["words"].values, out_type=tf.int64)
        return EstimatorSpec(
            mode,
            predictions=tf.sparse.to_dense(features["words"], b""),
            loss=tf.constant(0.0),
            train_op=count.assign_add(found),
        )

    estimator = Estimator(model_fn, tmp_path).train(words)

    assert estimator.get_variable_value("count") == 9
    assert [row.tolist() for row in estimator.predict(words)] == [[b"a", b"b"], [b"c", b""]]


class IteratorInitializerHook(SessionRunHook):
    """As programs for tf.estimator write it."""

    def __init__(self) -> None:
        self.initialize: Callable[[Any], Any] = lambda _: None

    def after_create_session(self, session: Any, coord: Any) -> None:
        self.initialize(session)


def of_placeholders(x: np.ndarray, batch: int) -> tuple[Callable[[], Any], IteratorInitializerHook]:
    hook = IteratorInitializerHook()

    def input_fn() -> Any:
        held = tf.compat.v1.placeholder(x.dtype, x.shape)
        dataset = tf.data.Dataset.from_tensor_slices((held, 2 * held)).batch(batch)
        iterator = tf.compat.v1.data.make_initializable_iterator(dataset)
        hook.initialize = lambda session: session.run(iterator.initializer, feed_dict={held: x})
        features, labels = iterator.get_next()
        return {"x": features}, labels

    return input_fn, hook


def test_an_iterator_is_initialized_by_a_hook(tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path)

    for steps in (4, 8):
        input_fn, hook = of_placeholders(X, 4)
        estimator.train(input_fn, hooks=[hook])
        assert estimator.latest_step() == steps
    input_fn, hook = of_placeholders(X, 16)
    assert estimator.evaluate(input_fn, hooks=[hook])["loss"] == pytest.approx(
        estimator.evaluate(tensors, steps=1)["loss"]
    )
    assert len(list(estimator.predict(input_fn, hooks=[hook]))) == 16

    with pytest.raises(tf.errors.FailedPreconditionError, match="initialized"):
        estimator.train(of_placeholders(X, 4)[0], steps=1)


def test_a_table_and_chance_in_an_input_of_tensors(tmp_path: Path) -> None:
    def input_fn() -> Any:
        keys = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1.0, 2.0])
        table = tf.lookup.StaticHashTable(keys, 0.0)
        return table.lookup(tf.constant(["a", "b"])) + tf.random.uniform([2])

    def run(name: str) -> float:
        return total(Estimator(follower, tmp_path / name, RunConfig(seed=3)).train(input_fn, steps=3))

    assert run("one") == run("other") > 3


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (lambda: (X, 2 * X), TypeError, "must give a tf.data.Dataset, or tensors.* It gave a tuple of ndarray"),
        (lambda: {"x": X}, TypeError, "It gave a dict of ndarray"),
        (lambda: X, TypeError, "It gave ndarray"),
        (lambda: None, TypeError, "It gave NoneType"),
        (lambda: {}, TypeError, "It gave a dict of nothing"),
        (lambda: iter([1]), TypeError, "It gave list_iterator"),
        (lambda: (*tensors(), tf.constant(1.0)), ValueError, "features, or features and labels, not 3 things"),
        (
            lambda: tf.data.Dataset.from_tensors((1.0, 2.0, 3.0)),
            ValueError,
            "features, or features and labels, not 3 things",
        ),
        (few(3)(), TypeError, "input_fn must be a function that gives the input, not .*Dataset itself"),
    ],
)
def test_what_an_input_cannot_be_is_named(given: Any, error: type[Exception], why: str, tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path)

    with pytest.raises(error, match=why):
        estimator.train(given, steps=1)


def test_an_error_in_an_input_function_is_its_own(tmp_path: Path) -> None:
    def input_fn() -> Any:
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        Estimator(doubled, tmp_path).train(input_fn, steps=1)


# How long it lasts.


def test_a_training_ends_with_its_input(tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path)

    assert estimator.train(few(3)).latest_step() == 3
    assert estimator.train(few(3), steps=10).latest_step() == 6


@pytest.mark.parametrize("save_input", [True, False])
def test_a_finite_input_begins_anew_for_more_steps(save_input: bool, tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path, RunConfig(save_input=save_input))

    assert estimator.train(few(7), max_steps=7).latest_step() == 7
    assert estimator.train(few(7), max_steps=14).latest_step() == 14
    assert estimator.train(few(3), max_steps=20).latest_step() == 17  # used up, so that
    assert estimator.train(few(3), max_steps=20).latest_step() == 20


def test_a_training_that_makes_no_step_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def empty() -> Any:
        return tf.compat.v1.data.make_one_shot_iterator(few(0)()).get_next()

    estimator = Estimator(doubled, tmp_path).train(few(1))
    for given in (few(0), empty):
        caplog.clear()
        estimator.train(given, max_steps=5)
        assert [record.levelname for record in caplog.records if "made no step" in record.message] == ["WARNING"]
    assert estimator.latest_step() == 1


@pytest.mark.parametrize("given", [{"steps": -1}, {"steps": 0}, {"max_steps": 0}, {"max_steps": -5}])
def test_no_steps_at_all_are_refused(given: dict[str, int], tmp_path: Path) -> None:
    estimator = Estimator(doubled, tmp_path)

    with pytest.raises(ValueError, match=rf"{next(iter(given))} must be 1 or more, not"):
        estimator.train(numbers, **given)
    if "steps" in given:
        with pytest.raises(ValueError, match="steps must be 1 or more, not"):
            estimator.evaluate(numbers, **given)


def test_both_ways_of_saving_are_refused_and_one_takes_the_place_of_the_other() -> None:
    with pytest.raises(ValueError, match="save_checkpoints_steps or save_checkpoints_secs, not both"):
        RunConfig(save_checkpoints_steps=10, save_checkpoints_secs=10)
    with pytest.raises(ValueError, match="not both"):
        RunConfig().replace(save_checkpoints_steps=10, save_checkpoints_secs=10)

    by_time = RunConfig(seed=4)
    by_steps = by_time.replace(save_checkpoints_steps=10)
    again = by_steps.replace(save_checkpoints_secs=5.0)
    found = [(one.save_checkpoints_steps, one.save_checkpoints_secs) for one in (by_time, by_steps, again)]

    assert found == [(None, 60.0), (10, None), (None, 5.0)]
    assert again.seed == by_steps.replace(model_dir="there").seed == 4
    assert by_steps.replace(model_dir="there").save_checkpoints_steps == 10


def test_a_layer_sees_what_an_input_of_tensors_is_like(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        assert features["x"].shape.as_list() == [None, 1]
        return answered(mode, keras.layers.Dense(1)(features["x"]), labels)

    Estimator(model_fn, tmp_path).train(one_shot, steps=1)
