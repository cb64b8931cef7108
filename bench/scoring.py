"""One scorer for all systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from trainer.ml import metrics

Line = dict[str, Any]


def score(task: str, gold: Sequence[Line], answers: Sequence[Line]) -> dict[str, float]:
    """The figures of a task; the first is the one it is judged by. All in per cent."""
    if task == "relations":
        return {"macro_f1": 100 * directed_macro_f1(gold, answers)}
    found = metrics.score(gold, [{"spans": a.get("spans", []), "classes": a.get("choices", {})} for a in answers])
    if task == "spans":
        return {name: 100 * found["spans"][name] for name in ("f1", "precision", "recall")}
    questions = found["questions"].values()
    return {
        name: 100 * sum(question[name] for question in questions) / len(questions) for name in ("accuracy", "macro_f1")
    }


def directed_macro_f1(gold: Sequence[Line], answers: Sequence[Line]) -> float:
    """Mean over the relations of F1, as SemEval-2010 task 8 has it.

    The two directions of a relation are counted together, and a relation is right only with the right direction. No
    relation at all is not a relation of its own.
    """
    given, said, right = Counter[str](), Counter[str](), Counter[str]()
    for line, answer in zip(gold, answers, strict=True):
        true, mine = ({(r["head"], r["tail"], r["label"]) for r in one["relations"]} for one in (line, answer))
        for counts, relations in ((given, true), (said, mine), (right, true & mine)):
            counts.update(label for _, _, label in relations)
    return sum(2 * right[label] / (given[label] + said[label]) for label in given) / max(len(given), 1)
