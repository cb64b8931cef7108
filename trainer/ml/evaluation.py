"""How good an export is on labelled lines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.ml import examples as ex
from trainer.ml import metrics
from trainer.ml.predictor import Predictor, classes_of, load
from trainer.ml.schema import Schema


def evaluate(export: Path | str, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Scores of an export on lines in their JSON form; see `metrics.score`."""
    return evaluate_examples(load(export), [ex.parse(dict(line), str(row)) for row, line in enumerate(lines)])


def evaluate_examples(predictor: Predictor, examples: Sequence[ex.Example]) -> dict[str, Any]:
    """The same for a loaded export and examples that were read already."""
    answers = predictor([example.text for example in examples])
    return score_answers(examples, answers, predictor.schema)


def score_answers(examples: Sequence[ex.Example], answers: Sequence[dict[str, Any]], schema: Schema) -> dict[str, Any]:
    """Scores of answers that a model with this schema gave. A single choice left empty was not answered."""
    several = {question.name for question in schema.questions if question.multiple}

    def answered(example: ex.Example) -> dict[str, tuple[str, ...]]:
        given = {name: chosen for name, chosen in example.classes.items() if chosen or name in several}
        return given | {q.name: chosen for q in schema.questions if (chosen := example.answer_to(q)) is not None}

    gold = [
        {
            "id": example.id,
            "spans": [vars(span) for span in example.spans],
            "classes": answered(example),
            "complete": example.complete,
        }
        for example in examples
    ]
    guesses = [{"spans": answer["spans"], "classes": classes_of(answer, schema)} for answer in answers]
    return metrics.score(gold, guesses)
