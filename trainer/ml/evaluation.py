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
    texts = [example.text for example in examples]
    spans = [[vars(span) for span in example.spans] for example in examples]
    given = predictor.relations(texts, spans) if predictor.schema.relations else None
    return score_answers(examples, predictor(texts), predictor.schema, given)


def score_answers(
    examples: Sequence[ex.Example],
    answers: Sequence[dict[str, Any]],
    schema: Schema,
    given: Sequence[Sequence[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Scores of answers that a model with this schema gave. A single choice left empty was not answered.

    `given` are the relations that it finds between the examples' own spans. `relations` scores these, and those that
    it finds between the spans that it finds, apart.
    """
    gold = [
        {
            "id": example.id,
            "spans": [vars(span) for span in example.spans],
            "relations": [vars(relation) for relation in example.relations],
            "classes": _answered(example, schema),
            "complete": example.complete,
        }
        for example in examples
    ]
    guesses = [
        {"spans": answer["spans"], "relations": answer["relations"], "classes": classes_of(answer, schema)}
        for answer in answers
    ]
    found = metrics.score(gold, guesses)
    if given is not None:
        among = [{"spans": line["spans"], "relations": relations} for line, relations in zip(gold, given, strict=True)]
        found["relations"] = {
            "given": metrics.score_relations(gold, among),
            "predicted": metrics.score_relations(gold, guesses),
        }
    return found


def _answered(example: ex.Example, schema: Schema) -> dict[str, tuple[str, ...]]:
    several = {question.name for question in schema.questions if question.multiple}
    given = {name: chosen for name, chosen in example.classes.items() if chosen or name in several}
    return given | {q.name: chosen for q in schema.questions if (chosen := example.answer_to(q)) is not None}
