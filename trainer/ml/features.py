"""Hashed features of tokens and documents, by integer arithmetic inside the graph.

Most features depend on the spelling alone, so they are computed once per *type* (distinct spelling) of a batch.
A feature is a number below `PRIME`; training keeps those it has seen, in sorted order, and a model's weights are
rows in that order. What was never seen has no row and no say.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml import characters as ch
from trainer.ml.tokens import Tokenizer, Tokens, places, tokenize

PRIME = 2**31 - 1
WAYS = 3  # of writing a word: with a capital, all in capitals, small
PIECES = 5
OFFSETS = (-2, -1, 1, 2)  # the neighbours whose spelling a token sees
_POWERS = 64  # characters beyond this many share a power
_PART = 200_000  # characters that are read at once
_LOOKS = frozenset({1, 2, 21, 30, 31, 32, 35, 36, 37, 45, 47, 48})  # templates that say how words look
_OPENINGS = frozenset({52, 53})
_ODD = sorted(_LOOKS | _OPENINGS)  # their features are odd numbers
_AFFIXES, _GRAMS = (1, 2, 3, 4), (3, 4, 5)


class Pairs(NamedTuple):
    """A sparse 0/1 matrix as (row, feature) pairs."""

    row: tf.Tensor
    feature: tf.Tensor


class Template(NamedTuple):
    """One feature a row, before its hash; the template's number keeps equal values of different kinds apart."""

    number: int
    row: tf.Tensor
    value: tf.Tensor


class Features(NamedTuple):
    """All that a linear model needs of a batch of texts (the last document is the tokenizer's sentinel)."""

    tokens: Tokens
    types: tf.Tensor  # [N, 1 + len(OFFSETS)] type of each token and of its neighbours; `type_count` where none
    type_count: tf.Tensor
    word: tf.Tensor  # [type_count] hash of the type in lower case
    pair: tf.Tensor  # [N] hash of a character that is a token and the next one; -1 where there is no such pair
    writing: tf.Tensor  # [N, WAYS] in which way a token is written; in none where its place decides that
    pieces: tf.Tensor  # [type_count, PIECES] hashes of a type in lower case: the whole, its beginning, its ends
    spelling: Pairs  # type → what it looks like
    context: Pairs  # type → what its neighbours see of it
    pairs: Pairs  # token → combinations with its neighbours
    words: Pairs  # document → types in it
    bigrams: Pairs  # document → pairs of adjacent words, and with which words it opens


def extract(texts: tf.Tensor, tokenizer: Tokenizer) -> Features:
    """Features of a [B] string tensor."""
    tokens = tokenize(texts, tokenizer)
    type_of, spelt = _types(tokens)
    count = tf.size(spelt.length)
    word = _hash(spelt, spelt.lower)
    shape = _short_shape(spelt)
    rows = tf.range(count)
    spelling = [Template(0, rows, word), Template(1, rows, shape), Template(2, rows, _hash(spelt, spelt.shape, 12))]
    spelling += _affixes(spelt) + _grams(spelt)
    context = [Template(20, rows, word), Template(21, rows, shape), Template(22, rows, _suffix(spelt, 3))]
    at = _neighbours(tokens, type_of, count)
    combinations, bigrams = _combinations(tokens, at, tf.concat([word, [1]], 0), tf.concat([shape, [1]], 0))
    capital = tf.gather(spelt.shape, tf.cumsum(spelt.length, exclusive=True)) == ord("X")
    habits = _habits(tokens, tf.gather(word, type_of), tf.gather(capital, type_of), at[-1] == count)
    types = tf.stack([at[0], *(at[by] for by in OFFSETS)], 1)
    words = distinct(Pairs(tokens.document, tf.cast(type_of, tf.int64)))
    writing = _writing(tokens, type_of, spelt)
    return Features(
        tokens,
        types,
        count,
        word,
        _character_pairs(tokens, tf.gather(word, type_of)),
        writing,
        _pieces(spelt, word),
        hashed(spelling),
        hashed(context),
        hashed([*combinations, *habits]),
        words,
        distinct(hashed([bigrams, *_openings(tokens, at[0], at[1], tf.concat([word, [1]], 0))])),
    )


class Running(NamedTuple):
    """The words of texts in reading order, as arrays: what word vectors are learnt from."""

    word: np.ndarray  # [N] hash of the token in lower case
    pair: np.ndarray  # [N] hash of two characters that are tokens and touch, at the first of them; else -1
    line: np.ndarray  # [N] neighbours count only within a line
    writing: np.ndarray  # [N, WAYS] in which way it is written; in none where its place decides that


def read_words(texts: Sequence[str], tokenizer: Tokenizer) -> Running:
    """The words of texts, without their other features; a part at a time, so that memory stays bounded."""
    parts: list[Running] = []
    lines = 0
    for part in _parts(texts):
        tokens = tokenize(tf.constant(part, tf.string), tokenizer)
        type_of, spelt = _types(tokens)
        word, writing = tf.gather(_hash(spelt, spelt.lower), type_of), _writing(tokens, type_of, spelt)
        # The last token is the sentinel's.
        columns = (word, _character_pairs(tokens, word), tokens.line + lines, writing)
        parts.append(Running(*(column[:-1].numpy() for column in columns)))
        lines += int(tokens.line[-1]) + 1
    return Running(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > _PART:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    yield part


class _Spelt(NamedTuple):
    row: tf.Tensor  # type of each character
    position: tf.Tensor
    from_end: tf.Tensor
    lower: tf.Tensor
    shape: tf.Tensor
    length: tf.Tensor  # of each type


def _types(tokens: Tokens) -> tuple[tf.Tensor, _Spelt]:
    """The type of each token, and the characters of each type."""
    count = tf.size(tokens.start)
    length = tf.math.segment_sum(tf.ones_like(tokens.char_token), tokens.char_token)
    first = tf.cumsum(length, exclusive=True)
    position = tf.range(tf.size(tokens.char_token)) - tf.gather(first, tokens.char_token)
    # Two hashes make a key of 62 bits: equal keys are equal spellings.
    code, token = tokens.char_code, tokens.char_token
    key = _powers_sum(code + 7, position, token, 65599) * PRIME + _powers_sum(code + 11, position, token, 92821)
    _, type_of = tf.unique(key)
    example = tf.math.unsorted_segment_min(tf.range(count), type_of, tf.reduce_max(type_of) + 1)
    length, first = tf.gather(length, example), tf.gather(first, example)
    row = tf.repeat(tf.range(tf.size(length)), length)
    position = tf.range(tf.size(row)) - tf.gather(tf.cumsum(length, exclusive=True), row)
    at = tf.gather(first, row) + position
    from_end = tf.gather(length, row) - 1 - position
    lower, shape = tf.gather(tokens.char_lower, at), tf.gather(tokens.char_shape, at)
    return type_of, _Spelt(row, position, from_end, lower, shape, length)


def _writing(tokens: Tokens, type_of: tf.Tensor, spelt: _Spelt) -> tf.Tensor:
    upper = spelt.shape == ord("X")
    first = tf.gather(upper, tf.cumsum(spelt.length, exclusive=True))
    whole = tf.math.segment_min(tf.cast(upper, tf.int32), spelt.row) * tf.cast(spelt.length > 1, tf.int32) > 0
    first, whole = tf.gather(first, type_of), tf.gather(whole, type_of)
    starts = tf.cumsum(tokens.lengths, exclusive=True)
    leading = tf.scatter_nd(starts[:, None], tf.ones_like(starts), tf.shape(tokens.start)) > 0
    return tf.cast(tf.stack([first & ~whole & ~leading, whole, ~first], 1), tf.float32)


@cache
def _powers(base: int) -> np.ndarray:
    powers = [1]
    for _ in range(_POWERS - 1):
        powers.append(powers[-1] * base % PRIME)
    return np.array(powers, np.int64)


def _power_table(base: int) -> tf.Tensor:
    return tf.constant(_powers(base))


def _powers_sum(values: tf.Tensor, position: tf.Tensor, segment: tf.Tensor, base: int = 65599) -> tf.Tensor:
    """Polynomial hash of each segment's values. Products stay below 2^52 and sums far below 2^63."""
    power = tf.gather(_power_table(base), tf.minimum(position, _POWERS - 1))
    return tf.math.segment_sum(tf.cast(values, tf.int64) * power % PRIME, segment) % PRIME


def _hash(spelt: _Spelt, values: tf.Tensor, most: int | None = None) -> tf.Tensor:
    if most is not None:
        values = tf.where(spelt.position < most, values, 0)
    return _powers_sum(values, spelt.position, spelt.row)


def _short_shape(spelt: _Spelt) -> tf.Tensor:
    """Hash of the shape with repetitions removed: `Xx` for Anna, `Xxd` for Anna2."""
    changes = (spelt.position == 0) | (spelt.shape != tf.concat([[-1], spelt.shape[:-1]], 0))
    step = tf.cumsum(tf.cast(changes, tf.int32))
    first = tf.gather(step, tf.cumsum(spelt.length, exclusive=True))
    return _powers_sum(tf.where(changes, spelt.shape, 0), step - tf.gather(first, spelt.row), spelt.row)


def _suffix(spelt: _Spelt, size: int) -> tf.Tensor:
    return _powers_sum(tf.where(spelt.from_end < size, spelt.lower, 0), spelt.from_end, spelt.row)


def _pieces(spelt: _Spelt, word: tf.Tensor) -> tf.Tensor:
    ends = [_suffix(spelt, size) for size in (2, 3, 4)]
    return tf.stack([word, _hash(spelt, spelt.lower, 4), *ends], 1)


def _affixes(spelt: _Spelt) -> list[Template]:
    """Beginnings and ends of every type that is longer."""
    found = []
    for size in _AFFIXES:
        rows = places(spelt.length > size)
        found.append(Template(2 + size, rows, tf.gather(_hash(spelt, spelt.lower, size), rows)))
        found.append(Template(6 + size, rows, tf.gather(_suffix(spelt, size), rows)))
    return found


def _grams(spelt: _Spelt) -> list[Template]:
    """Pieces of 3 to 5 characters from anywhere in a type."""
    found = []
    lower = tf.cast(tf.concat([spelt.lower, tf.zeros(max(_GRAMS), spelt.lower.dtype)], 0), tf.int64)
    table = _powers(65599)
    running = tf.zeros(tf.shape(spelt.lower), tf.int64)
    for step in range(max(_GRAMS)):
        running = (running + lower[step : step + tf.size(spelt.lower)] * table[step]) % PRIME
        if step + 1 in _GRAMS:
            fits = places(spelt.from_end >= step)
            found.append(Template(10 + step, tf.gather(spelt.row, fits), tf.gather(running, fits)))
    return found


def _neighbours(tokens: Tokens, type_of: tf.Tensor, missing: tf.Tensor) -> dict[int, tf.Tensor]:
    """Type of the token at each offset, `missing` where the line has none."""
    count = tf.size(type_of)
    at = {0: type_of}
    for by in OFFSETS:
        index = tf.range(count) + by
        inside = (index >= 0) & (index < count)
        index = tf.clip_by_value(index, 0, count - 1)
        # Documents end with a line break, so another document is another line.
        same = inside & (tf.gather(tokens.line, index) == tokens.line)
        at[by] = tf.where(same, tf.gather(type_of, index), missing)
    return at


def _combinations(
    tokens: Tokens, at: dict[int, tf.Tensor], word: tf.Tensor, shape: tf.Tensor
) -> tuple[list[Template], Template]:
    """Pairs and triples of neighbouring words and shapes; the wider ones only where a character is a token."""
    rows = tf.range(tf.size(tokens.start))
    w = {by: tf.gather(word, types) for by, types in at.items()}
    s = {by: tf.gather(shape, types) for by, types in at.items()}
    glued = tf.cast(tokens.glued, tf.int64) + 1
    found = [
        Template(30, rows, mix(s[-1], s[0])),
        Template(31, rows, mix(s[0], s[1])),
        Template(32, rows, mix(s[-1], s[0], s[1])),
        Template(33, rows, mix(w[-1], w[0])),
        Template(34, rows, mix(w[0], w[1])),
        Template(35, rows, mix(glued, s[0])),
    ]
    some = places(tokens.kind == ch.SINGLE)
    wide = [(w[-2], w[-1]), (w[1], w[2]), (w[-2], w[-1], w[0]), (w[-1], w[0], w[1]), (w[0], w[1], w[2])]
    wide.append((s[-2], s[-1], s[0], s[1], s[2]))
    found += [Template(40 + i, some, tf.gather(mix(*parts), some)) for i, parts in enumerate(wide)]
    found += _runs(tokens, w[0], s[0], some)
    return found, Template(50, tokens.document, mix(w[0], w[1]))


def _openings(tokens: Tokens, own: tf.Tensor, following: tf.Tensor, word: tf.Tensor) -> list[Template]:
    """The first word of each document, and its first two."""
    first = places(tf.concat([[True], tokens.document[1:] != tokens.document[:-1]], 0))
    one, two = (tf.gather(word, tf.gather(types, first)) for types in (own, following))
    document = tf.gather(tokens.document, first)
    return [Template(52, document, one), Template(53, document, mix(one, two))]


def _runs(tokens: Tokens, word: tf.Tensor, shape: tf.Tensor, some: tf.Tensor) -> list[Template]:
    """Runs of tokens of one class that touch, in some scripts the words: what they are, and where in one a token is."""
    new = ~tokens.glued | (shape != tf.concat([[-1], shape[:-1]], 0))
    run = tf.cumsum(tf.cast(new, tf.int32)) - 1
    length = tf.math.segment_sum(tf.ones_like(run), run)
    first = tf.cumsum(length, exclusive=True)
    position = tf.range(tf.size(run)) - tf.gather(first, run)
    texts = tf.concat([[1], _powers_sum(word, position, run), [1]], 0)
    shapes = tf.concat([[1], tf.gather(shape, first), [1]], 0)
    own = tf.gather(run, some)  # the row of the run before it, once an edge is put first
    before = tf.gather(position, some)
    after = tf.gather(length, own) - 1 - before
    place = tf.cast(tf.minimum(before, 5) * 6 + tf.minimum(after, 5), tf.int64)
    before, after = (tf.cast(tf.minimum(distance, 2), tf.int64) for distance in (before, after))
    return [
        Template(46, some, tf.gather(texts, own + 1)),
        Template(47, some, mix(tf.gather(shape, some), place)),
        Template(48, some, mix(*(tf.gather(shapes, own + by) for by in range(3)))),
        Template(49, some, mix(tf.gather(texts, own), before)),
        Template(51, some, mix(tf.gather(texts, own + 2), after)),
    ]


def _character_pairs(tokens: Tokens, word: tf.Tensor) -> tf.Tensor:
    single = tokens.kind == ch.SINGLE
    both = single & tf.concat([(single & tokens.glued)[1:], [False]], 0)
    return tf.where(both, mix(word, tf.roll(word, -1, 0)), tf.constant(-1, tf.int64))


def _habits(tokens: Tokens, word: tf.Tensor, capital: tf.Tensor, leading: tf.Tensor) -> list[Template]:
    """How the same word is written elsewhere in its document, where the start of a line does not decide it."""
    _, of = tf.unique(tf.cast(tokens.document, tf.int64) * PRIME + word)
    size = tf.reduce_max(of) + 1

    def has(flags: tf.Tensor) -> tf.Tensor:
        counts = tf.math.unsorted_segment_sum(tf.cast(flags, tf.int64), of, size)
        return tf.gather(tf.minimum(counts, 2), of)

    habit = has(capital & ~leading) * 3 + has(~capital)
    rows = tf.range(tf.size(of))
    often = has(tf.ones_like(capital))
    return [
        Template(36, rows, mix(habit, tf.cast(leading, tf.int64))),
        Template(37, rows, mix(often, tf.cast(capital, tf.int64))),
    ]


def mix(*parts: tf.Tensor) -> tf.Tensor:
    """One hash of several."""
    mixed = (parts[0] + 1) % PRIME
    for part in parts[1:]:
        mixed = (mixed * 1_000_003 + part + 1) % PRIME
    return mixed


def hashed(found: Sequence[Template]) -> Pairs:
    """The features of templates, by hash; computed for all at once, since operations cost more than numbers."""
    number = np.array([template.number for template in found])
    constants = np.stack([(0x9E3779B1 * (2 * number + 1)) % PRIME, number, np.isin(number, _ODD)], 1)
    ends = tf.cumsum(tf.stack([tf.size(template.row) for template in found]))
    factor, kind, odd = tf.unstack(
        tf.gather(tf.constant(constants), tf.searchsorted(ends, tf.range(ends[-1]), side="right")), axis=1
    )
    value = tf.concat([tf.cast(template.value, tf.int64) for template in found], 0)
    mixed = (value * factor + kind) % PRIME
    return Pairs(tf.concat([template.row for template in found], 0), mixed // 2 * 2 + odd)


def is_look(features: np.ndarray) -> np.ndarray:
    """True for features of how words look; the others tell which words they are."""
    return np.asarray(features) % 2 == 1


def is_opening(bigrams: np.ndarray) -> np.ndarray:
    """True for the words that a document opens with; the others are pairs from anywhere in it."""
    return np.asarray(bigrams) % 2 == 1


def distinct(pairs: Pairs) -> Pairs:
    """Every pair once."""
    keys, _ = tf.unique(tf.cast(pairs.row, tf.int64) * (PRIME + 1) + pairs.feature)
    return Pairs(tf.cast(keys // (PRIME + 1), tf.int32), keys % (PRIME + 1))
