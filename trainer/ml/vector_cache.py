"""Word vectors kept from one training to the next, while the text that they were learnt from is nearly the same."""

import hashlib
import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trainer.ml.examples import encodable
from trainer.ml.features import read_words
from trainer.ml.tokens import Tokenizer
from trainer.ml.vectors import Vectors, learn

_CHANGED = 0.1  # share of the characters that may be new or gone before all is learnt again
_FORM = 2  # of the file; what is learnt in another way needs another number

logger = logging.getLogger(__name__)


def vectors_of(texts: Sequence[str], tokenizer: Tokenizer, cache: Path | None = None, seed: int = 0) -> Vectors:
    """Vectors of the words of the texts: those in the file `cache`, or new ones, which are then kept there.

    Kept ones are taken while nine tenths of their text is among the texts and makes up nine tenths of them. The file
    tells words of the texts by their hashes, so each project needs its own. One that cannot be read is learnt anew.
    """
    distinct = dict.fromkeys(encodable(text) for text in texts)
    marks = np.array([_mark(text) for text in distinct], np.uint64)
    sizes = np.array([len(text) for text in distinct], np.int64)
    told = json.dumps([_FORM, tokenizer, seed])
    kept = _kept(cache, told, marks, sizes) if cache else None
    if kept is not None:
        return kept
    vectors = learn(read_words(list(distinct), tokenizer), seed)
    if cache:
        _keep(cache, told, marks, sizes, vectors)
    return vectors


def _mark(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _kept(cache: Path, told: str, marks: np.ndarray, sizes: np.ndarray) -> Vectors | None:
    try:
        with np.load(cache) as file:
            if str(file["told"]) != told:
                return None
            share = min(_within(marks, sizes, file["marks"]), _within(file["marks"], file["sizes"], marks))
            return Vectors(*(file[name] for name in Vectors._fields)) if share >= 1.0 - _CHANGED else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("the vectors in %s cannot be read and are learnt anew: %s", cache, error)
        return None


def _within(marks: np.ndarray, sizes: np.ndarray, others: np.ndarray) -> float:
    """Share of the characters that lies in texts that are among the others, too."""
    return float(sizes[np.isin(marks, others)].sum() / max(sizes.sum(), 1))


def _keep(cache: Path, told: str, marks: np.ndarray, sizes: np.ndarray, vectors: Vectors) -> None:
    aside = cache.with_name(f"{cache.name}.part")
    with aside.open("wb") as file:
        np.savez(file, told=np.array(told), marks=marks, sizes=sizes, **vectors._asdict())
    aside.rename(cache)
