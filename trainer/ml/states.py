"""What an operator's encoder says of each token: the mean of its pieces' vectors, in a few directions.

An encoder has hundreds of numbers for a piece; what few labels can teach needs the directions alone in which the
project's own texts differ most. Those are learnt once a project and encoder, and stay: with others, everything that is
kept would mean something else. A token that no piece touches has a state of zeros, as the average piece has.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml.encoder import Encoded, Encoder, encoder_at
from trainer.ml.encoder_folder import WrongEncoder
from trainer.ml.examples import encodable
from trainer.ml.state_cache import Kept, StateCache
from trainer.ml.tokens import Tokens, position

DIMENSIONS = 64
_BASIS_CHARACTERS = 20_000  # of texts from which directions are learnt
_AT_ONCE = 10_000  # characters that are encoded before they are kept
# Of the strongest direction: weaker ones count no more than one of so much would, for they may be chance, and
# those that show nothing at all do not count.
_WEAKEST, _NOTHING = 1e-2, 1e-4

Between = Callable[[], None]


class Basis(NamedTuple):
    """The directions for an encoder's vectors."""

    encoder: str  # the fingerprint of its files
    directions: np.ndarray  # [width, dimensions] float32
    offset: np.ndarray  # [dimensions] float32: where the mean of all vectors lies

    @property
    def dimensions(self) -> int:
        """Numbers in a state."""
        return len(self.offset)

    @property
    def mark(self) -> str:
        """States of another basis are of another mark."""
        told = self.encoder.encode() + self.directions.tobytes() + self.offset.tobytes()
        return hashlib.sha256(told).hexdigest()

    def reduced(self, vectors: np.ndarray) -> np.ndarray:
        """States [P, dimensions] as they are kept: whether they come from there changes nothing."""
        return (vectors @ self.directions - self.offset).astype(np.float16)

    @classmethod
    def of_export(cls, description: Mapping[str, Any], values: Mapping[str, Any]) -> "Basis | None":
        """The one that an export was made with."""
        told = description.get("encoder")
        return cls(told["fingerprint"], values[DIRECTIONS], values[OFFSET]) if told else None

    def to_dict(self) -> dict[str, Any]:
        """What an export says of it."""
        return {"fingerprint": self.encoder, "width": len(self.directions), "dimensions": self.dimensions}


class Pieces(NamedTuple):
    """What a model is given of a batch of texts beside them."""

    document: Any  # [P] int32 row in the batch
    start: Any  # [P] int32 code point
    end: Any  # [P] int32, exclusive
    state: Any  # [P, dimensions] float32

    def named(self) -> dict[str, tf.Tensor]:
        """As inputs of a signature."""
        return {f"{_PREFIX}{name}": tf.constant(value) for name, value in self._asdict().items()}


DIRECTIONS, OFFSET = "state_directions", "state_offset"  # what an export calls the two tables of a basis
_PREFIX = "piece_"


def specs_of(basis: Basis | None) -> dict[str, tf.TensorSpec]:
    """The inputs of a signature, beside its text; none without an encoder."""
    if basis is None:
        return {}
    places = {f"{_PREFIX}{name}": tf.TensorSpec([None], tf.int32) for name in ("document", "start", "end")}
    return places | {f"{_PREFIX}state": tf.TensorSpec([None, basis.dimensions], tf.float32)}


def pieces_in(given: Mapping[str, Any]) -> Pieces | None:
    """The pieces among the inputs of a signature."""
    named = [f"{_PREFIX}{name}" for name in Pieces._fields]
    return Pieces(*(given[name] for name in named)) if named[0] in given else None


def pooled(tokens: Tokens, pieces: Pieces) -> tf.Tensor:
    """The state of each token, [N, dimensions]: the mean of the pieces that overlap it, zeros where none does."""
    starts, ends = position(tokens.document, tokens.start), position(tokens.document, tokens.end)
    first = tf.searchsorted(ends, position(pieces.document, pieces.start), side="right")
    behind = tf.searchsorted(starts, position(pieces.document, pieces.end), side="left")
    many = tf.maximum(behind - first, 0)
    piece = tf.repeat(tf.range(tf.size(many)), many)
    token = tf.range(tf.size(piece)) + tf.gather(first - tf.cumsum(many, exclusive=True), piece)
    return tf.math.unsorted_segment_mean(tf.gather(pieces.state, piece), token, tf.size(tokens.start))


class Encoding:
    """An encoder's folder, and the file in which a project keeps what it made of its texts.

    The encoder is loaded when it is first needed, which raises `BadEncoder`.
    """

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self._folder, self._cache = folder, StateCache(cache)

    @property
    def encoder(self) -> Encoder:
        """The encoder itself."""
        return encoder_at(self._folder)

    def basis(self, texts: Sequence[str], between: Between = lambda: None) -> Basis:
        """The one that is kept for this encoder, or one learnt from the first of the texts."""
        mark = self.encoder.fingerprint
        kept = self._cache.basis(mark)
        if kept is not None and kept[0].shape[0] == self.encoder.width:
            return Basis(mark, *kept)
        some = _first(dict.fromkeys(map(encodable, texts)))
        found = []
        for group in _groups(some):
            found.append((group, self.encoder.encode(group)))
            between()
        basis = learn(mark, np.concatenate([np.zeros((0, self.encoder.width)), *(one.vector for _, one in found)]))
        self._cache.keep_basis(mark, basis.directions, basis.offset)
        for group, encoded in found:
            self._cache.keep(basis.mark, _by_text(group, encoded, basis))
        return basis

    def pieces(self, texts: Sequence[str], basis: Basis, between: Between = lambda: None) -> Pieces:
        """The pieces of texts; what is kept of them is not computed again. `between` may raise to stop."""
        if basis.encoder != self.encoder.fingerprint:
            raise WrongEncoder(
                f"the model was trained with another encoder ({basis.encoder[:12]}) than the one that is configured"
                f" ({self.encoder.fingerprint[:12]}): train again"
            )
        texts = [encodable(text) for text in texts]
        known = self._cache.pieces(basis.mark, dict.fromkeys(texts), basis.dimensions)
        for group in _groups([text for text in dict.fromkeys(texts) if text not in known]):
            made = _by_text(group, self.encoder.encode(group), basis)
            self._cache.keep(basis.mark, made)
            known |= made
            between()
        return _together([known[text] for text in texts], basis.dimensions)


def learn(encoder: str, vectors: np.ndarray) -> Basis:
    """The leading directions of vectors, weighed and scaled as word vectors are: a state is of length 1 on average."""
    width = vectors.shape[1]
    dimensions = min(DIMENSIONS, width)
    if not len(vectors):
        return Basis(encoder, np.zeros((width, dimensions), np.float32), np.zeros(dimensions, np.float32))
    vectors = vectors.astype(np.float64)
    mean = vectors.mean(0)
    vectors = vectors - mean
    # TensorFlow's threads wait for each other without burning the processor; those of NumPy's BLAS do not.
    variance, turn = (found.numpy() for found in tf.linalg.eigh(tf.matmul(vectors, vectors, transpose_a=True)))
    strength = np.sqrt(np.maximum(variance[::-1][:dimensions], 0.0))
    directions = turn[:, ::-1][:, :dimensions] / np.sqrt(np.maximum(strength, max(_WEAKEST * strength[0], 1e-9)))
    directions *= strength > _NOTHING * strength[0]
    length = np.sqrt(np.mean(np.sum((vectors @ directions) ** 2, 1)))
    directions /= max(length, 1e-9)
    return Basis(encoder, directions.astype(np.float32), (mean @ directions).astype(np.float32))


def _first(texts: Mapping[str, Any]) -> list[str]:
    some, size = [], 0
    for text in texts:
        if size >= _BASIS_CHARACTERS:
            break
        some.append(text)
        size += len(text)
    return some


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for text in texts:
        group.append(text)
        size += len(text)
        if size >= _AT_ONCE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _by_text(texts: Sequence[str], encoded: Encoded, basis: Basis) -> dict[str, Kept]:
    places, states = np.stack([encoded.start, encoded.end]), basis.reduced(encoded.vector)
    ends = np.searchsorted(encoded.document, np.arange(len(texts) + 1))
    return {
        text: Kept(places[:, begin:end], states[begin:end])
        for text, begin, end in zip(texts, ends, ends[1:], strict=False)
    }


def _together(each: Sequence[Kept], dimensions: int) -> Pieces:
    document = np.repeat(np.arange(len(each), dtype=np.int32), [len(one.states) for one in each])
    nothing = Kept(np.zeros((2, 0), np.int32), np.zeros((0, dimensions), np.float16))
    places, states = zip(nothing, *each, strict=True)
    start, end = np.concatenate(places, 1)
    return Pieces(document, start, end, np.concatenate(states).astype(np.float32))
