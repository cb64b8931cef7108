"""What a model says of documents that it did not learn from, while all of them are to be learned from in the end.

The documents are dealt into folds. A model is fitted without one fold and answers it; then without the next. Few
documents need all folds to say anything; many need only one, and the last model has the least left to learn.
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


class Steps(NamedTuple):
    """Of L-BFGS: for a rough fit, to go on with second opinions, and from a fold's weights to everything's."""

    rough: int
    settled: int
    last: int


FEW_LABELS, FEW_TOKENS = 4, 50_000


@dataclass(frozen=True)
class Phase:
    """A stretch of training without the documents that are `held`."""

    rough: int  # steps from zero to a model that has second opinions; none: on from where the phase before ended
    settled: int  # steps from there, with opinions; none where there are none
    held: np.ndarray  # [B + 1] flags, the sentinel's included


def phases_of(examples: Sequence[Example], tokens: int, labels: int, *, opinions: bool) -> list[Phase]:
    """As many folds as tell enough about examples of so many `tokens` (and span `labels`), and at last everything.

    With `opinions`, each fold has a rough model that has some.
    The last phase goes on from the weights of the one before: the loss is convex, so where it starts does not
    matter, only how long it takes.
    """
    steps = _steps(tokens, labels, opinions)
    nothing = np.zeros(len(examples) + 1, bool)
    fold_of = folds_of(examples)
    count = int(fold_of.max(initial=-1)) + 1
    if count < 2:
        return [Phase(steps.rough, steps.last, nothing)]
    wanted = max(ENOUGH_TOKENS * count / max(tokens, 1), ENOUGH_DOCUMENTS * count / len(examples))
    affordable = max(1, WORK // (tokens * (2 * labels + 1)))
    held = [np.append(fold_of == fold, False) for fold in range(min(count, math.ceil(wanted), affordable))]
    return [*(Phase(steps.rough, steps.settled, fold) for fold in held), Phase(0, steps.last, nothing)]


def _steps(tokens: int, labels: int, opinions: bool) -> Steps:
    """The more there is to fit, the slower it gets there."""
    if labels <= FEW_LABELS and tokens <= FEW_TOKENS:
        return Steps(40, 30 if opinions else 0, 30)
    if labels > 100:  # a step costs as much as the square of them
        return Steps(40, 0, 50)
    return Steps(60, 30, 60) if opinions else Steps(60, 0, 90)


def folds_of(examples: Sequence[Example]) -> np.ndarray:
    """Fold of each example by a hash of its text, so that equal texts are never on both sides."""
    keys = [hashlib.sha256(encodable(example.text).encode()).digest() for example in examples]
    place = {key: index for index, key in enumerate(sorted(set(keys)))}
    return np.array([place[key] % min(FOLDS, len(place)) for key in keys], int)
