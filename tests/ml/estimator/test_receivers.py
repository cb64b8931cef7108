"""Exports that make their features from what a caller gives, and what they answer."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, doubled, numbers, serving
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, ServedModel, export, from_saved_model


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory) -> Estimator:
    return Estimator(doubled, tmp_path_factory.mktemp("model")).train(numbers, max_steps=1)


@pytest.fixture
def served(estimator: Estimator, tmp_path: Path) -> Callable[[Any], ServedModel]:
    return lambda receive: from_saved_model(estimator.export_saved_model(tmp_path, receive))


def expected(estimator: Estimator) -> list[Any]:
    """For 1 and for 5."""
    return [answer["y"] for answer in estimator.predict(asked)]


def test_features_are_made_from_what_a_caller_gives(estimator: Estimator, served: Any) -> None:
    def receive() -> export.ServingInputReceiver:
        number = tf.compat.v1.placeholder(tf.float32, [], "number")
        return export.ServingInputReceiver({"x": tf.tile([[number]], [3, 1])}, {"number": number})

    model = served(receive)

    (one, _) = expected(estimator)
    assert list(model.inputs) == ["number"]
    np.testing.assert_allclose(model(number=1.0)["y"], [one] * 3, rtol=1e-6)


def test_examples_are_parsed(estimator: Estimator, served: Any) -> None:
    spec = {"x": tf.io.FixedLenFeature([1], tf.float32)}

    model = served(export.build_parsing_serving_input_receiver_fn(spec))

    def example(value: float) -> bytes:
        floats = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return bytes(tf.train.Example(features=tf.train.Features(feature={"x": floats})).SerializeToString())

    assert list(model.inputs) == ["examples"]
    assert model.inputs["examples"].shape.as_list() == [None]
    np.testing.assert_allclose(model(examples=[example(1), example(5)])["y"], expected(estimator), rtol=1e-6)


@pytest.mark.parametrize(
    "features", [{"x": tf.constant([[3.0]])}, {"x": tf.TensorSpec([7, 1], tf.float32)}, "placeholder"]
)
def test_features_are_given_as_they_are(features: Any, estimator: Estimator, served: Any) -> None:
    if features == "placeholder":
        with tf.Graph().as_default():
            features = {"x": tf.compat.v1.placeholder(tf.float32, [None, 1])}

    model = served(export.build_raw_serving_input_receiver_fn(features))

    assert model.inputs["x"].shape.as_list() == [None, 1]
    np.testing.assert_allclose(model(x=[[1.0], [5.0]])["y"], expected(estimator), rtol=1e-6)


def test_one_tensor_is_called_feature_input_and_output(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        x = features["feature"] if isinstance(features, dict) else features
        spec = answered(mode, keras.layers.Dense(1)(x), labels)
        return spec if mode != ModeKeys.PREDICT else EstimatorSpec(mode, predictions=spec.predictions["y"])

    def receive() -> export.ServingInputReceiver:
        x = tf.compat.v1.placeholder(tf.float32, [None, 1])
        return export.ServingInputReceiver(x, x)

    def bare() -> export.TensorServingInputReceiver:
        x = tf.compat.v1.placeholder(tf.float32, [None, 1])
        return export.TensorServingInputReceiver(x * 1, x)

    def input_fn() -> tf.data.Dataset:
        return numbers().map(lambda features, labels: (features["x"], labels))

    estimator = Estimator(model_fn, tmp_path / "model").train(input_fn, max_steps=1)
    answers = []
    for receiver in (receive, bare, lambda: tf.TensorSpec([None, 1], tf.float32)):
        model = from_saved_model(estimator.export_saved_model(tmp_path / "export", receiver))
        assert (list(model.inputs), list(model.outputs)) == (["input"], ["output"])
        answers.append(model(input=[[1.0], [5.0]])["output"])

    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


@pytest.mark.parametrize("from_file", [False, True])
def test_strings_are_looked_up_by_a_table(from_file: bool, estimator: Estimator, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("one\ntwo\nfive\n")

    def receive() -> export.ServingInputReceiver:
        text = tf.compat.v1.placeholder(tf.string, [None], "text")
        if from_file:
            keys: Any = tf.lookup.TextFileInitializer(
                str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
            )
        else:
            keys = tf.lookup.KeyValueTensorInitializer(["one", "two", "five"], tf.constant([0, 1, 2], tf.int64))
        table = tf.lookup.StaticHashTable(keys, -1)
        tokens = tf.strings.split(tf.strings.lower(text)).to_tensor("")
        numbers = tf.gather([0.0, 1.0, 2.0, 5.0], table.lookup(tokens) + 1)
        return export.ServingInputReceiver({"x": tf.reduce_sum(numbers, 1, keepdims=True)}, {"text": text}, [table])

    path = estimator.export_saved_model(tmp_path / "export", receive)
    words.unlink()
    moved = path.rename(tmp_path / "elsewhere")

    answers = from_saved_model(moved)(text=["ONE", "Two two one", "six five"])["y"]
    plain = from_saved_model(estimator.export_saved_model(tmp_path / "plain", serving))
    np.testing.assert_allclose(answers, plain(x=[[1.0], [5.0], [5.0]])["y"], rtol=1e-6)


def test_a_model_that_trains_in_each_mode_is_exported_without_that(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        count = tf.Variable(0.0, name="count")
        spec = answered(mode, keras.layers.Dense(1)(features["x"]), labels)
        count.assign_add(1.0)
        return spec

    def receive() -> export.ServingInputReceiver:
        x = tf.compat.v1.placeholder(tf.float32, [None, 1])
        return export.ServingInputReceiver({"x": x}, x)

    estimator = Estimator(model_fn, tmp_path / "model").train(numbers, max_steps=2)
    model = from_saved_model(estimator.export_saved_model(tmp_path / "export", receive))
    first, second = model(input=[[1.0]])["y"], model(input=[[1.0]])["y"]

    assert first == second
    assert estimator.get_variable_value("count") == 2.0


def signatures(tmp_path: Path, outputs: Callable[[tf.Tensor], Any]) -> dict[str, ServedModel]:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        y = keras.layers.Dense(1)(features["x"])
        return answered(mode, y, labels, export_outputs=outputs(y))

    estimator = Estimator(model_fn, tmp_path / "model").train(numbers, max_steps=1)
    path = estimator.export_saved_model(tmp_path / "export", serving)
    return {name: from_saved_model(path, signature=name) for name in from_saved_model(path).signatures}


def test_one_export_output_becomes_the_default(tmp_path: Path) -> None:
    found = signatures(tmp_path, lambda y: {"regression": export.RegressionOutput(y)})

    assert {name: list(model.outputs) for name, model in found.items()} == {
        "serving_default": ["outputs"],
        "regression": ["outputs"],
    }


def test_several_export_outputs_and_the_default(tmp_path: Path) -> None:
    def outputs(y: tf.Tensor) -> Any:
        classes = tf.strings.as_string(y)
        return {
            "serving_default": export.PredictOutput({"twice": 2 * y}),
            "one": export.PredictOutput(y),
            "classes": export.ClassificationOutput(scores=y, classes=classes),
            "scores": export.ClassificationOutput(y),
            "labels": export.ClassificationOutput(classes=classes),
        }

    found = signatures(tmp_path, outputs)

    assert {name: sorted(model.outputs) for name, model in found.items()} == {
        "serving_default": ["twice"],
        "one": ["output"],
        "classes": ["classes", "scores"],
        "scores": ["scores"],
        "labels": ["classes"],
    }
    np.testing.assert_array_equal(found["serving_default"](x=[[1.0]])["twice"], 2 * found["one"](x=[[1.0]])["output"])


def test_a_classification_of_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="export_outputs\\['c'\\] must be a dict of tensors"):
        EstimatorSpec(
            ModeKeys.PREDICT, predictions=tf.constant(1.0), export_outputs={"c": export.ClassificationOutput()}
        )


def test_exports_are_named_by_the_time_and_none_is_lost_among_threads(estimator: Estimator, tmp_path: Path) -> None:
    began = int(time.time())
    others = [Estimator(doubled, estimator.model_dir) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda one: one.export_saved_model(tmp_path / "own", serving), others))
        made += threads.map(lambda _: estimator.export_saved_model(tmp_path / "shared", serving), range(4))

    for base in ("own", "shared"):
        names = [path.name for path in (tmp_path / base).iterdir()]
        assert len(names) == 4
        assert sorted(names) == sorted(names, key=int)
        assert all(began <= int(name) for name in names)
    assert len({str(from_saved_model(path)(x=[[1.0]])["y"]) for path in made}) == 1
