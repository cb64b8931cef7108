"""Only training changes a model: evaluations, predictions and exports leave it as it is, whatever they describe."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tests.ml.estimator.doubling import serving
from trainer.ml.estimator import (
    ChangeRefused,
    Estimator,
    EstimatorSpec,
    EvalSpec,
    ModeKeys,
    RunConfig,
    TrainSpec,
    from_saved_model,
    global_step,
    measure,
    minimize,
    private_variables,
    ratio,
    train_and_evaluate,
    trainable_variables,
)

v1 = tf.compat.v1
Features = Mapping[str, tf.Tensor]
Describe = Callable[[Features], tf.Tensor]
Train = Callable[[tf.Tensor], Any]
Metrics = Callable[[tf.Tensor, tf.Tensor], dict[str, Any]]
ModelFn = Callable[..., EstimatorSpec]


def model(describe: Describe, train: Train, metrics: Metrics | None = None) -> ModelFn:
    """A model function that makes its train op in each mode."""

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        y = describe(features)
        loss = tf.reduce_mean(tf.square(y if labels is None else y - labels))
        measured = metrics(y, labels) if metrics and mode == ModeKeys.EVAL else None
        return EstimatorSpec(mode, predictions={"y": y}, loss=loss, train_op=train(loss), eval_metric_ops=measured)

    return model_fn


# Ways to train.


def by_minimize(loss: tf.Tensor) -> Any:
    return minimize(loss, lambda: keras.optimizers.Adam(0.1))


def by_adam(loss: tf.Tensor) -> Any:
    step = v1.train.get_global_step()
    return v1.train.AdamOptimizer(0.1).minimize(loss, global_step=step, var_list=trainable_variables())


def by_two(loss: tf.Tensor) -> Any:
    first, *others = trainable_variables()
    one = v1.train.AdamOptimizer(0.1, name="one").minimize(loss, var_list=[first])
    two = v1.train.MomentumOptimizer(0.01, 0.9, name="two").minimize(2 * loss, var_list=others)
    return tf.group(one, two)


def by_keras(loss: tf.Tensor) -> Any:
    variables = trainable_variables()
    gradients = [tf.convert_to_tensor(one) for one in tf.gradients(loss, variables)]
    keras.optimizers.SGD(0.1, momentum=0.9).apply_gradients(list(zip(gradients, variables, strict=True)))
    return loss


def by_hand(loss: tf.Tensor) -> Any:
    return tf.group(loss, *[one.assign_add(0.1 * tf.ones_like(one)) for one in trainable_variables()])


def by_branch(loss: tf.Tensor) -> Any:
    variables = trainable_variables()
    gradients = tf.gradients(loss, variables)

    def go() -> tf.Tensor:
        pairs = zip(variables, gradients, strict=True)
        with tf.control_dependencies([one.assign_sub(0.1 * gradient) for one, gradient in pairs]):
            return tf.identity(loss)

    return tf.cond(loss > 0.01, go, lambda: loss)


# Models.


def dense(features: Features) -> tf.Tensor:
    return keras.layers.Dense(1)(features["x"])


def normed(features: Features) -> tf.Tensor:
    return keras.layers.Dense(1)(keras.layers.BatchNormalization()(features["x"], training=True))


def closed_over() -> Describe:
    norm, last = keras.layers.BatchNormalization(name="norm"), keras.layers.Dense(1, name="last")
    return lambda features: last(norm(features["x"], training=True))


def embedded(features: Features) -> tf.Tensor:
    numbers = tf.cast(tf.abs(features["x"][:, 0]), tf.int32)
    return keras.layers.Dense(1)(keras.layers.Embedding(10, 4)(numbers))


def looped(features: Features) -> tf.Tensor:
    weight = tf.Variable(0.5, name="weight")
    return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y * weight + features["x"]), [0, features["x"]])[1]


def counting(features: Features) -> tf.Tensor:
    """One that counts in a function, and whose count is called almost as the state of a generator is."""
    count = tf.Variable(0.0, trainable=False, name="StateVariance")
    tf.function(lambda: count.assign_add(1.0), autograph=False)()
    return dense(features)


def reading_what_it_writes(features: Features) -> tf.Tensor:
    count = tf.Variable(1.0, trainable=False, name="count")
    count.assign_add(1.0)
    return dense(features) * count.read_value()


def noisy(features: Features) -> tf.Tensor:
    """The state of one generator is used twice."""
    dropout, x = keras.layers.Dropout(0.5), tf.tile(features["x"], [1, 8])
    return keras.layers.Dense(1)(dropout(x, training=True) + dropout(3 * x, training=True))


# Metrics.


def of_keras(y: tf.Tensor, labels: tf.Tensor) -> dict[str, Any]:
    return {"error": measure(keras.metrics.MeanAbsoluteError, labels, y), "mean": ratio(tf.reduce_sum(y), 4.0)}


def of_tensorflow(y: tf.Tensor, labels: tf.Tensor) -> dict[str, Any]:
    return {"error": v1.metrics.mean_absolute_error(labels, y), "mean": v1.metrics.mean(y)}


def of_variables(y: tf.Tensor, _: tf.Tensor) -> dict[str, Any]:
    """As one makes them by hand: with initial values that are no functions."""
    local = {"trainable": False, "collections": [v1.GraphKeys.LOCAL_VARIABLES]}
    total, count = v1.Variable(0.0, name="total", **local), v1.Variable(0.0, name="count", **local)
    return {"total": (total, v1.assign_add(total, tf.reduce_sum(y))), "count": (count, count.assign_add(1.0))}


FAMILY: dict[str, tuple[Callable[[], Describe], Train, Metrics | None]] = {
    "minimize": (lambda: dense, by_minimize, of_keras),
    "adam": (lambda: normed, by_adam, of_tensorflow),
    "two optimizers": (lambda: looped_and_dense, by_two, None),
    "keras": (lambda: dense, by_keras, None),
    "by hand": (lambda: dense, by_hand, of_variables),
    "branch": (lambda: dense, by_branch, None),
    "closed over": (closed_over, by_adam, None),
    "embedded": (lambda: embedded, by_minimize, None),
    "looped": (lambda: looped, by_adam, None),
    "counting": (lambda: counting, by_minimize, None),
    "reading": (lambda: reading_what_it_writes, by_minimize, None),
    "noisy": (lambda: noisy, by_minimize, None),
}


def looped_and_dense(features: Features) -> tf.Tensor:
    return looped({"x": dense(features)})


def numbers() -> tf.data.Dataset:
    x = np.arange(-2, 2, 0.25, np.float32)[:, None]
    return tf.data.Dataset.from_tensor_slices(({"x": x}, 2 * x)).batch(4).repeat()


def contradicting() -> tf.data.Dataset:
    return numbers().map(lambda features, labels: (features, 7 - 30 * labels)).take(2)


def asked() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensors(ONES).repeat(2)


ONES = {"x": np.ones([4, 1], np.float32)}


def estimator(model_fn: ModelFn, where: Path, **config: Any) -> Estimator:
    keras.utils.set_random_seed(5)
    return Estimator(model_fn, where, RunConfig(seed=3, **config))


def values(of: Estimator) -> dict[str, bytes]:
    """The newest checkpoint."""
    reader = tf.train.load_checkpoint(str(of.latest_checkpoint()))
    names = [name for name in reader.get_variable_to_shape_map() if not name.startswith("_CHECKPOINTABLE")]
    return {name: np.asarray(reader.get_tensor(name)).tobytes() for name in names}


def held(of: Estimator) -> dict[str, bytes]:
    """What the variables hold."""
    variables = {**of._programs.variables(ModeKeys.TRAIN), "step": of._step}
    return {name: variable.numpy().tobytes() for name, variable in variables.items()}


def predicted(of: Estimator) -> list[list[float]]:
    return [one["y"].tolist() for one in of.predict(asked)]


def writes(export: Path) -> set[str]:
    """The operations that write variables in what the signatures of an export reach."""
    (graph,) = saved_model_pb2.SavedModel.FromString((export / "saved_model.pb").read_bytes()).meta_graphs
    library = {one.signature.name: one for one in graph.graph_def.library.function}
    waiting = [name for name in library if "signature_wrapper" in name]
    assert waiting
    reached: set[str] = set()
    found = set()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for node in library[name].node_def:
            found |= {node.op} if "Assign" in node.op or "Scatter" in node.op else set()
            called = [one for value in node.attr.values() for one in (value.func, *value.list.func)]
            waiting += [one.name for one in called if one.name]
    return found


@pytest.mark.parametrize("name", FAMILY)
def test_nothing_but_training_changes_a_model(name: str, tmp_path: Path) -> None:
    make, train, metrics = FAMILY[name]
    model_fn = model(make(), train, metrics)
    trained = estimator(model_fn, tmp_path / "model").train(numbers, steps=2)
    before = held(trained)

    evaluated = [trained.evaluate(contradicting) for _ in range(3)]
    answers = [predicted(trained) for _ in range(2)]
    once = trained.predict_once(ONES)["y"].tolist()
    export = trained.export_saved_model(tmp_path / "export", serving)

    assert held(trained) == before
    assert evaluated == [evaluated[0]] * 3
    assert answers[0] == answers[1] == predicted(estimator(model_fn, tmp_path / "model"))
    assert once == [pytest.approx(one, rel=1e-4) for one in answers[0][:4]]
    if name != "noisy":
        assert not writes(export)
        served = [from_saved_model(export)(**ONES)["y"].tolist() for _ in range(2)]
        assert served == [[pytest.approx(one, rel=1e-4) for one in answers[0][:4]]] * 2


@pytest.mark.parametrize("name", FAMILY)
def test_a_training_with_evaluations_between_is_the_one_without(name: str, tmp_path: Path) -> None:
    make, train, metrics = FAMILY[name]
    plain = estimator(model(make(), train, metrics), tmp_path / "plain").train(numbers, steps=2)
    plain.train(numbers, steps=2)

    watched = estimator(model(make(), train, metrics), tmp_path / "watched", save_checkpoints_steps=1)
    train_and_evaluate(watched, TrainSpec(numbers, max_steps=2), EvalSpec(contradicting))
    predicted(watched)
    watched.predict_once(ONES)
    watched.train(numbers, steps=2)

    assert values(watched) == values(plain)
    assert tf.io.gfile.exists(str(watched.eval_dir() / "evaluations.jsonl"))


def after_a_change(features: Features) -> tf.Tensor:
    count = tf.Variable(0.0, trainable=False, name="count")
    with tf.control_dependencies([count.assign_add(1.0)]):
        return dense(features) + 0.0


def with_a_change(features: Features) -> tf.Tensor:
    return dense(features) + tf.Variable(0.0, trainable=False, name="count").assign_add(1.0)


def change_in_a_function(features: Features) -> tf.Tensor:
    y, count = dense(features), tf.Variable(0.0, trainable=False, name="count")

    @tf.function(autograph=False)
    def counted(y: tf.Tensor) -> tf.Tensor:
        count.assign_add(1.0)
        return y + 1.0

    return counted(y)


def change_in_a_loop(features: Features) -> tf.Tensor:
    y, count = dense(features), tf.Variable(0.0, trainable=False, name="count")

    def body(i: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        count.assign_add(1.0)
        return i + 1, y + 1.0

    return tf.while_loop(lambda i, _: i < 3, body, [0, y])[1]


@pytest.mark.parametrize("describe", [after_a_change, with_a_change, change_in_a_function, change_in_a_loop])
def test_what_depends_on_a_change_is_refused_by_its_name(describe: Describe, tmp_path: Path) -> None:
    trained = estimator(model(describe, by_minimize), tmp_path / "model").train(numbers, steps=1)
    before = held(trained)

    for ask in (
        lambda: trained.evaluate(contradicting),
        lambda: predicted(trained),
        lambda: trained.predict_once(ONES),
        lambda: trained.export_saved_model(tmp_path / "export", serving),
    ):
        with pytest.raises(ChangeRefused, match="variable 'count'"):
            ask()

    assert held(trained) == before


def test_a_variable_from_outside_that_is_only_written_stays(tmp_path: Path) -> None:
    seen = tf.Variable(0.0, trainable=False, name="seen")

    def describe(features: Features) -> tf.Tensor:
        seen.assign_add(1.0, read_value=False)
        return dense(features)

    model_fn = model(describe, by_minimize)
    estimator(model_fn, tmp_path).train(numbers, steps=2)
    count = seen.numpy()

    anew = estimator(model_fn, tmp_path)  # which has not traced a training, that would tell of it
    anew.evaluate(contradicting)
    predicted(anew)

    assert seen.numpy() == count


def asserted(features: Features) -> tf.Tensor:
    tf.debugging.assert_less(features["x"], 4.5, message="too large for me")
    return features["x"]


def asserted_in_a_branch(features: Features) -> tf.Tensor:
    def refuse() -> tf.Tensor:
        tf.debugging.Assert(tf.reduce_max(features["x"]) < 4.5, ["too large for me"])
        return tf.constant(0)

    tf.cond(tf.reduce_max(features["x"]) > 4.0, refuse, lambda: tf.constant(0))
    return features["x"]


@pytest.mark.parametrize("check", [asserted, asserted_in_a_branch])
@pytest.mark.parametrize("describe", [dense, normed])
def test_an_assertion_still_fails(check: Describe, describe: Describe, tmp_path: Path) -> None:
    def large() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(({"x": np.full([4, 1], 9.0, np.float32)}, np.ones([4, 1], np.float32)))

    described = model(lambda features: describe({"x": check(features)}), by_minimize)
    trained = estimator(described, tmp_path).train(numbers, steps=1)

    for ask in (lambda: trained.evaluate(large), lambda: list(trained.predict(large))):
        with pytest.raises(tf.errors.InvalidArgumentError, match="too large for me"):
            ask()
    trained.evaluate(contradicting)


def test_prints_python_and_summaries_go_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[float] = []
    writer = tf.summary.create_file_writer(str(tmp_path / "own"))

    def describe(features: Features) -> tf.Tensor:
        y = normed(features)
        tf.print("seen", tf.size(y))
        tf.py_function(lambda one: seen.append(float(one)), [tf.reduce_sum(y)], [])
        v1.summary.scalar("mean", tf.reduce_mean(y))
        with writer.as_default():
            tf.summary.write("mean", tf.reduce_mean(y), step=global_step())
        return y

    trained = estimator(model(describe, by_minimize), tmp_path / "model").train(numbers, steps=1)
    trained.evaluate(contradicting)
    predicted(trained)

    assert len(seen) == 1 + 2 + 2
    assert capfd.readouterr().err.count("seen 4") == 1 + 2 + 2


def test_noise_differs_from_batch_to_batch_and_comes_again_in_the_next_call(tmp_path: Path) -> None:
    trained = estimator(model(noisy, by_minimize), tmp_path).train(numbers, steps=1)

    def batches() -> Iterator[Any]:
        return (one["y"].tolist() for one in trained.predict(asked, yield_single_examples=False))

    first, second = batches()
    again = list(batches())

    assert first != second
    assert again == [first, second]


def test_what_is_an_evaluations_own_counts_from_the_beginning_each_time(tmp_path: Path) -> None:
    def counted(y: tf.Tensor, _: tf.Tensor) -> dict[str, Any]:
        with private_variables():
            count = tf.Variable(0.0, trainable=False, name="count")
        with tf.control_dependencies([count.assign_add(1.0)]):
            return {"count": ratio(count.read_value(), 1)}

    trained = estimator(model(dense, by_minimize, counted), tmp_path).train(numbers, steps=1)

    assert [trained.evaluate(contradicting)["count"] for _ in range(2)] == [1.5, 1.5]


def test_slots_are_called_as_those_of_tensorflow(tmp_path: Path) -> None:
    trained = estimator(model(dense, by_adam), tmp_path).train(numbers, steps=1)

    assert {"train/dense/kernel/Adam", "train/dense/kernel/Adam_1"} <= set(trained.get_variable_names())


def test_an_export_may_tell_the_step(tmp_path: Path) -> None:
    def describe(features: Features) -> tf.Tensor:
        return dense(features) * 0.0 + tf.cast(global_step(), tf.float32)

    trained = estimator(model(describe, by_minimize), tmp_path / "model").train(numbers, steps=3)
    export = trained.export_saved_model(tmp_path / "export", serving)

    assert from_saved_model(export)(**ONES)["y"].tolist() == [[3.0]] * 4
