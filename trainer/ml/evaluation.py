"""How good an export is on labelled lines."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from trainer.ml import examples as ex
from trainer.ml import metrics
from trainer.ml.predictor import Graphs, Predictor, classes_of, load
from trainer.ml.schema import Schema
from trainer.ml.states import Encoding

Answer = Mapping[str, Any]


def evaluate(
    export: Path | str,
    lines: Sequence[Answer],
    *,
    keep: Path | None = None,
    read: Callable[[Answer], Answer] = dict,
    graphs: Graphs | None = None,
    encoding: Encoding | None = None,
) -> dict[str, Any]:
    """Scores of an export on lines in their JSON form; see `metrics.score`. ``keep`` names a file for its answers.

    ``read`` says how its answers, in the same form, are to be read: a label may have another name by now. ``graphs``
    are those that its owner has loaded, ``encoding`` the encoder that it was trained with.
    """
    examples = [ex.parse(dict(line), str(row)) for row, line in enumerate(lines)]
    return evaluate_examples(load(export, graphs, encoding), examples, keep=keep, read=read)


def evaluate_examples(
    predictor: Predictor,
    examples: Sequence[ex.Example],
    *,
    keep: Path | None = None,
    read: Callable[[Answer], Answer] = dict,
) -> dict[str, Any]:
    """The same for a loaded export and examples that were read already."""
    texts = [example.text for example in examples]
    spans = [[vars(span) for span in example.spans] for example in examples]
    given = predictor.relations(texts, spans) if predictor.schema.relations else None
    answers = predictor(texts)
    if keep is not None:
        _write(keep, examples, answers, predictor.schema)
    return score_answers(examples, answers, predictor.schema, given, read=read)


def _write(file: Path, examples: Sequence[ex.Example], answers: Sequence[dict[str, Any]], schema: Schema) -> None:
    """A line for each example: its id and what was answered, in the form of labelled lines, without scores."""
    with file.open("w", encoding="utf-8") as lines:
        for example, answer in zip(examples, answers, strict=True):
            spans = [{name: span[name] for name in ("start", "end", "label")} for span in answer["spans"]]
            relations = [{name: one[name] for name in ("head", "tail", "label")} for one in answer["relations"]]
            told = {"id": example.id, "spans": spans, "classes": classes_of(answer, schema), "relations": relations}
            lines.write(json.dumps(told, ensure_ascii=False) + "\n")


def score_answers(
    examples: Sequence[ex.Example],
    answers: Sequence[dict[str, Any]],
    schema: Schema,
    given: Sequence[Sequence[dict[str, Any]]] | None = None,
    *,
    read: Callable[[Answer], Answer] = dict,
) -> dict[str, Any]:
    """Scores of answers that a model with this schema gave. A single choice left empty was not answered.

    What is disputed counts neither for them nor against them.

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
            "disputed": example.disputed,
        }
        for example in examples
    ]
    guesses = [
        read({"spans": answer["spans"], "relations": answer["relations"], "classes": classes_of(answer, schema)})
        for answer in answers
    ]
    found = metrics.score(gold, guesses)
    if given is not None:
        among = [
            {"spans": line["spans"], "relations": read({"relations": relations, "spans": line["spans"]})["relations"]}
            for line, relations in zip(gold, given, strict=True)
        ]
        found["relations"] = {
            "given": metrics.score_relations(gold, among),
            "predicted": metrics.score_relations(gold, guesses),
        }
    return found


def _answered(example: ex.Example, schema: Schema) -> dict[str, tuple[str, ...]]:
    several = {question.name for question in schema.questions if question.multiple}
    known = {name: chosen for name, chosen in example.classes.items() if name not in example.disputed.questions}
    given = {name: chosen for name, chosen in known.items() if chosen or name in several}
    return given | {q.name: chosen for q in schema.questions if (chosen := example.answer_to(q)) is not None}
