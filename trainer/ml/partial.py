"""Learning spans from documents that are not complete: what is not marked there is unknown, not nothing.

Three terms stand beside the likelihood of complete sequences:

* An accepted span is known. A sequence that holds some has the likelihood of all its tag sequences in which they
  stand: log Z(known) - log Z.
* A rejected span is known to be wrong exactly as it stands: log(1 - P(span | known)), where P is the ratio of two
  partitions, one of them with the span's tags forced.
* Both leave a model free to see entities everywhere. So the expected share of tokens in entities, in sequences that
  hold an accepted one, is kept within a band (Effland and Collins 2021, "Partially Supervised Named Entity
  Recognition via the Expected Entity Ratio Loss"). Outside it costs the divergence from the nearer edge, as in the
  label regularisation of Mann and McCallum (2007).

All partitions are those of *variants*: copies of a sequence, or of a part of it, with some tags barred. They are packed
together and summed in one pass, beside the one over the sequences themselves.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from trainer.ml import crf
from trainer.ml.examples import Example
from trainer.ml.tagging import Mention, Tagging, TokenArrays

REACH = 32  # tokens on either side of a rejected span that have a say in its probability
STRENGTH = 3.0  # of the band: what a token of its sequences weighs, beside one that is labelled
MISSED = 0.5  # tokens in entities that nobody marked, at most, for each one in an accepted span
ENOUGH_DOCUMENTS, ENOUGH_MENTIONS = 10, 20  # complete ones, to know the share from them

_TILT = 0.1  # the expected count is how log Z grows as entities get likelier, measured over twice this
_TILTS = (0.0, 0.0, 0.0, _TILT, -_TILT)
_FREE = -1  # any tag
_SURE = 1e-3  # so that a rejected span which is certain does not cost without bound
_TINY = 1e-6

Labels = Mapping[str, tf.Tensor]


def targets(examples: Sequence[Example], tokens: TokenArrays, tagging: Tagging) -> dict[str, np.ndarray]:
    """What the loss needs to know of incomplete documents; empty where none has a decision about a span.

    `variant_rows` [M, 3] int32 are the variants, one after the other: token, tag that it must have and tag that it
    must not have (-1: none); `variant_tilt` [M] float32; `variant_lengths` [V]; `variant_counts` [5] of each sort.
    For each known sequence and rejected span, `*_document` is its row among the examples.
    """
    accepted = [mention for mention in tagging.mentions if not examples[mention.document].complete]
    if not accepted and not tagging.rejected:
        return {}
    copies = _Copies(tokens, accepted)
    known = np.unique([tokens.sequence[mention.first] for mention in accepted]).astype(np.int32)
    variants = [
        [copies.whole(number) for number in known],
        [copies.around(mention, there=False) for mention in tagging.rejected],
        [copies.around(mention, there=True) for mention in tagging.rejected],
        *[[copies.free(number) for number in known]] * 2,
    ]
    return {
        "variant_rows": np.concatenate([rows for sort in variants for rows in sort]),
        "variant_tilt": np.repeat(np.array(_TILTS, np.float32), [sum(map(len, sort)) for sort in variants]),
        "variant_lengths": np.array([len(rows) for sort in variants for rows in sort], np.int32),
        "variant_counts": np.array([len(sort) for sort in variants], np.int32),
        "known_sequence": known,
        "known_tokens": copies.lengths[known].astype(np.float32),
        "known_document": tokens.document[copies.first[known]],
        "rejected_document": np.array([mention.document for mention in tagging.rejected], np.int32),
        "ratio_band": np.array(band_of(examples, tokens, tagging), np.float32),
    }


class _Copies:
    """Variants of sequences, as rows of tokens with what is said of their tags."""

    def __init__(self, tokens: TokenArrays, accepted: Sequence[Mention]) -> None:
        self.sequence = tokens.sequence
        self.lengths = np.bincount(tokens.sequence)
        self.first = np.cumsum(self.lengths) - self.lengths
        self.rows = np.full((len(tokens.sequence), 3), _FREE, np.int32)
        self.rows[:, 0] = np.arange(len(self.rows))
        for mention in accepted:
            _say(self.rows, mention)

    def whole(self, number: int) -> np.ndarray:
        """Variant of a sequence in which the accepted spans stand."""
        return self.rows[self.first[number] : self.first[number] + self.lengths[number]]

    def free(self, number: int) -> np.ndarray:
        """Variant of a sequence with nothing known of it."""
        return np.where([True, False, False], self.whole(number), np.int32(_FREE))

    def around(self, mention: Mention, *, there: bool) -> np.ndarray:
        """Variant of the surroundings of a mention, of all that is possible or with the mention in its place."""
        number = self.sequence[mention.first]
        low = max(self.first[number], mention.first - REACH)
        high = min(self.first[number] + self.lengths[number], mention.last + 1 + REACH)
        part = self.rows[low:high].copy()
        if there:
            _say(part, mention, low)
        return part


def _say(rows: np.ndarray, mention: Mention, low: int = 0) -> None:
    """Put a mention's tags into rows of which the first is token `low`."""
    after = mention.last + 1 - low
    rows[mention.first - low : after, 1] = mention.tags
    rows[after : after + 1, 2] = mention.tags[0] + 1  # it would go on


def band_of(examples: Sequence[Example], tokens: TokenArrays, tagging: Tagging) -> tuple[float, float]:
    """Within what the share of tokens in entities lies, in sequences with any entity.

    Two standard errors around that of the complete documents; where these are too few, from the share that was
    accepted already to somewhat more.
    """
    complete = np.array([*(example.complete for example in examples), False])[tokens.document]
    marked = np.bincount(tokens.sequence, tagging.tags > 0)
    count = np.bincount(tokens.sequence)
    told = np.bincount(tokens.sequence, complete & tagging.usable) > 0
    known = [mention for mention in tagging.mentions if examples[mention.document].complete]
    if len({mention.document for mention in known}) >= ENOUGH_DOCUMENTS and len(known) >= ENOUGH_MENTIONS:
        rows = told & (marked > 0)
        share = marked[rows].sum() / count[rows].sum()
        error = np.sqrt(((marked - share * count)[rows] ** 2).sum()) / count[rows].sum()
        return max(share - 2 * error, 0.0), min(share + 2 * error, 1.0)
    rows = (np.bincount(tokens.sequence, ~complete) > 0) & (marked > 0)
    least = float(marked[rows].sum() / max(count[rows].sum(), 1))
    return least, min((1.0 + MISSED) * least, 0.5 + 0.5 * least)


def variants(labels: Labels, emissions: tf.Tensor) -> tf.Tensor:
    """Emissions [F, M, K] of the variants, from those of all tokens [F, N, K], with ends."""
    token, forced, barred = tf.unstack(labels["variant_rows"], axis=1)
    width = emissions.shape[2]
    must, never = tf.one_hot(forced, width), tf.one_hot(barred, width)
    outside = tf.cast(forced >= 0, tf.float32)[:, None] - must
    entity = 1.0 - tf.one_hot([0], width)
    said = crf.FORBIDDEN * (outside + never) + labels["variant_tilt"][:, None] * entity
    return tf.gather(emissions, token, axis=1) + said


def loss(labels: Labels, found: tf.Tensor, partitions: tf.Tensor, learns: tf.Tensor) -> tf.Tensor:
    """The three terms of each fit, [F], from the log-partitions of the variants [F, V] and of the sequences [F, S].

    `learns` [F, B + 1] says from which documents each fit does.
    """
    known, possible, wrong, up, down = tf.split(found, labels["variant_counts"], axis=1, num=5)
    counts = tf.gather(learns, labels["known_document"], axis=1)
    likely = counts * (known - tf.gather(partitions, labels["known_sequence"], axis=1))
    unlike = tf.math.log(1.0 + _SURE - tf.exp(wrong - possible))
    unlike *= tf.gather(learns, labels["rejected_document"], axis=1)
    band = _band_loss(labels, counts, (up - down) / (2.0 * _TILT))
    return band - tf.reduce_sum(likely, 1) - tf.reduce_sum(unlike, 1)


def _band_loss(labels: Labels, counts: tf.Tensor, expected: tf.Tensor) -> tf.Tensor:
    """Divergence of the share of tokens in entities from the band, as if that many tokens told of it."""
    tokens = tf.reduce_sum(counts * labels["known_tokens"], 1)
    share = tf.math.divide_no_nan(tf.reduce_sum(counts * expected, 1), tokens)
    low, high = tf.unstack(tf.clip_by_value(labels["ratio_band"], _TINY, 1.0 - _TINY))
    share = tf.clip_by_value(share, _TINY, 1.0 - _TINY)
    edge = tf.stop_gradient(tf.clip_by_value(share, low, high))
    divergence = edge * tf.math.log(edge / share) + (1.0 - edge) * tf.math.log((1.0 - edge) / (1.0 - share))
    return STRENGTH * tokens * divergence
