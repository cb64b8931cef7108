"""Scores of answers against gold, and how sure one can be of them. NumPy only, no TensorFlow."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Line = Mapping[str, Any]


def score(gold: Sequence[Line], predicted: Sequence[Line]) -> dict[str, Any]:
    """Exact-span precision, recall and F1 in all and by label; accuracy and macro F1 of each choice question.

    A gold line counts for spans when it is complete, and for a question when it answers it. `predicted` has
    `spans` and `classes` in the same form. `documents` holds what `bootstrap_interval` needs.
    """
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    choices: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    answered: defaultdict[str, Counter[str]] = defaultdict(Counter)
    documents = []
    for line, guess in zip(gold, predicted, strict=True):
        document = {"id": line.get("id", ""), "tp": 0, "fp": 0, "fn": 0, "correct": 0, "asked": 0}
        if line.get("complete", True):
            for outcome, spans in _outcomes(_keys(line["spans"]), _keys(guess["spans"])).items():
                document[outcome] = len(spans)
                for _, _, label in spans:
                    labels[label][outcome] += 1
        for question, chosen in line.get("classes", {}).items():
            mine = guess["classes"].get(question, [])
            right = set(chosen) == set(mine)
            document["asked"] += 1
            document["correct"] += right
            answered[question].update(asked=1, correct=right)
            for outcome, found in _outcomes(set(chosen), set(mine)).items():
                for choice in found:
                    choices[question][choice][outcome] += 1
        documents.append(document)
    return {
        "spans": _span_scores(labels),
        "questions": {name: _question_scores(answered[name], choices[name]) for name in sorted(answered)},
        "documents": documents,
    }


def _keys(spans: Sequence[Line]) -> set[tuple[int, int, str]]:
    return {(span["start"], span["end"], span["label"]) for span in spans}


def _outcomes(gold: set[Any], mine: set[Any]) -> dict[str, set[Any]]:
    return {"tp": gold & mine, "fp": mine - gold, "fn": gold - mine}


def _span_scores(labels: Mapping[str, Counter[str]]) -> dict[str, Any]:
    total: Counter[str] = sum(labels.values(), Counter())
    return {**_rates(total), "labels": {label: _rates(labels[label]) for label in sorted(labels)}}


def _question_scores(answered: Counter[str], choices: Mapping[str, Counter[str]]) -> dict[str, Any]:
    rates = {choice: _rates(choices[choice]) for choice in sorted(choices)}
    macro = sum(rate["f1"] for rate in rates.values()) / len(rates) if rates else 0.0
    return {
        "accuracy": answered["correct"] / answered["asked"],
        "macro_f1": macro,
        "asked": answered["asked"],
        "choices": rates,
    }


def _rates(counts: Counter[str]) -> dict[str, float]:
    tp, fp, fn = counts["tp"], counts["fp"], counts["fn"]
    return {
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn) if tp + fn else 0.0,
        "f1": float(_f1(np.array([tp, fp, fn]))),
        "tp": tp,
        "fp": fp,
        "fn": fn,
    }


def _f1(counts: np.ndarray) -> np.ndarray:
    """F1 of (…, 3) counts of tp, fp, fn."""
    tp, fp, fn = np.moveaxis(counts.astype(float), -1, 0)
    return np.divide(2 * tp, 2 * tp + fp + fn, out=np.zeros_like(tp), where=2 * tp + fp + fn > 0)


def bootstrap_interval(
    documents: Sequence[Line], *, share: float = 0.95, samples: int = 2000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Interval of span F1 (`f1`) and of the share of questions answered right (`accuracy`), over documents."""
    if not documents:
        return {"f1": (0.0, 0.0), "accuracy": (0.0, 0.0)}
    f1, accuracy = _resampled(_counts(documents), _draws(len(documents), samples, seed))
    edges = (50 * (1 - share), 50 * (1 + share))

    def interval(values: np.ndarray) -> tuple[float, float]:
        low, high = np.percentile(values, edges)
        return float(low), float(high)

    return {"f1": interval(f1), "accuracy": interval(accuracy)}


def paired_bootstrap(
    new: Sequence[Line], old: Sequence[Line], *, samples: int = 2000, seed: int = 0
) -> dict[str, float]:
    """Probability that the new model is worse than the old on documents like these, for `f1` and `accuracy`.

    Both lists hold the same documents in the same order. Equal scores count as half; no evidence is 0.5.
    """
    if [line["id"] for line in new] != [line["id"] for line in old]:
        raise ValueError("the two evaluations are not of the same documents in the same order")
    if not new:
        return {"f1": 0.5, "accuracy": 0.5}
    draws = _draws(len(new), samples, seed)
    pairs = zip(_resampled(_counts(new), draws), _resampled(_counts(old), draws), strict=True)
    worse = [float(np.mean(a < b) + 0.5 * np.mean(a == b)) for a, b in pairs]
    return {"f1": worse[0], "accuracy": worse[1]}


def _counts(documents: Sequence[Line]) -> np.ndarray:
    return np.array([[line[key] for key in ("tp", "fp", "fn", "correct", "asked")] for line in documents], float)


def _draws(size: int, samples: int, seed: int) -> np.ndarray:
    """How often each document is in each resample, [samples, size]."""
    return np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=samples)


def _resampled(counts: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    totals = draws @ counts
    correct, asked = totals[:, 3], totals[:, 4]
    return _f1(totals[:, :3]), np.divide(correct, asked, out=np.zeros_like(asked), where=asked > 0)
