"""Where tokens lie in a text, found inside the graph, in code points.

A token is a run of letters, a run of digits, one character of a script that writes no spaces, or one symbol;
combining marks and joiners stay with the character before them; initials such as `U.N.` are one token.
"""

from typing import NamedTuple

import tensorflow as tf

from trainer.ml import characters as ch

# A sequence that the tagger learns from is never longer; what is longer is cut here.
WINDOW = 128
LONGEST = 2**26  # characters, more than any text has


class Tokenizer(NamedTuple):
    """The choices that training makes from the data, and that the export keeps."""

    by_character: bool = False  # every character a token, for labels that end inside words
    cut_lines: bool = True  # a line break ends a sequence (no label runs across one)
    cut_sentences: bool = True  # so does the end of a sentence


class Tokens(NamedTuple):
    """Tokens of a batch in reading order, and the characters that make them up.

    The batch has one more document than it was given: a sentinel of one token, so that nothing is ever empty.
    """

    document: tf.Tensor  # [N] row in the batch
    start: tf.Tensor  # [N] code point offset in the document
    end: tf.Tensor  # [N] exclusive
    line: tf.Tensor  # [N] neighbours count only within a line
    glued: tf.Tensor  # [N] no space before it
    kind: tf.Tensor  # [N] of its first character
    lengths: tf.Tensor  # [S] tokens of each sequence
    continues: tf.Tensor  # [S] it was cut from the one before for its length alone
    char_token: tf.Tensor  # [C] token of each character inside one
    char_code: tf.Tensor  # [C]
    char_lower: tf.Tensor  # [C]
    char_shape: tf.Tensor  # [C]


class _Text(NamedTuple):
    document: tf.Tensor
    offset: tf.Tensor
    code: tf.Tensor
    index: tf.Tensor
    kind: tf.Tensor


def tokenize(texts: tf.Tensor, tokenizer: Tokenizer) -> Tokens:
    """Tokens of a [B] string tensor of UTF-8."""
    text = _decode(texts)
    base = _is_base(text.kind)
    base_of = tf.cumsum(tf.cast(base, tf.int32)) - 1
    where = places(base)
    kind, code = tf.gather(text.kind, where), tf.gather(text.code, where)
    kind = tf.where(kind == ch.MARK, ch.SYMBOL, kind)  # a mark with nothing to sit on
    solid = (kind != ch.SPACE) & (kind != ch.NEWLINE)
    joined = tf.zeros_like(solid) if tokenizer.by_character else _joined(kind, code)
    starts = solid & ~joined

    token_of_base = tf.cumsum(tf.cast(starts, tf.int32)) - 1
    inside = tf.gather(solid, base_of)
    solid_at, starts_at = places(inside), places(starts)
    char_token = tf.gather(token_of_base, tf.gather(base_of, solid_at))
    offset = tf.gather(text.offset, solid_at)
    first = tf.gather(where, starts_at)
    start = tf.gather(text.offset, first)
    document = tf.gather(text.document, first)
    line = tf.gather(tf.cumsum(tf.cast(text.kind == ch.NEWLINE, tf.int32)), first)
    before = _shift(solid, 1, False)
    ends_sentence = starts & (_any_of(code, ".!?") & ~_shift(solid, -1, False) | _any_of(code, "。！？"))
    sentence = tf.gather(tf.cumsum(tf.cast(ends_sentence, tf.int32), exclusive=True), base_of)
    sentence = tf.gather(sentence, first)
    lengths, continues = _sequences(document, line, sentence, tokenizer)
    tables = ch.tables()
    index = tf.gather(text.index, solid_at)
    return Tokens(
        document=document,
        start=start,
        end=tf.math.segment_max(offset, char_token) + 1,
        line=line,
        glued=tf.gather(before, starts_at),
        kind=tf.gather(kind, starts_at),
        lengths=lengths,
        continues=continues,
        char_token=char_token,
        char_code=tf.gather(text.code, solid_at),
        char_lower=tf.gather(tf.constant(tables.lower), index),
        char_shape=tf.gather(tf.constant(tables.shape), index),
    )


def places(flags: tf.Tensor) -> tf.Tensor:
    """Where flags are true. With `tf.gather` that is a fifth of the operations that `tf.boolean_mask` makes."""
    return tf.cast(tf.where(flags)[:, 0], tf.int32)


def position(document: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """A place in a text of a batch as one number, which grows in reading order."""
    return tf.cast(document, tf.int64) * LONGEST + tf.cast(place, tf.int64)


def _any_of(code: tf.Tensor, characters: str) -> tf.Tensor:
    return tf.reduce_any(code[:, None] == tf.constant([ord(c) for c in characters])[None], axis=1)


def _decode(texts: tf.Tensor) -> _Text:
    # The sentinel document, and a line break after each document so that no rule looks into its neighbour.
    texts = tf.strings.join([tf.concat([texts, ["."]], 0), "\n"])
    ragged = tf.strings.unicode_decode(texts, "UTF-8")
    code, document = ragged.values, tf.cast(ragged.value_rowids(), tf.int32)
    offset = tf.range(tf.size(code)) - tf.gather(tf.cast(ragged.row_starts(), tf.int32), document)
    index = tf.where(code < ch.TABLE_SIZE, code, tf.where(code < ch.FIRST_SELECTOR, ch.FAR_IDEOGRAPH, ch.FAR_MARK))
    return _Text(document, offset, code, index, tf.gather(tf.constant(ch.tables().kind), index))


def _is_base(kind: tf.Tensor) -> tf.Tensor:
    """True for all but marks that follow something they can sit on."""
    previous = _shift(kind, 1, ch.NEWLINE)
    return (kind != ch.MARK) | (previous == ch.SPACE) | (previous == ch.NEWLINE)


def _joined(kind: tf.Tensor, code: tf.Tensor) -> tf.Tensor:
    """True where a character belongs to the token of the character before it."""
    letter, dot = kind == ch.LETTER, code == ord(".")

    def at(flags: tf.Tensor, by: int) -> tf.Tensor:
        return _shift(flags, -by, False)

    run = (letter & at(letter, -1)) | ((kind == ch.DIGIT) & at(kind == ch.DIGIT, -1))
    initial = letter & ~at(letter, -1) & ~at(letter, 1)
    before, after = at(initial, -1), at(initial, 1)
    abbreviating = dot & before & (after | (at(dot, -2) & at(initial, -3)))
    return run | abbreviating | (initial & at(abbreviating, -1))


def _sequences(
    document: tf.Tensor, line: tf.Tensor, sentence: tf.Tensor, tokenizer: Tokenizer
) -> tuple[tf.Tensor, tf.Tensor]:
    new = document != _shift(document, 1, -1)
    if tokenizer.cut_lines:
        new |= line != _shift(line, 1, -1)
    if tokenizer.cut_sentences:
        new |= sentence != _shift(sentence, 1, -1)
    index = tf.range(tf.size(document))
    first = tf.gather(places(new), tf.cumsum(tf.cast(new, tf.int32)) - 1)
    cut = new | ((index - first) % WINDOW == 0)
    sequence = tf.cumsum(tf.cast(cut, tf.int32)) - 1
    return tf.math.segment_sum(tf.ones_like(sequence), sequence), tf.gather(~new, places(cut))


def _shift(values: tf.Tensor, by: int, fill: object) -> tf.Tensor:
    """Values moved right by `by` places (left when negative), the gap filled."""
    pad = tf.fill([tf.minimum(abs(by), tf.size(values))], tf.cast(fill, values.dtype))
    return tf.concat([pad, values[:-by]], 0) if by > 0 else tf.concat([values[-by:], pad], 0)
