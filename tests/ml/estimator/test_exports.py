"""Exports: numbered, whole or not there; loaded again, they answer like the model."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.ml.estimator.doubling import answered, asked, doubled, numbers, serving
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, ServedModel, from_saved_model, publish_copy
from trainer.ml.estimator.internals import saved_model

MADE = {"square": tf.square, "tanh": tf.tanh, "negative": tf.negative}
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def estimator(tmp_path_factory: pytest.TempPathFactory) -> Estimator:
    return Estimator(doubled, tmp_path_factory.mktemp("model")).train(numbers, max_steps=1)


@pytest.fixture(scope="module")
def served(estimator: Estimator, tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    return from_saved_model(estimator.export_saved_model(tmp_path_factory.mktemp("export"), serving))


def test_an_export_answers_by_the_names_of_its_signature(estimator: Estimator, served: ServedModel) -> None:
    by_name, by_dict = served(x=[[1.0], [5.0]]), served({"x": np.array([[1], [5]])})

    trained = [answer["y"] for answer in estimator.predict(asked)]
    np.testing.assert_allclose(by_name["y"], trained, rtol=1e-6)
    np.testing.assert_array_equal(by_dict["y"], by_name["y"])
    assert (list(served.inputs), list(served.outputs)) == (["x"], ["y"])
    assert served.inputs["x"].shape.as_list() == [None, 1]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "the inputs are x, not"),
        ({"x": [[1.0]], "z": 1}, "the inputs are x, not x, z"),
        ({"x": [["one"]]}, "x must be of type float32"),
        ({"x": [1.0]}, "x must be of shape"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(served: ServedModel, given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        served(given)


def test_a_directory_of_exports_gives_the_newest_and_a_wrong_one_is_named(estimator: Estimator, tmp_path: Path) -> None:
    base = tmp_path / "export"
    first = estimator.export_saved_model(base, serving)
    newest = [publish_copy(first, base) for _ in range(11)][-1]
    later = base / str(int(newest.name) + 1)
    later.mkdir()
    (later / "saved_model.pb").write_bytes((first / "saved_model.pb").read_bytes())

    with pytest.raises(FileNotFoundError, match="nothing-here"):
        from_saved_model(tmp_path / "nothing-here")
    with pytest.raises(KeyError, match="no signature 'other'; there are serving_default"):
        from_saved_model(newest, signature="other")
    with pytest.raises((OSError, tf.errors.OpError)):
        from_saved_model(base)  # the last one, whose variables are missing


def test_several_signatures_of_one_model(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        hidden = keras.layers.Dense(3)(features["x"])
        y = keras.layers.Dense(1)(hidden)
        return answered(mode, y, labels, export_outputs={"hidden": {"state": hidden}, "both": {"y": y, "h": hidden}})

    def triple(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": 3 * x}

    estimator = Estimator(model_fn, tmp_path / "model").train(numbers, max_steps=1)
    function = tf.function(triple).get_concrete_function(tf.TensorSpec([None], tf.float32))
    pairs = {"x": tf.TensorSpec([2, 1], tf.float32)}
    export = estimator.export_saved_model(tmp_path / "export", serving, signatures={"triple": function, "pairs": pairs})

    loaded = {name: from_saved_model(export, signature=name) for name in from_saved_model(export).signatures}
    x = [[1.0], [5.0]]

    assert set(loaded) == {"serving_default", "hidden", "both", "triple", "pairs"}
    assert loaded["hidden"](x=x)["state"].shape == (2, 3)
    assert set(loaded["both"](x=x)) == {"y", "h"}
    np.testing.assert_array_equal(loaded["both"](x=x)["y"], loaded["serving_default"](x=x)["y"])
    np.testing.assert_array_equal(loaded["pairs"](x=x)["y"], loaded["serving_default"](x=x)["y"])
    assert loaded["triple"](x=[2.0])["y"] == [6.0]


def test_an_export_computes_once_what_is_the_same(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        y = keras.layers.Dense(1)(features["x"])
        twice = (tf.square(y) - 0.5) * (tf.square(y) - 0.5)
        chances = tf.random.uniform([2]), tf.random.uniform([2])
        return answered(
            mode,
            twice,
            labels,
            export_outputs={"chances": {"a": chances[0], "b": chances[1]}, "serving_default": {"y": twice}},
        )

    estimator = Estimator(model_fn, tmp_path / "model").train(numbers, max_steps=1)
    export = estimator.export_saved_model(tmp_path / "export", serving)

    answer = from_saved_model(export)(x=[[1.0], [5.0]])["y"]
    drawn = from_saved_model(export, signature="chances")(x=[[1.0], [5.0]])
    (graph,) = saved_model((export / "saved_model.pb").read_bytes()).meta_graphs
    bodies = [[node.op for node in function.node_def] for function in graph.graph_def.library.function]
    (ops,) = [body for body in bodies if "Square" in body]
    assert (ops.count("Square"), ops.count("Sub"), ops.count("RandomUniform")) == (1, 1, 2)
    assert (drawn["a"] != drawn["b"]).all()
    np.testing.assert_allclose(answer, [predicted["y"] for predicted in estimator.predict(asked)], rtol=1e-6)


def test_outputs_that_are_the_same_keep_their_names(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        y = keras.layers.Dense(1)(features["x"])
        same = {f"{name}_{number}": make(y) for name, make in MADE.items() for number in range(20)}
        return answered(mode, y, labels, export_outputs={"same": same, "y": {"y": y}})

    estimator = Estimator(model_fn, tmp_path / "model").train(numbers, max_steps=1)
    found = from_saved_model(estimator.export_saved_model(tmp_path / "export", serving), signature="same")(x=[[2.0]])

    (y,) = estimator.predict(lambda: asked().map(lambda x: {"x": tf.fill([1, 1], 2.0)}))
    assert len(found) == 20 * len(MADE)
    for name, value in found.items():
        np.testing.assert_allclose(value[0], MADE[name.partition("_")[0]](y["y"]), rtol=1e-6)


def test_features_may_be_one_tensor_and_predictions_nested(tmp_path: Path) -> None:
    def model_fn(features: tf.Tensor, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        spec = answered(mode, keras.layers.Dense(1)(features), labels)
        if mode != ModeKeys.PREDICT:
            return spec
        return EstimatorSpec(mode, predictions={"x": features, "found": {"y": {"raw": spec.predictions["y"]}}})

    def plain() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(([[1.0], [5.0]], [[2.0], [10.0]])).repeat()

    estimator = Estimator(model_fn, tmp_path / "model").train(plain, max_steps=2)
    answer = next(estimator.predict(plain))
    named, unnamed = (
        from_saved_model(estimator.export_saved_model(tmp_path / "export", lambda spec=spec: spec))
        for spec in (tf.TensorSpec([None, 1], tf.float32, name="x"), tf.TensorSpec([None, 1], tf.float32))
    )

    np.testing.assert_array_equal(named(x=[[1.0]])["found/y/raw"][0], answer["found"]["y"]["raw"])
    np.testing.assert_array_equal(unnamed(input=[[1.0]])["x"], [[1.0]])


def test_vocabularies_and_other_files_travel_with_an_export(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("one\ntwo\nthree\n", encoding="utf-8")
    card = tmp_path / "card.md"
    card.write_text("A model of words.", encoding="utf-8")

    def model_fn(features: Any, labels: Any, mode: ModeKeys) -> EstimatorSpec:
        at_line = tf.lookup.TextFileInitializer(
            str(words), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        table = tf.lookup.StaticHashTable(at_line, -1)
        found = tf.cast(table.lookup(features["word"])[:, None], tf.float32)
        return answered(mode, keras.layers.Dense(1)(found), labels, resources=[table])

    def spelt() -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors(({"word": ["one", "three"]}, [[0.0], [4.0]])).repeat()

    estimator = Estimator(model_fn, tmp_path / "model").train(spelt, max_steps=200)
    export = estimator.export_saved_model(
        tmp_path / "export",
        lambda: {"word": tf.TensorSpec([None], tf.string)},
        assets={"card.md": card, "lists/words.txt": words},
    )
    words.unlink()
    moved = export.rename(tmp_path / "moved")
    served = from_saved_model(moved)

    assert served(word=["two", "three"])["y"][:, 0] == pytest.approx([2.0, 4.0], abs=0.2)
    assert {name: path.read_text(encoding="utf-8") for name, path in served.assets.items()} == {
        "card.md": "A model of words.",
        "lists/words.txt": "one\ntwo\nthree\n",
    }


def test_an_asset_that_is_missing_or_would_lie_outside_is_refused(estimator: Estimator, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="the asset 'words'"):
        estimator.export_saved_model(tmp_path / "export", serving, assets={"words": tmp_path / "absent"})
    with pytest.raises(ValueError, match="outside the export"):
        estimator.export_saved_model(tmp_path / "export", serving, assets={"../words": tmp_path / "absent"})

    assert not (tmp_path / "export").exists()


FULL = """
import pathlib, resource, signal, sys
from tests.ml.estimator import doubling
from trainer.ml.estimator import Estimator

where = pathlib.Path(sys.argv[1])
estimator = Estimator(doubling.doubled, where / "model").train(doubling.numbers, max_steps=1)
(where / "big").write_bytes(bytes(200_000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for name, most in (("no room for the model", 100), ("no room for an asset", 100_000)):
    base = where / name
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    try:
        estimator.export_saved_model(base, doubling.serving, assets={"big": where / "big"})
    except Exception:
        print(name, sorted(path.name for path in base.iterdir()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print("then", estimator.export_saved_model(base, doubling.serving, assets={"big": where / "big"}).name.isdigit())
"""


def test_a_disk_without_room_leaves_nothing_of_an_export(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    told = ["no room for the model []", "then True", "no room for an asset []", "then True"]
    assert done.stdout.splitlines() == told, done.stderr[-2000:]
