"""From a trained model to an export that was seen to answer like it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.estimator import Estimator
from trainer.ml.examples import encodable
from trainer.ml.predictor import Predictor, answers_of, load, relations_input, serving_input
from trainer.ml.round import Round
from trainer.ml.schema import FORMAT_VERSION

VERIFIED = 2_000  # characters of a text on which an export is compared with its model


def export(estimator: Estimator, round_: Round, base: Path) -> Path:
    """Write the model, with labels, thresholds and tokeniser inside, into the next numbered directory of `base`."""
    description = {
        "format": FORMAT_VERSION,
        "schema": round_.schema.to_dict(),
        "tokenizer": round_.tokenizer._asdict(),
        "examples": len(round_.seen),
        "seed": estimator.config.seed,
        "tensorflow": tf.__version__,
        **estimator.params.calibration.to_dict(),
    }
    told = json.dumps(description, ensure_ascii=False)
    describe = tf.function(lambda: {"json": tf.constant(told)}).get_concrete_function()
    more = {"relations": relations_input()} if round_.schema.relations else {}
    return estimator.export_saved_model(base, serving_input, signatures={"describe": describe, **more})


def verified(export: Path, estimator: Estimator, texts: Sequence[str]) -> Predictor:
    """The export, loaded; it says what the model in memory says, otherwise it is taken back.

    On the beginnings of the texts, and with a tolerance: sums over long ones depend on the order they are added in.
    """
    texts = [text[:VERIFIED] for text in texts]
    predictor = load(export)
    pairs = zip(predictor(texts), _answers(estimator, texts), strict=True)
    if not all(_agree(served, trained) for served, trained in pairs):
        shutil.rmtree(export)
        raise RuntimeError("the export does not answer like the model that was trained")
    return predictor


def _answers(estimator: Estimator, texts: Sequence[str]) -> list[dict[str, Any]]:
    schema = estimator.params.schema
    given = [encodable(text) for text in texts]
    batches = estimator.predict(
        lambda: tf.data.Dataset.from_tensor_slices({"text": given}).batch(64), yield_single_examples=False
    )
    return [answer for outputs in batches for answer in answers_of(outputs, len(outputs["uncertainty"]), schema)]


def _agree(served: Mapping[str, Any], trained: Mapping[str, Any]) -> bool:
    one, other = _scores(served), _scores(trained)
    return one.keys() == other.keys() and np.allclose([*one.values()], [other[key] for key in one], atol=1e-3)


def _scores(answer: Mapping[str, Any]) -> dict[tuple, float]:
    """The score of everything that an answer says."""
    spans = {(span["start"], span["end"], span["label"]): span["score"] for span in answer["spans"]}
    choices = {
        (question, choice["label"]): choice["score"]
        for question, ranked in answer["choices"].items()
        for choice in ranked
    }
    related = {(found["head"], found["tail"], found["label"]): found["score"] for found in answer["relations"]}
    return spans | choices | related
