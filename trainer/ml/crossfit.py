"""What a model says of documents that it did not learn from, while all of them are to be learned from in the end.

The documents are dealt into folds, and beside the model of everything a model is fitted without each fold, which then
answers it. While documents are few all folds are needed to say anything, and all are fitted side by side with the
whole: a step of few documents costs by the number of its operations, which all share. Of many documents one fold says
enough; then the whole goes on from where that fit ended.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from trainer.ml.examples import Example, encodable

FOLDS = 5
ENOUGH_TOKENS, ENOUGH_DOCUMENTS = 3_000, 100  # answered out of fold
WORK = 500_000  # tokens times tags that all folds together may cost; the first is always fitted
WEIGHTS = 3_000_000  # that all folds together may have


class Steps(NamedTuple):
    """Of L-BFGS: for a rough fit, to go on with second opinions, and from a fold's weights to everything's."""

    rough: int
    settled: int
    last: int


FEW_LABELS, COSTLY_LABELS = 4, 100
SOME_TOKENS, FEW_TOKENS = 15_000, 50_000


@dataclass(frozen=True)
class Stage:
    """Fits side by side, of which the last learns from everything if the others do not."""

    held: np.ndarray  # [B + 1, F] flags: the documents, the sentinel included, that each fit does not learn from
    rough: int  # steps from zero to models that have second opinions; none: on from where the stage before ended
    settled: int  # steps from there, with opinions; none where there are none

    @property
    def fits(self) -> int:
        """How many."""
        return int(self.held.shape[1])


def stages_of(examples: Sequence[Example], tokens: int, labels: int, weights: int, *, opinions: bool) -> list[Stage]:
    """As many folds as tell enough about examples of so many `tokens` (and span `labels`), and everything.

    `weights` is how many a model has. With `opinions`, each fit is at first a rough model that has some. The loss is
    convex, so where a fit starts does not matter, only how long it takes.
    """
    steps = _steps(tokens, labels, opinions)
    whole = np.zeros((len(examples) + 1, 1), bool)
    fold_of = folds_of(examples)
    count = int(fold_of.max(initial=-1)) + 1
    if count < 2:
        return [Stage(whole, steps.rough, steps.settled)]
    wanted = max(ENOUGH_TOKENS * count / max(tokens, 1), ENOUGH_DOCUMENTS * count / len(examples))
    affordable = max(1, min(WORK // (tokens * (2 * labels + 1)), WEIGHTS // max(weights, 1)))
    folds = min(count, math.ceil(wanted), affordable)
    held = np.append(fold_of[:, None] == np.arange(folds), np.zeros((1, folds), bool), axis=0)
    if folds == 1:
        return [Stage(held, steps.rough, steps.settled), Stage(whole, 0, steps.last)]
    return [Stage(np.append(held, whole, axis=1), steps.rough, steps.settled)]


def _steps(tokens: int, labels: int, opinions: bool) -> Steps:
    """The more there is to fit, the slower it gets there."""
    if labels > COSTLY_LABELS:  # a step costs as much as the square of them
        return Steps(40, 0, 50)
    few = labels <= FEW_LABELS and tokens <= FEW_TOKENS
    if not opinions:
        return Steps(60, 0, 30) if few else Steps(90, 0, 50)
    if tokens <= SOME_TOKENS:
        return Steps(30, 30, 30) if few else Steps(50, 30, 40)
    return Steps(60, 30, 60) if few else Steps(80, 30, 60)


def folds_of(examples: Sequence[Example]) -> np.ndarray:
    """Fold of each example by a hash of its text, so that equal texts are never on both sides."""
    keys = [hashlib.sha256(encodable(example.text).encode()).digest() for example in examples]
    place = {key: index for index, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] % min(FOLDS, len(place)) for key in keys], int)
