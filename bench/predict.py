"""The point of the export: one prediction through the loaded SavedModel, and through an Estimator that starts afresh.

`Estimator.predict` builds its graph and loads the latest checkpoint; what serves people must do neither. Both take
the same raw text and give the same answer. Run alone with `python -m bench.predict`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from annotator.demo import mails
from bench.figures import Figure, table

AIM = 100.0
TRAINED_ON = 200
TIMES_SLOW, TIMES_FAST = 3, 50


def measure() -> list[Figure]:
    """Train once on demo mails, then answer one further mail both ways."""
    # Before TensorFlow is imported; as in the workers.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf

    with tempfile.TemporaryDirectory(prefix="marginalia-bench-") as folder:
        estimator, export = _train(Path(folder))
        *_, text = (mail["text"] for mail in mails(TRAINED_ON + 1))

        def given() -> tf.data.Dataset:
            return tf.data.Dataset.from_tensors({"text": tf.constant([text])})

        def afresh() -> None:
            next(estimator().predict(given, yield_single_examples=False))

        warm = estimator()

        def again() -> None:
            next(warm.predict(given, yield_single_examples=False))

        model = tf.saved_model.load(str(export))
        serve = model.signatures["serving_default"]

        def loaded() -> None:
            {name: value.numpy() for name, value in serve(text=tf.constant([text])).items()}

        rebuilt, repeated, served = (
            _seconds(afresh, TIMES_SLOW),
            _seconds(again, TIMES_FAST),
            _seconds(loaded, TIMES_FAST),
        )
    return [
        Figure(
            "one text, new Estimator.predict (rebuilds, reloads)", rebuilt * 1000, "ms", note=f"median of {TIMES_SLOW}"
        ),
        Figure(
            "one text, same Estimator's predict again (reloads)", repeated * 1000, "ms", note=f"median of {TIMES_FAST}"
        ),
        Figure("one text, loaded SavedModel", served * 1000, "ms", note=f"median of {TIMES_FAST}"),
        Figure("SavedModel against a new Estimator", rebuilt / served, "times", AIM, True),
    ]


def _train(folder: Path) -> tuple[Callable[[], Any], Path]:
    """A way to make estimators on one trained checkpoint, and the export of the same."""
    from trainer.ml import examples
    from trainer.ml.batches import batch_of, tokenizer_for
    from trainer.ml.estimator import Estimator
    from trainer.ml.model import ModelParams, model_fn
    from trainer.ml.predictor import serving_input
    from trainer.ml.schema import Schema

    data = folder / "data.jsonl"
    data.write_text("".join(json.dumps(mail) + "\n" for mail in mails(TRAINED_ON)), encoding="utf-8")
    lines = examples.read(data)
    schema, tokenizer = Schema.shown_by(lines), tokenizer_for(lines)
    batch = batch_of(lines, schema, tokenizer)
    steps = 40

    def estimator() -> Estimator:
        params = ModelParams(schema, tokenizer, batch.vocabulary, (steps,))
        return Estimator(model_fn, folder / "model", params)

    import tensorflow as tf

    trained = estimator()
    trained.train(lambda: tf.data.Dataset.from_tensors((batch.inputs, batch.labels)).repeat(), max_steps=steps)
    return estimator, trained.export_saved_model(folder / "export", serving_input)


def _seconds(run: Callable[[], None], times: int) -> float:
    run()  # a first call pays for things that the second has
    taken = []
    for _ in range(times):
        began = perf_counter()
        run()
        taken.append(perf_counter() - began)
    return median(taken)


if __name__ == "__main__":
    found = measure()
    print(json.dumps([asdict(figure) for figure in found]) if "--json" in sys.argv else table(found))
