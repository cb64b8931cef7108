"""What an export is for: one number doubled by `Estimator.predict`, and by the export, loaded once and kept.

The model is one dense layer, so nearly all that is measured is what lies around a model. `Estimator.predict` is asked
as by a program that holds nothing between two questions, which traces the model and reads its checkpoint each time, and
by one that keeps its Estimator. All give the same answer. Run alone with `python -m bench.reload`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

# Before TensorFlow is imported; as in the workers.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
import tensorflow as tf

from bench.figures import Figure, table
from trainer.ml.estimator import Estimator, EstimatorSpec, ModeKeys, from_saved_model, minimize

AIM = 100.0
TIMES_SLOW, TIMES_FAST = 10, 500
ASKED = 21.0


def model_fn(features: dict[str, tf.Tensor], labels: Any, mode: ModeKeys) -> EstimatorSpec:
    """y = w·x + b."""
    y = keras.layers.Dense(1)(features["x"])
    if mode == ModeKeys.PREDICT:
        return EstimatorSpec(mode, predictions={"y": y})
    loss = tf.reduce_mean(tf.square(y - labels))
    return EstimatorSpec(mode, loss=loss, train_op=minimize(loss, lambda: keras.optimizers.Adam(0.1)))


def measure() -> list[Figure]:
    """Train, export and load once; then double one number, again and again."""
    with tempfile.TemporaryDirectory(prefix="marginalia-bench-") as folder:
        kept, export = _trained(Path(folder))
        serve = from_saved_model(export)

        question = np.array([[ASKED]], np.float32)

        def afresh() -> float:
            return _predicted(Estimator(model_fn, kept.model_dir), question)

        def again() -> float:
            return _predicted(kept, question)

        def served() -> float:
            return float(serve(x=question)["y"][0, 0])

        slow, middle, fast = _cost(afresh, TIMES_SLOW), _cost(again, TIMES_FAST // 10), _cost(served, TIMES_FAST)
    return [
        slow.figure("one number, a new Estimator's predict"),
        middle.figure("one number, a kept Estimator's predict"),
        fast.figure("one number, the loaded export"),
        _ratio("new Estimator over export", slow, fast, AIM),
        _ratio("kept Estimator over export", middle, fast),
    ]


class Cost(NamedTuple):
    """Medians over calls, in milliseconds."""

    wall: float
    cpu: float
    calls: int

    def figure(self, what: str) -> Figure:
        return Figure(what, self.wall, "ms", note=f"median of {self.calls}; {self.cpu:.3g} ms of CPU")


def _ratio(what: str, slow: Cost, fast: Cost, aim: float | None = None) -> Figure:
    return Figure(what, slow.wall / fast.wall, "times", aim, True, f"{slow.cpu / fast.cpu:.3g} times the CPU")


def _cost(call: Callable[[], float], calls: int) -> Cost:
    answer = call()  # the first call may load what later ones find
    if abs(answer - 2 * ASKED) > 1:
        raise RuntimeError(f"{ASKED} was doubled to {answer}")
    wall, cpu = [], []
    for _ in range(calls):
        began, used = perf_counter(), process_time()
        call()
        wall.append(perf_counter() - began)
        cpu.append(process_time() - used)
    return Cost(1000 * median(wall), 1000 * median(cpu), calls)


def _trained(folder: Path) -> tuple[Estimator, Path]:
    x = np.linspace(-3, 3, 64, dtype=np.float32)[:, None]
    estimator = Estimator(model_fn, folder / "model")
    estimator.train(lambda: tf.data.Dataset.from_tensors(({"x": x}, 2 * x)).repeat(), max_steps=300)
    export = estimator.export_saved_model(folder / "export", lambda: {"x": tf.TensorSpec([None, 1], tf.float32)})
    return estimator, export


def _predicted(estimator: Estimator, question: np.ndarray) -> float:
    (answer,) = estimator.predict(lambda: tf.data.Dataset.from_tensors({"x": question}))
    return float(answer["y"][0])


if __name__ == "__main__":
    found = measure()
    print(json.dumps([vars(figure) for figure in found]) if "--json" in sys.argv else table(found))
