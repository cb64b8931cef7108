"""Several devices, half precision and settings of the process, in processes of their own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from trainer.ml.estimator import RunConfig

ROOT = Path(__file__).parents[3]

MODEL = """
import sys, keras, numpy as np, tensorflow as tf
from trainer.ml.estimator import Estimator, EstimatorSpec, Lbfgs, ModeKeys, RunConfig, from_saved_model, minimize

def bent(features, labels, mode, params):
    x = keras.layers.Dense(8, activation="tanh", name="hidden")(features["x"])
    x = keras.layers.BatchNormalization(momentum=0.5)(x, training=mode == ModeKeys.TRAIN)
    y = keras.layers.Dense(1, name="top", dtype="float32")(x)
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": y})
    loss = tf.reduce_mean(tf.square(y - labels))
    train_op = minimize(loss, params["optimizer"]) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, loss=loss, train_op=train_op)

def linear(features, labels, mode, params):
    w = tf.Variable(tf.zeros([3, 1]), name="w")
    y = features["x"] @ w
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": y})
    loss = tf.reduce_mean(tf.square(y - labels))
    return EstimatorSpec(mode, loss=loss, train_op=minimize(loss, params["optimizer"]))

def numbers():
    x = np.random.default_rng(5).normal(size=(32, 3)).astype(np.float32)
    x = np.stack([x, x], 1).reshape(64, 3)  # so that both halves of a batch have the same statistics
    x = x.reshape(4, 8, 2, 3).swapaxes(1, 2).reshape(64, 3)
    y = np.sin(x.sum(1, keepdims=True)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices(({"x": x}, y)).batch(16, drop_remainder=True).repeat()

def weights(estimator):
    return {v.name: v.numpy() for v in estimator.trainable_variables}

def serving():
    return {"x": tf.TensorSpec([None, 3], tf.float32)}
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], str]:
    """Runs a program over the model above in a fresh process, and gives what it prints."""

    def in_a_process(program: str) -> str:
        (tmp_path / "program.py").write_text(MODEL + program, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, tmp_path / "program.py", tmp_path],
            env={"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return in_a_process


TWO_DEVICES = """
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

def trained(name, model_fn, optimizer, devices):
    config = RunConfig(seed=4, devices=devices, save_checkpoints_steps=15)
    return Estimator(model_fn, f"{sys.argv[1]}/{name}", config, {"optimizer": optimizer}).train(numbers, max_steps=30)

for model_fn, optimizer in [(bent, lambda: keras.optimizers.Adam(0.02)), (linear, lambda: Lbfgs((30,)))]:
    name = model_fn.__name__
    one = trained(f"{name}-one", model_fn, optimizer, ())
    two = trained(f"{name}-two", model_fn, optimizer, ("CPU:0", "CPU:1"))
    assert len(weights(one)) and weights(one).keys() == weights(two).keys(), (weights(one), weights(two))
    for key, value in weights(one).items():
        np.testing.assert_allclose(value, weights(two)[key], atol=2e-4, err_msg=key)
    assert any(np.abs(value).max() > 0.1 for value in weights(one).values())

    other = trained(f"{name}-other", model_fn, optimizer, ("CPU:1",))
    for key, value in weights(one).items():
        np.testing.assert_allclose(value, weights(other)[key], atol=2e-4, err_msg=key)

    # A checkpoint of two devices goes on on one, and the other way round; and it can be exported.
    again = Estimator(model_fn, f"{sys.argv[1]}/{name}-two", RunConfig(seed=4), {"optimizer": optimizer})
    (first, *_) = again.predict(lambda: numbers().take(1))
    served = from_saved_model(two.export_saved_model(f"{sys.argv[1]}/export", serving))
    (x, _), = numbers().take(1)
    np.testing.assert_allclose(served(x=x["x"])["y"][0], first["y"], atol=1e-5)
    again.train(numbers, max_steps=35)
    one_on_two = trained(f"{name}-one", model_fn, optimizer, ("CPU:0", "CPU:1"))
    print(name, one_on_two.train(numbers, max_steps=32).latest_step())
"""


def test_two_devices_learn_what_one_learns(run: Callable[[str], str]) -> None:
    assert run(TWO_DEVICES).split() == ["bent", "32", "linear", "32"]


def test_layers_compute_in_half_precision_and_learn(run: Callable[[str], str]) -> None:
    told = run("""
seen = {}
def model_fn(features, labels, mode, params):
    x = keras.layers.Dense(16, activation="tanh")(features["x"])
    seen[str(mode)] = x.dtype.name
    y = keras.layers.Dense(1, dtype="float32")(x)
    loss = tf.reduce_mean(tf.square(y - labels))
    train_op = minimize(loss, lambda: keras.optimizers.Adam(0.02)) if mode == ModeKeys.TRAIN else None
    return EstimatorSpec(mode, loss=loss, train_op=train_op, predictions={"y": y})

for precision in ("mixed_bfloat16", "mixed_float16"):
    estimator = Estimator(model_fn, f"{sys.argv[1]}/{precision}", config=RunConfig(precision=precision))
    before = estimator.train(numbers, max_steps=1).evaluate(numbers, steps=4)["loss"]
    after = estimator.train(numbers, max_steps=100).evaluate(numbers, steps=4)["loss"]
    print(seen, {v.dtype.name for v in estimator.trainable_variables}, after < before / 2)
print(keras.config.dtype_policy().name)
""")

    assert told.splitlines() == [
        "{'train': 'bfloat16', 'eval': 'bfloat16'} {'float32'} True",
        "{'train': 'float16', 'eval': 'float16'} {'float32'} True",
        "float32",
    ]


def test_threads_are_set_before_tensorflow_starts_and_refused_afterwards(run: Callable[[str], str]) -> None:
    told = run("""
config = RunConfig(threads=1)
Estimator(linear, sys.argv[1], config=config)
print(tf.config.threading.get_intra_op_parallelism_threads(), tf.config.threading.get_inter_op_parallelism_threads())
Estimator(linear, sys.argv[1], config=config)
try:
    Estimator(linear, sys.argv[1], config=RunConfig(threads=2))
except RuntimeError as error:
    print(error)
""")

    first, refused = told.splitlines()
    assert first == "1 1"
    assert "other threads than the 2" in refused


def test_memory_of_gpus_grows_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"a {kind}"])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda gpu, on: grown.append((gpu, on)))
    from trainer.ml.estimator.config import prepare

    prepare(RunConfig())
    prepare(RunConfig(gpu_memory_growth=False))

    assert grown == [("a GPU", True)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"save_checkpoints_steps": 0}, "save_checkpoints_steps"),
        ({"keep_checkpoint_max": 1.5}, "keep_checkpoint_max"),
        ({"save_checkpoints_secs": -1}, "save_checkpoints_secs"),
        ({"precision": "float8"}, "mixed_bfloat16"),
        ({"devices": ["CPU:0"], "strategy": object()}, "not both"),
    ],
)
def test_a_configuration_names_what_cannot_be(given: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        RunConfig(**given)  # type: ignore[arg-type]
