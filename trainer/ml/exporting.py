"""From a trained model to an export that was seen to answer like it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from trainer.ml.estimator import Estimator
from trainer.ml.examples import encodable
from trainer.ml.predictor import Predictor, answers_of, load, relations_input, serving_input
from trainer.ml.round import Round
from trainer.ml.schema import FORMAT_VERSION

VERIFIED = 2_000  # characters of a text on which an export is compared with its model
TOLERANCE = 2e-3  # of scores: sums depend on the order in which threads add them


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

    On the beginnings of the texts, and with a tolerance.
    """
    texts = [text[:VERIFIED] for text in texts]
    predictor = load(export)
    one, other = scores_of(predictor(texts)), scores_of(_answers(estimator, texts))
    # What is said from one half on may be said by one of them only where the score is that half.
    if any(abs(one.get(key, 0.5) - other.get(key, 0.5)) > TOLERANCE for key in one.keys() | other.keys()):
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


def scores_of(answers: Sequence[Mapping[str, Any]]) -> dict[tuple, float]:
    """The score of everything that answers say, by row and what is said."""
    scores: dict[tuple, float] = {}
    for row, answer in enumerate(answers):
        for span in answer["spans"]:
            scores[row, span["start"], span["end"], span["label"]] = span["score"]
        for question, ranked in answer["choices"].items():
            scores |= {(row, question, choice["label"]): choice["score"] for choice in ranked}
        for related in answer["relations"]:
            scores[row, "relation", related["head"], related["tail"], related["label"]] = related["score"]
    return scores
