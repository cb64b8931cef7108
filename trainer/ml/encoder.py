"""A text encoder that an operator brings along, never downloaded by us: it maps texts to vectors of their pieces.

The contract is that of a SavedModel with the signature `serving_default`:

    text      string [n]             texts of at most `PASSAGE` characters, in UTF-8
    document  integer [p]            to which text each piece belongs, from 0
    start     integer [p]            where the piece begins in its text, in code points
    end       integer [p]            exclusive; a piece of no length (a mark of where texts begin) says nothing
    vector    floating [p, width]    what the encoder makes of the piece where it stands
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.encoder_folder import BadEncoder, missing

PASSAGE = 500  # characters: encoders mostly read some hundreds of pieces at a time
_AT_ONCE = 16  # passages
_SIGNATURE, _TEXT = "serving_default", "text"
_PLACES = ("document", "start", "end")
_PROBE = "Ada met Bob."


class Encoded(NamedTuple):
    """Pieces of texts, in reading order."""

    document: np.ndarray  # [P] int32
    start: np.ndarray  # [P] int32 code points
    end: np.ndarray  # [P] int32, exclusive
    vector: np.ndarray  # [P, width] float32


@lru_cache(maxsize=1)
def encoder_at(folder: Path) -> "Encoder":
    """The encoder of a folder, loaded once a process: who replaces its files starts the process again."""
    return Encoder(folder)


class Encoder:
    """A loaded encoder that keeps to the contract."""

    def __init__(self, folder: Path) -> None:
        lacking = missing(folder)
        if lacking:
            raise BadEncoder(lacking)
        self.folder = folder
        self._model, self._signature = _loaded(folder)  # the model is held on to: it owns what the signature uses
        self.width = int(self._run([_PROBE]).vector.shape[1])
        self.fingerprint = _fingerprint(folder)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """The pieces of texts of any length, which it is given in passages."""
        passages = [(row, at, part) for row, text in enumerate(texts) for at, part in _passages(text)]
        passages.sort(key=lambda passage: len(passage[2]))  # those read at once are of like length: little is padded
        nothing = np.zeros(0, np.int32)
        found = [Encoded(nothing, nothing, nothing, np.zeros((0, self.width), np.float32))]
        for begin in range(0, len(passages), _AT_ONCE):
            some = passages[begin : begin + _AT_ONCE]
            pieces = self._run([part for _, _, part in some])
            row, at = (np.array([passage[which] for passage in some], np.int32)[pieces.document] for which in (0, 1))
            found.append(Encoded(row, pieces.start + at, pieces.end + at, pieces.vector))
        document, start, end, vector = (np.concatenate(columns) for columns in zip(*found, strict=True))
        order = np.lexsort((end, start, document))
        return Encoded(document[order], start[order], end[order], vector[order])

    def _run(self, texts: Sequence[str]) -> Encoded:
        try:
            found = {name: value.numpy() for name, value in self._signature(text=tf.constant(texts, tf.string)).items()}
        except tf.errors.OpError as error:
            raise BadEncoder(f"the encoder {self.folder} fails on a text: {_line(error)}") from error
        wrong = _wrong(found, [len(text) for text in texts])
        if wrong:
            raise BadEncoder(f"the encoder {self.folder} breaks its contract: {wrong}")
        document, start, end = (found[name].astype(np.int32) for name in _PLACES)
        some = end > start
        return Encoded(document[some], start[some], end[some], found["vector"][some].astype(np.float32))


def _loaded(folder: Path) -> tuple[Any, Any]:
    try:
        model = tf.saved_model.load(str(folder))
    except (OSError, ValueError, LookupError, RuntimeError, AttributeError, tf.errors.OpError) as error:
        raise BadEncoder(f"the encoder {folder} cannot be loaded as a SavedModel: {_line(error)}") from error
    if _SIGNATURE not in model.signatures:
        there = ", ".join(sorted(model.signatures)) or "none"
        raise BadEncoder(f"the encoder {folder} has no signature {_SIGNATURE}; it has: {there}")
    signature = model.signatures[_SIGNATURE]
    taken = signature.structured_input_signature[1]
    if set(taken) != {_TEXT} or taken[_TEXT].dtype != tf.string or not taken[_TEXT].shape.is_compatible_with([2]):
        told = ", ".join(f"{name}: {spec.dtype.name} {spec.shape}" for name, spec in sorted(taken.items())) or "nothing"
        raise BadEncoder(f"the encoder {folder}: {_SIGNATURE} must take {_TEXT}: string [n], and takes {told}")
    lacking = {*_PLACES, "vector"} - set(signature.structured_outputs)
    if lacking:
        raise BadEncoder(f"the encoder {folder}: {_SIGNATURE} does not answer with {', '.join(sorted(lacking))}")
    return model, signature


def _wrong(found: dict[str, np.ndarray], sizes: Sequence[int]) -> str | None:
    """What is wrong with an answer to texts of these sizes."""
    document, start, end = (found[name] for name in _PLACES)
    vector = found["vector"]
    if any(column.ndim != 1 or not np.issubdtype(column.dtype, np.integer) for column in (document, start, end)):
        return "document, start and end must be integers [p]"
    if vector.ndim != 2 or not vector.shape[1] or not np.issubdtype(vector.dtype, np.floating):
        return "vector must be floating numbers [p, width]"
    if len({len(column) for column in (document, start, end, vector)}) > 1:
        return "document, start, end and vector speak of different numbers of pieces"
    if not np.isfinite(vector).all():
        return "a vector holds a number that is not finite"
    if ((document < 0) | (document >= len(sizes))).any():
        return f"a piece is of a text that is none of the {len(sizes)} given"
    outside = (start < 0) | (end < start) | (end > np.array(sizes)[document])
    if outside.any():
        at = int(np.flatnonzero(outside)[0])
        return f"a piece at {start[at]}–{end[at]} lies outside its text of {sizes[document[at]]} code points"
    return None


def _passages(text: str) -> Iterator[tuple[int, str]]:
    """Parts of a text with something in them, and where they begin: cut at line ends, else at white space."""
    at = 0
    while at < len(text):
        end = min(at + PASSAGE, len(text))
        if end < len(text):
            cuts = (text.rfind(mark, at + PASSAGE // 2, end) + 1 for mark in "\n ")
            end = next((cut for cut in cuts if cut), end)
        if not text[at:end].isspace():
            yield at, text[at:end]
        at = end


def _fingerprint(folder: Path) -> str:
    """The same for folders with the same files."""
    told = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as content:
            told.update(f"{file.relative_to(folder)}\0{hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return told.hexdigest()


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
