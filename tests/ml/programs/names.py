"""What was called otherwise in TensorFlow 2.15: the whole difference between a program there and the same one here.

`as_known(text)` puts the names of 2.15 into a program of this folder, and changes nothing else. `table()` is the one in
docs/estimator.md; `python -m bench.doc_tables` puts it there.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Renamed(NamedTuple):
    """A name in TensorFlow 2.15, the one here, and what else one has to know. After `(` stands an argument's name."""

    knew: str
    here: str
    note: str


NAMES = [
    Renamed(
        "from tensorflow import estimator", "import trainer.ml.estimator as estimator", "the rest of TensorFlow stays"
    ),
    Renamed("tf.estimator.Estimator", "estimator.Estimator", "the same arguments in the same order"),
    Renamed("tf.estimator.EstimatorSpec", "estimator.EstimatorSpec", "says what a mode lacks"),
    Renamed("tf.estimator.ModeKeys", "estimator.ModeKeys", 'the same strings: `"train"`, `"eval"`, `"infer"`'),
    Renamed("tf.estimator.RunConfig", "estimator.RunConfig", "arguments by name"),
    Renamed("tf.estimator.RunConfig(tf_random_seed=", "estimator.RunConfig(seed=", "0 if none is given"),
    Renamed("tf.estimator.train_and_evaluate", "estimator.train_and_evaluate", "each checkpoint is evaluated"),
    Renamed("tf.estimator.TrainSpec", "estimator.TrainSpec", "the same"),
    Renamed("tf.estimator.EvalSpec", "estimator.EvalSpec", "all of the input if `steps` is not given, not 100 batches"),
    Renamed(
        "tf.estimator.experimental.stop_if_no_increase_hook",
        "estimator.stop_if_no_increase_hook",
        "the same; `EarlyStopping` without a hook",
    ),
    Renamed(
        "tf.estimator.experimental.stop_if_no_decrease_hook",
        "estimator.stop_if_no_decrease_hook",
        "the same; `EarlyStopping` without a hook",
    ),
    Renamed(
        "tf.estimator.SessionRunHook", "estimator.SessionRunHook", "the session is the input's; `Hook` is the short way"
    ),
    Renamed("tf.estimator.SessionRunArgs", "estimator.SessionRunArgs", "names and tensors of the model's graph"),
    Renamed("tf.estimator.LoggingTensorHook", "estimator.LoggingTensorHook", "every so many steps"),
    Renamed("tf.estimator.BestExporter", "estimator.BestExporter", "remembers over a restart what was best"),
    Renamed("tf.estimator.LatestExporter", "estimator.LatestExporter", "the same"),
    Renamed("tf.estimator.FinalExporter", "estimator.FinalExporter", "exports also after early stopping"),
    Renamed("tf.estimator.WarmStartSettings", "estimator.WarmStart", "`WarmStart(path, variables)`"),
    Renamed(
        "tf.estimator.export.ServingInputReceiver",
        "estimator.export.ServingInputReceiver",
        "or a function that returns a dict of `tf.TensorSpec`",
    ),
    Renamed(
        "tf.estimator.export.TensorServingInputReceiver",
        "estimator.export.TensorServingInputReceiver",
        "features stay a bare tensor",
    ),
    Renamed(
        "tf.estimator.export.build_raw_serving_input_receiver_fn",
        "estimator.export.build_raw_serving_input_receiver_fn",
        "the same",
    ),
    Renamed(
        "tf.estimator.export.build_parsing_serving_input_receiver_fn",
        "estimator.export.build_parsing_serving_input_receiver_fn",
        "the same",
    ),
    Renamed("tf.estimator.export.PredictOutput", "estimator.export.PredictOutput", "the same"),
    Renamed("tf.estimator.export.ClassificationOutput", "estimator.export.ClassificationOutput", "the same"),
    Renamed("tf.estimator.export.RegressionOutput", "estimator.export.RegressionOutput", "the same"),
    Renamed(
        "tf.contrib.predictor.from_saved_model",
        "estimator.from_saved_model",
        "answers a dict of arrays; contrib ended with TensorFlow 1",
    ),
    Renamed("tf.compat.v1.layers.dense", "estimator.layers.dense", "`tf.layers.dense` in TensorFlow 1"),
    Renamed("tf.compat.v1.layers.conv1d", "estimator.layers.conv1d", "`tf.layers.conv1d`"),
    Renamed("tf.compat.v1.layers.conv2d", "estimator.layers.conv2d", "`tf.layers.conv2d`"),
    Renamed("tf.compat.v1.layers.max_pooling2d", "estimator.layers.max_pooling2d", "`tf.layers.max_pooling2d`"),
    Renamed(
        "tf.compat.v1.layers.average_pooling2d",
        "estimator.layers.average_pooling2d",
        "`tf.layers.average_pooling2d`",
    ),
    Renamed("tf.compat.v1.layers.flatten", "estimator.layers.flatten", "`tf.layers.flatten`"),
    Renamed("tf.compat.v1.layers.dropout", "estimator.layers.dropout", "`tf.layers.dropout`"),
    Renamed(
        "tf.compat.v1.layers.batch_normalization",
        "estimator.layers.batch_normalization",
        "training runs its updates; `UPDATE_OPS` is there, and empty",
    ),
    Renamed("tf.compat.v1.summary.scalar", "estimator.summaries.scalar", "`tf.summary.scalar` in TensorFlow 1"),
    Renamed("tf.compat.v1.summary.histogram", "estimator.summaries.histogram", "`tf.summary.histogram`"),
    Renamed("tf.compat.v1.summary.image", "estimator.summaries.image", "`tf.summary.image`"),
    Renamed("tf.compat.v1.summary.text", "estimator.summaries.text", "`tf.summary.text`"),
]


def as_known(text: str) -> str:
    """The program as TensorFlow 2.15 wants it."""
    knew = {name.here: name.knew for name in NAMES}
    longest_first = "|".join(re.escape(here) for here in sorted(knew, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])(?:{longest_first})(?:(?<=\W)|(?!\w))", lambda found: knew[found[0]], text)


def table() -> str:
    """Markdown: what one knew, what it is here, and what else to know."""
    rows = [f"| `{name.knew}` | `{name.here}` | {name.note} |" for name in NAMES]
    return "\n".join(["| you knew | here | |", "|---|---|---|", *rows])
