"""A model of all that a project asks, of which only a part is learnt yet.

What the first documents teach is a part of a project's labels and choices, and the next ones bring more. If a model had
columns for what was learnt alone, each new label would want other programs to train it and another graph to serve it,
which take longer to make than the model itself. So it has columns for all labels. Those that there is no example of
are barred: to add a number of their own to their scores, low enough, leaves all others what they would be without them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainer.ml.calibration import Calibration, Part
from trainer.ml.inputs import MANY_LABELS
from trainer.ml.schema import Schema


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


def widened(known: Calibration, learnt: Schema, columns: Schema) -> Calibration:
    """The calibration of what was learnt as one of all columns; scores that never come need no scale."""
    questions = {
        question.name: _part(known.questions.get(question.name), question.choices, of.choices)
        for question, of in zip(learnt.questions, columns.questions, strict=True)
    }
    return Calibration(
        _part(known.spans, learnt.spans, columns.spans),
        {name: part for name, part in questions.items() if part is not None},
        _part(known.relations, learnt.relations, columns.relations),
        given=_part(known.given, learnt.relations, columns.relations),
    )


def _part(part: Part | None, some: Sequence[str], of: Sequence[str]) -> Part | None:
    if part is None or not np.ndim(part.slope):  # of a question there may be one scale for all choices
        return part
    slope, offset = np.ones(len(of), part.slope.dtype), np.zeros(len(of), part.offset.dtype)
    places = [of.index(name) for name in some]
    slope[places], offset[places] = part.slope, part.offset
    return replace(part, slope=slope, offset=offset)
