"""The model as it is served: a graph that is the same for all trainings of one kind, and the values that differ.

Whatever differs between two trainings of a project while its labels stay the same is a variable: weights, vocabularies
of any length, vectors, opinions, calibration, even the description. So the next export need not be traced anew: it is
the graph of the last one with other values.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import words
from trainer.ml.candidates import GIVEN
from trainer.ml.estimator.config import keep_graphs_as_traced
from trainer.ml.estimator.exports import serving_function
from trainer.ml.estimator.running import KerasState, Running
from trainer.ml.estimator.spec import DEFAULT_SIGNATURE, ModeKeys
from trainer.ml.estimator.variables import MODEL, VariableStore
from trainer.ml.inputs import Inputs
from trainer.ml.model import Model, ModelParams
from trainer.ml.schema import FORMAT_VERSION
from trainer.ml.states import Pieces, pieces_in, specs_of

DESCRIPTION = "description"
TEXT = {"text": tf.TensorSpec([None], tf.string)}


class Serving:
    """A trained model that answers texts, ready to be exported."""

    def __init__(self, params: ModelParams, weights: Mapping[str, np.ndarray]) -> None:
        """`weights` has the values of all trainable variables, by name."""
        keep_graphs_as_traced()  # it is a setting that stands in a graph: all are made with the same
        self.params = params
        self._store, self._step = VariableStore(), tf.Variable(0, dtype=tf.int64)
        with self._model():
            tf.Variable("", trainable=False, name=DESCRIPTION)
        self.variables = self._store.group(MODEL)
        for name, variable in self.variables.items():
            if variable.trainable:
                variable.assign(weights[name])

    @contextmanager
    def _model(self) -> Iterator[Model]:
        """The model, made of these variables in the function that is being traced, or outside any."""
        running = Running(ModeKeys.PREDICT, self._store, self._step, 0, KerasState())
        with running.active():
            yield Model(self.params)

    def values(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """Of all variables, by name, of an export that says this of itself."""
        told = json.dumps(description, ensure_ascii=False).encode()
        return {name: variable.numpy() for name, variable in self.variables.items()} | {DESCRIPTION: told}

    @property
    def key(self) -> str:
        """The same for models whose graphs are the same."""
        told = {
            "format": FORMAT_VERSION,
            "schema": self.params.schema.to_dict(),
            "tokenizer": self.params.tokenizer._asdict(),
            "pairs": len(self.params.vectors.pairs) > 0,
            "variables": [[name, one.dtype.name, one.shape.as_list()] for name, one in self.variables.items()],
            "made by": [tf.__version__, unicodedata.unidata_version, sources()],
        }
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def answers(self, texts: tf.Tensor, pieces: Pieces | None = None) -> dict[str, tf.Tensor]:
        """What the default signature answers; it may be called outside a graph, too."""
        with self._model() as model:
            return model.answers(model.read(texts, pieces))

    def signatures(self) -> dict[str, Any]:
        """The functions of an export, by name."""
        describe = serving_function(lambda _: {"json": self.variables[DESCRIPTION].read_value()}, {})
        made = {"describe": describe}
        asked = TEXT | specs_of(self.params.basis)
        if not self.params.schema.relations:

            def answer(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
                return self.answers(given["text"], pieces_in(given))

            return made | {DEFAULT_SIGNATURE: serving_function(answer, asked)}

        @partial(tf.function, autograph=False)  # one that both signatures call
        def read(texts: tf.Tensor, pieces: Pieces | None) -> Inputs:
            with self._model() as model:
                return model.read(texts, pieces)

        def answers(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            with self._model() as model:
                return model.answers(read(given["text"], pieces_in(given)))

        def related(given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            with self._model() as model:
                inputs = read(given["text"], pieces_in(given))
                return model.related(inputs, {name: given[name] for name in GIVEN})

        both = {DEFAULT_SIGNATURE: serving_function(answers, asked)}
        return made | both | {"relations": serving_function(related, asked | GIVEN)}


@lru_cache(maxsize=1)
def sources() -> str:
    """A hash of all code that may have a say in a graph."""
    found = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(str(words.__file__)).parent):
        for file in sorted(folder.rglob("*.py")):
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()
