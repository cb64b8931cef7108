"""Documents out of fold as the texts to come: what only they have is unknown.

Features of all documents are numbered once, also of those that a fold holds back, and there they have no weight. But a
question's scores are divided by how much of a document is known. With a number for each of their words, documents that
are held back would seem better known than any new text, and be answered more shyly than it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from trainer.ml.inputs import Sparse


def as_new(inputs: Mapping[str, Any], names: Iterable[Mapping[str, Any]], held: np.ndarray) -> dict[str, Any]:
    """The inputs without the features of words and of their pairs that only `held` documents [B + 1] have.

    `names` are the inputs of what else was learnt from: the names of choices.
    """
    types = np.zeros(int(inputs["type_count"]) + 1, bool)
    types[inputs["types"][~held[inputs["document"]], 0]] = True
    rows = {"spelling": types, "bigrams": ~held}
    names = list(names)
    return {
        **inputs,
        **{kind: _known(inputs[kind], learnt, [name[kind] for name in names]) for kind, learnt in rows.items()},
    }


def _known(given: Sparse, learnt: np.ndarray, named: Iterable[Sparse]) -> Sparse:
    """The features that a row that was learnt from has, or a name; others count for nothing. The form stays, so that
    one program reads it for all folds.
    """
    rows, features = given.indices.T
    kept = np.isin(features, np.concatenate([features[learnt[rows]], *(name.indices[:, 1] for name in named)]))
    return given._replace(values=np.where(kept, given.values, np.float32(0.0)))
