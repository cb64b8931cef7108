"""A model of what was learnt so far, as one of all that a project asks.

What the first documents teach is a part of a project's labels and choices, and the next ones bring more. If an export
had columns for what was learnt alone, each new label would want another graph, which takes longer to make than the
model itself. So it has columns for all labels; those that nothing was learnt of have scores that bar them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from trainer.ml.calibration import Calibration, Part
from trainer.ml.crf import FORBIDDEN
from trainer.ml.inputs import MANY_LABELS, shared
from trainer.ml.model import ModelParams
from trainer.ml.schema import Question, Schema

Weights = Mapping[str, np.ndarray]
_MIXED = {  # tables whose columns add up to classes, by kind of label
    "span": ("spelling", "context", "pairs", "meaning", "opinion", "pair_meaning", "states"),
    "relation": ("features", "meaning"),
}


def columns_of(learnt: Schema, asked: Schema) -> Schema:
    """What was learnt, with all labels and choices of its kind that are asked, in the order in which they are.

    Not where span labels are very many: their weights are saved then, and the graph is another one.
    """
    choices = {question.name: question.choices for question in asked.questions}
    return Schema(
        asked.spans if learnt.spans and len(asked.spans) <= MANY_LABELS else learnt.spans,
        tuple(replace(question, choices=choices[question.name]) for question in learnt.questions),
        asked.relations if learnt.relations else (),
    )


def widened(params: ModelParams, weights: Weights, columns: Schema) -> tuple[ModelParams, Weights]:
    """The same model with these columns, which hold those of its own schema."""
    learnt, known = params.schema, params.calibration
    if columns == learnt:
        return params, weights
    spans, relations = _places(learnt.spans, columns.spans), _places(learnt.relations, columns.relations)
    found = dict(weights)
    if columns.spans != learnt.spans:  # very many labels have columns of another kind, and stay as they are
        found |= _mixed("span", found, spans, len(columns.spans))
        found |= _chained(found, spans, len(columns.spans))
    if columns.relations != learnt.relations:
        found |= _mixed("relation", found, relations, len(columns.relations))
    chosen = {
        question.name: _places(question.choices, of.choices)
        for question, of in zip(learnt.questions, columns.questions, strict=True)
    }
    for index, question in enumerate(columns.questions):
        found |= _chosen(found, index, chosen[question.name], len(question.choices))
    numbers = np.full(len(columns.spans) + 1, len(learnt.spans), np.int32)
    numbers[spans] = np.arange(len(spans))
    calibration = Calibration(
        _part(known.spans, spans, len(columns.spans)),
        {
            question.name: _question(known.questions[question.name], chosen[question.name], question)
            for question in columns.questions
            if question.name in known.questions
        },
        _part(known.relations, relations, len(columns.relations)),
        given=_part(known.given, relations, len(columns.relations)),
    )
    opinions = _spread(params.opinions, np.append(0, 1 + spans), 1 + len(columns.spans))
    return replace(params, schema=columns, calibration=calibration, opinions=opinions, numbers=numbers), found


def _places(some: Sequence[str], of: Sequence[str]) -> np.ndarray:
    return np.array([of.index(name) for name in some], int)


def _classes(places: np.ndarray) -> np.ndarray:
    """Of none, and of each label's two forms."""
    return np.append(0, (1 + 2 * places[:, None] + np.arange(2)).ravel())


def _spread(values: np.ndarray, places: np.ndarray, width: int, rest: float = 0) -> np.ndarray:
    """Along the last axis, with `rest` where there was nothing."""
    found = np.full((*values.shape[:-1], width), rest, values.dtype)
    found[..., places] = values
    return found


def _mixed(kind: str, weights: Weights, places: np.ndarray, labels: int) -> dict[str, np.ndarray]:
    """Weights that make the same scores of the classes that were learnt, none of others, which the bias bars."""
    classes, width = _classes(places), 1 + 2 * labels
    turn = _spread(shared(len(places)).astype(float), classes, width) @ np.linalg.inv(shared(labels).astype(float))
    found = {}
    for table in _MIXED[kind]:
        given = weights.get(f"{kind}_{table}")
        if given is None:  # there are states only with an encoder
            continue
        blocks = given.reshape(-1, len(turn)) @ turn
        found[f"{kind}_{table}"] = blocks.reshape(len(given), -1).astype(np.float32)
    if kind == "span":
        opinion = found["span_opinion"]
        found["span_opinion"] = _spread(opinion.T, np.append(0, 1 + places), 1 + labels).T
    return found | {f"{kind}_bias": _spread(weights[f"{kind}_bias"], classes, width, FORBIDDEN)}


def _chained(weights: Weights, places: np.ndarray, labels: int) -> dict[str, np.ndarray]:
    """What of spans is by tags themselves."""
    tags, width = _classes(places), 1 + 2 * labels
    moves = _spread(_spread(weights["span_moves"], tags, width).T, tags, width).T
    return {"span_moves": moves} | {name: _spread(weights[name], tags, width) for name in ("span_start", "span_end")}


def _chosen(weights: Weights, index: int, places: np.ndarray, choices: int) -> dict[str, np.ndarray]:
    number = f"_{index}" if index else ""
    tables = {f"choice_{table}{number}": 0.0 for table in ("spelling", "bigrams", "meaning", "states")}
    barred = tables | {f"choice_bias{number}": FORBIDDEN}
    return {name: _spread(weights[name], places, choices, rest) for name, rest in barred.items() if name in weights}


def _part(part: Part | None, places: np.ndarray, labels: int) -> Part | None:
    """Scores that never come need no scale."""
    if part is None:
        return None
    slope, offset = _spread(part.slope, places, labels, 1.0), _spread(part.offset, places, labels)
    return replace(part, slope=slope, offset=offset)


def _question(part: Part, places: np.ndarray, question: Question) -> Part:
    kept = _part(part, places, len(question.choices)) if np.ndim(part.slope) else part
    assert kept is not None
    return kept
