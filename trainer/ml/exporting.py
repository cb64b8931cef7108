"""From a trained model to an export that was seen to answer like it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.estimator.exports import GRAPH, write_saved_model
from trainer.ml.estimator.values import publish_exchanged, read_values, write_values
from trainer.ml.examples import encodable
from trainer.ml.model import ModelParams
from trainer.ml.predictor import Graphs, answers_of, load
from trainer.ml.round import Round
from trainer.ml.schema import FORMAT_VERSION, Schema
from trainer.ml.serving import DESCRIPTION, Serving
from trainer.ml.states import Encoding
from trainer.ml.widening import widened

VERIFIED, VERIFIED_TEXTS = 2_000, 8  # characters of how many texts on which an export is compared with its model
FINEST = 2.0**-14  # weights are multiples of it: an export then compresses much better, and no score shows it
TOLERANCE = 2e-3  # of scores: sums depend on the order in which threads add them


def export(
    params: ModelParams,
    weights: Mapping[str, np.ndarray],
    round_: Round,
    base: Path,
    *,
    seed: int = 0,
    previous: Path | None = None,
    graphs: Graphs | None = None,
    encoding: Encoding | None = None,
) -> Path:
    """Write the model, with labels, thresholds and tokeniser inside, into a directory of `base` named by the time.

    A `previous` export gives its graph where it has the same: then only values are written and read back. A new graph
    has to answer as the model in memory does, else there is no export; it is among `graphs` then. A model that was
    trained with an encoder needs its `encoding`.
    """
    wide = widened(params.calibration, round_.schema, round_.columns)
    rounded = {name: (np.round(of / FINEST) * FINEST).astype(np.float32) for name, of in weights.items()}
    serving = Serving(replace(params, calibration=wide), rounded)
    description = {
        "format": FORMAT_VERSION,
        "schema": round_.schema.to_dict(),
        "columns": round_.columns.to_dict(),
        "tokenizer": round_.tokenizer._asdict(),
        "examples": len(round_.seen),
        "seed": seed,
        "tensorflow": tf.__version__,
        **({"encoder": params.basis.to_dict()} if params.basis else {}),
        **params.calibration.to_dict(),
    }
    if previous is not None and has_graph(previous, serving.key):
        return publish_exchanged(previous, base, serving.values(description | _known(previous, serving.key)))
    texts = [example.text[:VERIFIED] for example in round_.seen[:VERIFIED_TEXTS]]

    def finish(aside: Path) -> None:
        write_values(aside, serving.values(description | _known(aside, serving.key)))
        _verify(aside, serving, round_.schema, texts, graphs=graphs, encoding=encoding)

    return write_saved_model(base, serving.signatures(), {"weights": serving.variables}, {}, finish)


def _known(export: Path, key: str) -> dict[str, Any]:
    """What an export says of its graph: what it was made for, and what it is."""
    return {"graph": {"key": key, "sha256": hashlib.sha256((export / GRAPH).read_bytes()).hexdigest()}}


def has_graph(export: Path, key: str) -> bool:
    """Whether an export that was compared with its model has a graph for this key, and it is still the same."""
    try:
        told = read_values(export).get(DESCRIPTION)
        return told is not None and json.loads(told).get("graph") == _known(export, key)["graph"]
    except (OSError, ValueError):  # it cannot be read, or is older than named values are
        return False


def _verify(
    export: Path,
    serving: Serving,
    learnt: Schema,
    texts: Sequence[str],
    *,
    graphs: Graphs | None,
    encoding: Encoding | None,
) -> None:
    """Raise RuntimeError unless the export says of texts what the model in memory says, within a tolerance."""
    basis = serving.params.basis
    pieces = encoding.pieces(texts, basis) if encoding and basis else None
    outputs = serving.answers(tf.constant([encodable(text) for text in texts], tf.string), pieces)
    arrays = {name: value.numpy() for name, value in outputs.items()}
    expected = answers_of(arrays, len(texts), learnt, serving.params.schema)
    one, other = scores_of(load(export, graphs, encoding)(texts)), scores_of(expected)
    # What is said from one half on may be said by one of them only where the score is that half.
    if any(abs(one.get(key, 0.5) - other.get(key, 0.5)) > TOLERANCE for key in one.keys() | other.keys()):
        raise RuntimeError("the export does not answer like the model that was trained")


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
