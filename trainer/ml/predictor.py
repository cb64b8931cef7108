"""A loaded export: texts in, answers out."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf

from trainer.ml.candidates import given_spans
from trainer.ml.encoder_folder import WrongEncoder
from trainer.ml.estimator.config import keep_graphs_as_traced
from trainer.ml.estimator.exports import GRAPH
from trainer.ml.estimator.spec import DEFAULT_SIGNATURE
from trainer.ml.estimator.values import read_values
from trainer.ml.examples import encodable
from trainer.ml.schema import FORMAT_VERSION, Question, Schema
from trainer.ml.states import Basis, Encoding

_BATCH_CHARACTERS, _BATCH_TEXTS = 100_000, 256
DOUBTS = ("uncertainty", "margin", "entropy", "total_uncertainty", "total_entropy")  # older exports have no totals
_GRAPHS = 2  # that are kept loaded for an owner: a label set, and the one before it


class UnknownFormat(ValueError):
    """An export that this version cannot read."""


class _Graph:
    """A loaded graph, whose variables have the values of one export at a time."""

    def __init__(self, export: Path) -> None:
        keep_graphs_as_traced()
        self._model = tf.saved_model.load(str(export))  # held on to: a signature does not keep its variables alive
        self.signatures: Mapping[str, Any] = self._model.signatures
        named = getattr(self._model, "weights", None)
        self.variables: dict[str, tf.Variable] = dict(named) if isinstance(named, Mapping) else {}  # none in older ones
        self.values = read_values(export) if self.variables else {}
        self._lock = Lock()

    def run(self, signature: str, values: dict[str, Any], **given: tf.Tensor) -> dict[str, Any]:
        """What a signature answers with these values, as arrays."""
        with self._lock:
            if self.values is not values:
                for name, value in values.items():
                    self.variables[name].assign(value)
                self.values = values
            return {name: value.numpy() for name, value in self.signatures[signature](**given).items()}


class Graphs:
    """Loaded graphs of one owner: of exports that differ in their values alone, only the first is loaded.

    Graphs hold labels, which are nobody else's business: each owner has graphs of its own.
    """

    def __init__(self) -> None:
        self._loaded: OrderedDict[str, _Graph] = OrderedDict()

    def of(self, export: Path) -> tuple[_Graph, dict[str, Any]]:
        """The graph of an export, and its values."""
        mark = hashlib.sha256((export / GRAPH).read_bytes()).hexdigest()
        if mark in self._loaded:
            self._loaded.move_to_end(mark)
            return self._loaded[mark], read_values(export)
        graph = _Graph(export)
        if graph.variables:
            self._loaded[mark] = graph
        while len(self._loaded) > _GRAPHS:
            self._loaded.popitem(last=False)
        return graph, graph.values


class Predictor:
    """Calls the signatures of one export, in batches of bounded size."""

    def __init__(self, export: Path | str, graphs: Graphs | None = None, encoding: Encoding | None = None) -> None:
        """A model that was trained with an encoder answers only with the same one, `encoding`."""
        export = Path(export)
        try:
            self._graph, self._values = (graphs or Graphs()).of(export)
            self.description: dict[str, Any] = json.loads(self._run("describe")["json"])
            self._basis = Basis.of_export(self.description, self._values)
            self._encoding = encoding
            self._relates = "relations" in self._graph.signatures  # not where the schema has no relation
        except (OSError, LookupError, ValueError, RuntimeError, tf.errors.OpError) as error:
            raise UnknownFormat(f"{export} is not a model exported from here: {error}") from error
        found = self.description.get("format")
        if found != FORMAT_VERSION:
            raise UnknownFormat(f"{export} has format {found}, this version reads {FORMAT_VERSION}: train again")
        self.schema = Schema.from_dict(self.description["schema"])
        # Older exports have columns for what they had learnt alone.
        self.columns = Schema.from_dict(self.description.get("columns", self.description["schema"]))

    def check_encoder(self) -> None:
        """Raise WrongEncoder, or BadEncoder, where this model cannot answer with the encoder that there is."""
        self._pieces([])

    def _pieces(self, texts: Sequence[str]) -> dict[str, tf.Tensor]:
        """What an encoder says of texts, as further inputs of a signature; none where the model needs no encoder."""
        if self._basis is None:
            return {}
        if self._encoding is None:
            raise WrongEncoder("the model was trained with an encoder, and none is configured: train again")
        return self._encoding.pieces(texts, self._basis).named()

    def _run(self, signature: str, **given: tf.Tensor) -> dict[str, Any]:
        return self._graph.run(signature, self._values, **given)

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """For each text its `spans`, `relations` of them, `choices` by question (best first), and how undecided it is.

        Scores are calibrated probabilities. `uncertainty` and `margin` are shares of one, `entropy` is in nats; they
        are means over the tokens, and over all that is asked. `total_uncertainty` and `total_entropy` are sums over
        the same: they prefer long documents, as means do short ones.
        """
        answers: list[dict[str, Any]] = []
        for batch in _batches(texts):
            asked = tf.constant([encodable(text) for text in batch], tf.string)
            outputs = self._run(DEFAULT_SIGNATURE, text=asked, **self._pieces(batch))
            answers += answers_of(outputs, len(batch), self.schema, self.columns)
        return answers

    def relations(
        self, texts: Sequence[str], spans: Sequence[Sequence[Mapping[str, Any]]]
    ) -> list[list[dict[str, Any]]]:
        """For each text the relations between its given spans, which `head` and `tail` count from 0.

        Spans have `start`, `end` and `label`; they may overlap, and begin or end inside words.
        """
        given = [[(int(span["start"]), int(span["end"]), str(span["label"])) for span in of] for of in spans]
        if len(given) != len(texts):
            raise ValueError(f"{len(texts)} texts, but spans of {len(given)}")
        found: list[list[dict[str, Any]]] = []
        if not self._relates:
            return [[] for _ in texts]
        for batch in _batches(texts):
            ours = given_spans(given[len(found) : len(found) + len(batch)])
            asked = tf.constant([encodable(text) for text in batch], tf.string)
            outputs = self._run("relations", text=asked, **ours, **self._pieces(batch))
            found += relations_of(outputs, len(batch))
        return found

    def suggest(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """The same, without what is too uncertain to be shown.

        An answer is shown from its label's threshold on, at and above which the wished precision was seen out of
        fold. Where there was not enough evidence for one, its score itself has to be higher than that precision. Of a
        single choice the best is shown, which is what thresholds speak of.
        """
        return [self._shown(answer) for answer in self(texts)]

    def _shown(self, answer: dict[str, Any]) -> dict[str, Any]:
        known = self.description.get("thresholds")
        if known is None:  # exported before there were thresholds
            return answer

        modest = known.get("without_evidence", known["precision"])  # exports of before had no such number

        def least(kind: str, name: str) -> float:
            found = known[kind].get(name, {}).get("threshold")
            return modest if found is None else found

        kept = [row for row, span in enumerate(answer["spans"]) if span["score"] >= least("spans", span["label"])]
        place = {row: number for number, row in enumerate(kept)}
        return answer | {
            "spans": [answer["spans"][row] for row in kept],
            "relations": [
                relation | {"head": place[relation["head"]], "tail": place[relation["tail"]]}
                for relation in answer["relations"]
                if relation["score"] >= least("relations", relation["label"])
                and {relation["head"], relation["tail"]} <= place.keys()
            ],
            "choices": {
                question.name: [
                    choice
                    for choice in answer["choices"][question.name][: None if question.multiple else 1]
                    if choice["score"] >= least("questions", question.name)
                ]
                for question in self.schema.questions
            },
        }


def load(export: Path | str, graphs: Graphs | None = None, encoding: Encoding | None = None) -> Predictor:
    """The predictor of an export directory, on one of its owner's `graphs` if it has the same.

    Raises WrongEncoder where the model was trained with an encoder, and the `encoding` has another, or there is none.
    """
    predictor = Predictor(export, graphs, encoding)
    predictor.check_encoder()
    return predictor


def relations_of(outputs: dict[str, np.ndarray], size: int) -> list[list[dict[str, Any]]]:
    """The relations of a batch, as one list a document."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(size)]
    columns = (outputs[f"relation_{name}"].tolist() for name in ("document", "head", "tail", "label", "score"))
    for row, head, tail, label, score in zip(*columns, strict=True):
        found[row].append({"head": head, "tail": tail, "label": label.decode(), "score": score})
    return found


def answers_of(
    outputs: dict[str, np.ndarray], size: int, schema: Schema, columns: Schema | None = None
) -> list[dict[str, Any]]:
    """The signature's outputs for a batch, as one answer a document; where they have columns of more than was learnt,
    without these.
    """
    doubts = {name: outputs[name].tolist() for name in DOUBTS if name in outputs}
    answers: list[dict[str, Any]] = [
        {"spans": [], "relations": [], "choices": {}, **{name: column[row] for name, column in doubts.items()}}
        for row in range(size)
    ]
    if schema.spans:
        told = (outputs[f"span_{name}"].tolist() for name in ("document", "start", "end", "label", "score"))
        for row, start, end, label, score in zip(*told, strict=True):
            span = {"start": start, "end": end, "label": label.decode(), "score": score}
            answers[row]["spans"].append(span)
    if schema.spans and schema.relations:
        for answer, relations in zip(answers, relations_of(outputs, size), strict=True):
            answer["relations"] = relations
    found = shares_of(outputs, schema, columns)
    for question in schema.questions:
        for answer, shares in zip(answers, found[question.name].tolist(), strict=True):
            answer["choices"][question.name] = ranked(shares, question)
    return answers


def shares_of(outputs: dict[str, np.ndarray], schema: Schema, columns: Schema | None = None) -> dict[str, np.ndarray]:
    """By question, how probable each choice that was learnt is for each document, [B, C]."""
    asked = (columns or schema).questions
    return {
        question.name: outputs[f"choice_{index}"][:, [of.choices.index(choice) for choice in question.choices]]
        for index, (question, of) in enumerate(zip(schema.questions, asked, strict=True))
    }


def ranked(shares: Sequence[float], question: Question) -> list[dict[str, Any]]:
    """The choices, best first; of several those that are rather chosen than not."""
    best = sorted(zip(shares, question.choices, strict=True), reverse=True)
    return [{"label": choice, "score": share} for share, choice in best if share >= 0.5 or not question.multiple]


def classes_of(answer: dict[str, Any], schema: Schema) -> dict[str, list[str]]:
    """The choices that an answer amounts to, in the form of a labelled line's `classes`."""
    chosen = {}
    for question in schema.questions:
        listed = answer["choices"][question.name]
        chosen[question.name] = [choice["label"] for choice in (listed if question.multiple else listed[:1])]
    return chosen


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """In order; sequences are packed in the graph, so texts of any mix of lengths go together."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (size + len(text) > _BATCH_CHARACTERS or len(batch) == _BATCH_TEXTS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
