"""Whether the words that a document opens with tell its choices, beyond the words that it has at all.

They do in short questions, where `when` and `how many` say what is asked for; of requests and letters, where they say
nothing of their own, a model of few examples would believe that they do. So examples are asked first: ridge regression
guesses each one's choices from all others, which takes no more than one inverse (Allen 1974, "The relationship between
variable selection and data augmentation and a method for prediction"), without the openings and with them.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from trainer.ml.examples import Example
from trainer.ml.features import Features, is_opening
from trainer.ml.heads.choices import targets
from trainer.ml.inputs import OPENING
from trainer.ml.schema import Question

_SURE = 2.0  # standard errors by which guesses have to be better
_PENALTY = 0.1
_MOST = 500  # examples that are asked


def tell(found: Features, examples: Sequence[Example], questions: Sequence[Question]) -> bool:
    """Whether choices of the examples, of which these are the features, are guessed better with openings."""
    if not questions:
        return False
    asked = list(examples)[:_MOST]
    without, opens = _tables(found, len(asked))
    better = np.zeros(len(asked))
    for question in questions:
        target, given = targets(asked, question)
        rows = np.flatnonzero(given[:-1])
        if len(rows) > 1:
            with_openings = sparse.hstack([without, opens]).tocsr()
            better[rows] += _errors(without[rows], target[rows]) - _errors(with_openings[rows], target[rows])
    spread = float(better.std())
    return spread > 0.0 and float(better.mean()) > _SURE * spread / np.sqrt(len(better))


def _tables(found: Features, documents: int) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """[documents, features] tables: of words and pairs of them, and of openings."""
    words = np.stack([found.words.row.numpy(), found.word.numpy()[found.words.feature.numpy()]])
    bigrams = np.stack([found.bigrams.row.numpy(), found.bigrams.feature.numpy()])
    opens = is_opening(bigrams[1])
    without = sparse.hstack([_table(words, documents), _table(bigrams[:, ~opens], documents)])
    return without.tocsr(), OPENING * _table(bigrams[:, opens], documents)


def _table(pairs: np.ndarray, documents: int) -> sparse.csr_matrix:
    row, feature = pairs[:, pairs[0] < documents]
    known, column = np.unique(feature, return_inverse=True)
    table = sparse.csr_matrix((np.ones(len(row)), (row, column)), (documents, len(known)))
    table.data[:] = 1.0  # a word with a capital and without is one
    return table


def _errors(table: sparse.csr_matrix, target: np.ndarray) -> np.ndarray:
    """[documents] squared errors where each document is guessed from all others, which have unit length."""
    length = np.sqrt(np.maximum(np.asarray(table.multiply(table).sum(1)), 1.0))
    unit = sparse.csr_matrix(table.multiply(1.0 / length))
    inverse = np.linalg.inv((unit @ unit.T).toarray() + _PENALTY * np.eye(unit.shape[0]))
    left = inverse @ (target - target.mean(0)) / np.diag(inverse)[:, None]
    return np.asarray((left**2).sum(1))
