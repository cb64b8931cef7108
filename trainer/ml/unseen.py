"""Documents out of fold as the texts to come: what only they have is unknown.

Features of all documents are numbered once, also of those that a fold holds back, and there they have no weight. But a
question's scores are divided by how much of a document is known. With a number for each of their words, documents that
are held back would seem better known than any new text, and be answered more shyly than it.
"""

from collections.abc import Iterable, Mapping

import numpy as np


def as_new(
    inputs: Mapping[str, np.ndarray], names: Iterable[Mapping[str, np.ndarray]], held: np.ndarray
) -> dict[str, np.ndarray]:
    """The inputs without the features of words and of their pairs that only `held` documents [B + 1] have.

    `names` are the inputs of what else was learnt from: the names of choices.
    """
    kept = ~held[inputs["document"]]
    types = np.zeros(int(inputs["type_count"]) + 1, bool)
    types[inputs["types"][kept, 0]] = True
    rows = {"spelling": types[inputs["spelling"][:, 0]], "bigrams": ~held[inputs["bigrams"][:, 0]]}
    names = list(names)
    found = {}
    for kind, learnt in rows.items():
        known = np.concatenate([inputs[kind][learnt, 1], *(name[kind][:, 1] for name in names)])
        found[kind] = inputs[kind][np.isin(inputs[kind][:, 1], known)]
    return {**inputs, **found}
