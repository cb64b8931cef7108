"""Scores that mean what they say: calibration, and thresholds for a precision that is wished.

All of it is learnt from events out of fold: answers of models to documents that they had not learnt from, each with
its score and whether it was right. NumPy and SciPy only; the graph applies the constants that are found here.

    found = judged(examples, [answer["spans"] for answer in answers], labels)   # Events
    part = by_label(found, labels)                     # spans, relations, questions with several choices
    part.slope, part.offset                            # [L]: sigmoid(slope[label] * logit(score) + offset[label])
    part.apply(score, label)                           # the same in NumPy
    part = single_choice(shares, targets)              # a question with one choice
    part.slope                                         # scalar: softmax(slope * logits)
    Calibration(spans=part, questions={"topic": part}).to_dict()   # {"calibration": …, "thresholds": …}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, special

from trainer.ml.examples import Example
from trainer.ml.metrics import relation_keys
from trainer.ml.reliability import Report, report_of
from trainer.ml.thresholds import MODEST, PRECISION, Threshold, design_effects, threshold_of

_FOLDS = 5
_FAIR_EVENTS = 50
_CERTAIN = 1e-6  # scores are kept this far from 0 and 1
_STEEPEST, _FLATTEST = 20.0, 0.05
# Slope and offset before anything is seen. Models of few labels boast, on all corpora that were looked at: of their
# spans, slopes of 0.01 to 1.1 (half of them 0.25 to 0.5) and offsets of -3.3 to 0.2 (-1.2 to -0.5) fitted best. The
# prior is somewhat bolder than those, as events that contradict it come soon. How far a fit strays from it, and that
# of one label from that of all together, as standard deviations of slope and offset:
_USUAL, _ALL_STRAY, _LABEL_STRAY = (0.6, -0.7), (0.3, 0.8), (0.15, 0.5)
_TEMPERATURE_STRAY = 0.5  # of the logarithm, from leaving the shares as they are


Spans = Sequence[Mapping[str, Any]]


class Events(NamedTuple):
    """Answers out of fold, one a row."""

    label: np.ndarray  # [n] number of the label
    score: np.ndarray  # [n] probability that the model gave
    right: np.ndarray  # [n] bool
    document: np.ndarray  # [n] number of the document


@dataclass(frozen=True)
class Part:
    """The calibration of one head."""

    slope: np.ndarray  # [L] of logits; a scalar for a single choice
    offset: np.ndarray  # [L]; zero for a single choice
    report: Report
    thresholds: tuple[Threshold, ...]  # by label; one for all choices of a question
    # What it is learnt from, each calibrated by a fit that had not seen the document: [n], or [n, C] of a question.
    fair: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def apply(self, score: np.ndarray, label: np.ndarray | int = 0) -> np.ndarray:
        """Calibrated probabilities of answers [n] with labels [n]; monotone for each label."""
        slope, offset = np.atleast_1d(self.slope)[label], np.atleast_1d(self.offset)[label]
        return np.asarray(special.expit(slope * _logit(score) + offset))

    def apply_shares(self, shares: np.ndarray) -> np.ndarray:
        """Calibrated shares [n, C] of the choices of a single choice."""
        return np.asarray(special.softmax(self.slope * _log(shares), axis=1))


@dataclass(frozen=True)
class Calibration:
    """Of all heads of a model. Labels come in the order of the schema."""

    spans: Part | None = None
    questions: Mapping[str, Part] = field(default_factory=dict)
    relations: Part | None = None
    span_labels: tuple[str, ...] = ()
    relation_labels: tuple[str, ...] = ()
    precision: float = PRECISION
    given: Part | None = None  # relations between spans that are given, and so beyond doubt

    def to_dict(self) -> dict[str, Any]:
        """The reports and thresholds, in the form in which an export and a training's result carry them."""
        return {
            "calibration": {
                "spans": _told(self.spans),
                "questions": {name: part.report.to_dict() for name, part in self.questions.items()},
                "relations": _told(self.relations),
            },
            "thresholds": {
                "precision": self.precision,
                "without_evidence": MODEST,
                "spans": _by_name(self.spans, self.span_labels),
                "questions": {name: part.thresholds[0].to_dict() for name, part in self.questions.items()},
                "relations": _by_name(self.relations, self.relation_labels),
            },
        }


def _told(part: Part | None) -> dict[str, Any] | None:
    return part.report.to_dict() if part else None


def _by_name(part: Part | None, labels: Sequence[str]) -> dict[str, Any]:
    return {name: kept.to_dict() for name, kept in zip(labels, part.thresholds, strict=True)} if part else {}


def judged(
    examples: Sequence[Example], answers: Sequence[Sequence[Mapping[str, Any]]], labels: Sequence[str]
) -> Events:
    """The spans of each document's answer, as events, as far as it is known whether they are right: of what is disputed
    it is not.

    A complete document knows of all; an incomplete one of the spans that were accepted, of the rejected ones, and of
    those that overlap with accepted ones. These were proposed by some model and are right more often than others, so
    they count only where the complete documents say too little.
    """
    number = {label: index for index, label in enumerate(labels)}
    rows = []
    for document, (example, spans) in enumerate(zip(examples, answers, strict=True)):
        for span in spans:
            right = _is_right(example, (span["start"], span["end"], span["label"]))
            if right is not None:
                rows.append((number[span["label"]], span["score"], right, document))
    fair = [row for row in rows if examples[row[-1]].complete]
    return _events(fair if len(fair) >= _FAIR_EVENTS else rows)


def _is_right(example: Example, span: tuple[int, int, str]) -> bool | None:
    accepted = [(s.start, s.end, s.label) for s in example.spans]
    if span in example.disputed.places:
        return None
    if span in accepted:
        return True
    known = example.complete or span in [(s.start, s.end, s.label) for s in example.rejected]
    return False if known or any(span[0] < end and start < span[1] for start, end, _ in accepted) else None


def judged_relations(
    examples: Sequence[Example], answers: Sequence[tuple[Spans, Sequence[Mapping[str, Any]]]], labels: Sequence[str]
) -> Events:
    """The relations of each document's answer, given with the spans that they are between, as events.

    A complete document knows of all; an incomplete one of pairs of spans that it says are related.
    """
    number = {label: index for index, label in enumerate(labels)}
    rows = []
    for document, (example, (spans, relations)) in enumerate(zip(examples, answers, strict=True)):
        related = set(relation_keys([vars(s) for s in example.spans], [vars(r) for r in example.relations]))
        known = {frozenset(pair) for *pair, _ in related}
        for relation, key in zip(relations, relation_keys(spans, relations), strict=True):
            fair = example.complete or frozenset(key[:2]) in known
            if fair and not example.disputed.holds(*key):
                rows.append((number[key[2]], relation["score"], key in related, document))
    return _events(rows)


def _events(rows: Sequence[tuple[int, float, bool, int]]) -> Events:
    columns = np.array(rows, float).reshape(-1, 4).T
    return Events(columns[0].astype(int), columns[1], columns[2] > 0, columns[3].astype(int))


def by_label(events: Events, labels: Sequence[str] | int, *, precision: float = PRECISION) -> Part:
    """Platt scaling (Platt 1999) for each label, and a threshold for each.

    A label's two numbers are shrunk to those of all labels together, these to what is usual (an empirical prior; Efron
    and Morris 1973); how much its own events count grows with their number. Where a label cannot show the wished
    precision alone, it is judged together with all others that cannot.
    """
    count = labels if isinstance(labels, int) else len(labels)
    slope, offset = _platt(events, count)
    after = _crossfitted(events, count)
    final = special.expit(slope[events.label] * _logit(events.score) + offset[events.label])
    thresholds = _thresholds(events._replace(score=final), after, count, precision)
    return Part(slope, offset, report_of(events.score, after, events.right, events.document), thresholds, after)


def several_choices(shares: np.ndarray, chosen: np.ndarray, *, precision: float = PRECISION) -> Part:
    """The same for a question with several choices, [n, C] shares and [n, C] flags; with one threshold for all."""
    documents, choices = np.divmod(np.arange(shares.size), shares.shape[1])
    events = Events(choices, shares.ravel(), chosen.ravel() > 0, documents)
    slope, offset = _platt(events, shares.shape[1])
    after = _crossfitted(events, shares.shape[1])
    report = report_of(events.score, after, events.right, documents)
    kept = threshold_of(after, events.right, documents, precision=precision)
    return Part(slope, offset, report, (kept,), after.reshape(shares.shape))


def single_choice(shares: np.ndarray, targets: np.ndarray, *, precision: float = PRECISION) -> Part:
    """A temperature for the softmax of a question (Guo et al. 2017), and a threshold for its best choice.

    `shares` [n, C] are those out of fold, `targets` [n, C] shares of what people chose. The models that gave them know
    all choices by name. But whoever is the only one to choose something stands for the texts to come whose choice
    nobody has shown yet (Good 1953, "The population frequencies of species"): without it, none could answer it right.
    """
    shares, alone = _without_own(shares, targets)
    document = np.arange(len(shares))
    logits, best = _log(shares), shares.argmax(1) if len(shares) else np.zeros(0, int)
    right = (targets[document, best] > 0) & ~alone
    after, fold = np.zeros(shares.shape), _folds(document)
    for number in range(_FOLDS):
        out = fold == number
        slope = _temperature(logits[~out], targets[~out], alone[~out])
        after[out] = special.softmax(slope * logits[out], axis=1)
    sure = after.max(1, initial=0)
    report = report_of(shares.max(1, initial=0), sure, right, document)
    kept = threshold_of(sure, right, document, precision=precision)
    return Part(np.array(_temperature(logits, targets, alone)), np.array(0.0), report, (kept,), after)


def _without_own(shares: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares without the choices that only this document has, and whether it has no other."""
    chosen = targets > 0
    own = chosen & (chosen.sum(0) == 1)
    alone = chosen.any(1) & (own == chosen).all(1)
    if own.shape[1] < 2 or not alone.any():
        return shares, np.zeros(len(shares), bool)
    left = np.where(own & alone[:, None], 0.0, shares)
    return left / np.maximum(left.sum(1, keepdims=True), _CERTAIN), alone


def _logit(score: np.ndarray) -> np.ndarray:
    return np.asarray(special.logit(np.clip(score, _CERTAIN, 1.0 - _CERTAIN)))


def _log(shares: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.maximum(shares, _CERTAIN)))


def _platt(events: Events, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and offsets [count] by events that count for as many as they are worth."""
    effect = design_effects(events.right, events.document)[-1] if len(events.right) else 1.0
    all_stray, label_stray = (np.array(stray) / np.sqrt(effect) for stray in (_ALL_STRAY, _LABEL_STRAY))
    together = _straying(events, np.zeros_like(events.label), 1, np.array(_USUAL)[:, None], all_stray)
    slope, offset = _straying(events, events.label, count, np.repeat(together, count, axis=1), label_stray)
    return slope, offset


def _straying(events: Events, group: np.ndarray, groups: int, start: np.ndarray, stray: np.ndarray) -> np.ndarray:
    """Slopes and offsets [2, groups] that fit the events best, given how far they may stray from the start."""
    logit, sign, scale = _logit(events.score), np.where(events.right, 1.0, -1.0), stray[:, None]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        slope, offset = flat.reshape(2, groups)
        margin = sign * (slope[group] * logit + offset[group])
        pull = (flat.reshape(2, groups) - start) / scale
        push = -sign * special.expit(-margin)
        gradient = np.stack([np.bincount(group, push * x, groups) for x in (logit, np.ones_like(logit))])
        return np.logaddexp(0.0, -margin).sum() + 0.5 * (pull**2).sum(), (gradient + pull / scale).ravel()

    bounds = [(_FLATTEST, _STEEPEST)] * groups + [(None, None)] * groups
    return np.asarray(optimize.minimize(loss, start.ravel(), jac=True, bounds=bounds).x.reshape(2, groups))


def _temperature(logits: np.ndarray, targets: np.ndarray, alone: np.ndarray) -> float:
    """What to multiply logits by, shrunk to one as if by the logarithm's normal distribution.

    Of documents that are alone with their choice the best answer should be as little sure as may be.
    """

    def loss(log_slope: float) -> float:
        told = special.log_softmax(np.exp(log_slope) * logits, axis=1)
        fit = -(targets * told)[~alone].sum()
        fit -= np.log(np.maximum(-np.expm1(told[alone].max(1, initial=-np.inf)), _CERTAIN)).sum()
        return float(fit + 0.5 * (log_slope / _TEMPERATURE_STRAY) ** 2)

    found = optimize.minimize_scalar(loss, bounds=(np.log(_FLATTEST), np.log(_STEEPEST)), method="bounded")
    return float(np.exp(found.x))


def _folds(document: np.ndarray) -> np.ndarray:
    """A fold for each event, the same for all events of a document."""
    _, place = np.unique(document, return_inverse=True)
    dealt = np.random.default_rng(0).permutation(place.max(initial=-1) + 1) % _FOLDS
    return np.asarray(dealt[place])


def _crossfitted(events: Events, count: int) -> np.ndarray:
    """Calibrated scores, each by a fit that has not seen the document."""
    after, fold = np.zeros(len(events.score)), _folds(events.document)
    for number in range(_FOLDS):
        out = fold == number
        slope, offset = _platt(Events(*(column[~out] for column in events)), count)
        label = events.label[out]
        after[out] = special.expit(slope[label] * _logit(events.score[out]) + offset[label])
    return after


def _thresholds(events: Events, fair: np.ndarray, count: int, precision: float) -> tuple[Threshold, ...]:
    """One for each label; labels that fail alone share what they show together, if they have any event.

    Scores of one label are in the same order whatever the fit; between labels, the `fair` ones are, whose fit had not
    seen the document.
    """
    alone = [_threshold(events, own, events.score, precision) for own in _rows(events.label, count)]
    needy = np.array([kept.threshold is None for kept in alone], bool)
    rows = needy[events.label] if len(events.label) else np.zeros(0, bool)
    shared = _threshold(events, rows, fair, precision)
    return tuple(
        shared if kept.threshold is None and kept.evidence and shared.threshold is not None else kept for kept in alone
    )


def _rows(label: np.ndarray, count: int) -> list[np.ndarray]:
    return [label == number for number in range(count)]


def _threshold(events: Events, rows: np.ndarray, score: np.ndarray, precision: float) -> Threshold:
    return threshold_of(score[rows], events.right[rows], events.document[rows], precision=precision)
