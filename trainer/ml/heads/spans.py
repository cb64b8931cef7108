"""The span head: emissions of each token from its spelling, neighbours and meaning, and a CRF over them."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml import crf, partial
from trainer.ml.features import OFFSETS, is_look
from trainer.ml.inputs import MANY_LABELS, Fits, Inputs, Vocabulary, around, half_squares, shared, times
from trainer.ml.meaning import PAIRS
from trainer.ml.vectors import Vectors
from trainer.ml.windows import Windows, windows_of

_HEARD = [(by, 0 if by == 0 else 1 + OFFSETS.index(by)) for by in (0, -1, 1)]  # whose states tell, and their types
_LOOKS = ("spelling", "context", "pairs")  # kinds of features of which some tell only how words look
HIDDEN = 0.4  # share of the words that are hidden in a copy


class FoundSpans(NamedTuple):
    """Spans of a batch, in reading order."""

    first: tf.Tensor  # [M] token
    last: tf.Tensor  # [M] token, inclusive
    label: tf.Tensor  # [M] number of the label
    score: tf.Tensor  # [M] probability
    document: tf.Tensor  # [M]


class Read(NamedTuple):
    """What features say: columns of scores of each fit."""

    own: tf.Tensor  # [F, types + 1, columns] of a word by its spelling
    seen: tf.Tensor  # [F, types + 1, offsets * columns] by the spelling of each neighbour
    pairs: tf.Tensor  # [F, N, columns] of a token by the pairs around it

    def of(self, types: tf.Tensor) -> tf.Tensor:
        """Of tokens, [F, N, columns], whose types and neighbours' are these, [N, 1 + offsets]."""
        return around(self.own, types[:, :1]) + around(self.seen, types[:, 1:]) + self.pairs


class SpanHead:
    """Linear emissions, with weights shared between related tags, and the CRF's own scores."""

    def __init__(
        self,
        labels: int,
        vocabulary: Vocabulary,
        vectors: Vectors,
        *,
        decay: float,
        copies: int,
        fits: Fits,
        barred: tf.Variable,
        states: int = 0,
    ) -> None:
        """`barred` [tags] is added to scores, `states` is how many numbers an encoder's state of a token has."""
        self.labels, self.decay, self.copies, self.barred = labels, decay, copies, barred
        self.width, self.shared = 2 * labels + 1, shared(labels, apart=labels <= MANY_LABELS)
        self.columns = len(self.shared)
        self.spelling = fits.weights("span_spelling", len(vocabulary["spelling"]), self.columns)
        self.context = fits.weights("span_context", len(vocabulary["context"]), len(OFFSETS) * self.columns)
        self.pairs = fits.weights("span_pairs", len(vocabulary["pairs"]), self.columns)
        self.meaning = fits.weights("span_meaning", vectors.width, (1 + len(OFFSETS)) * self.columns)
        self.opinion = fits.weights("span_opinion", 1 + labels, (1 + len(OFFSETS)) * self.columns)
        self.pair_meaning = fits.weights("span_pair_meaning", vectors.pair_values.shape[1], len(PAIRS) * self.columns)
        self.states = fits.weights("span_states", states, len(_HEARD) * self.columns) if states else None
        self.moves = fits.weights("span_moves", self.width, self.width)
        self.start, self.end = (fits.weights(name, self.width) for name in ("span_start", "span_end"))
        self.bias = fits.weights("span_bias", self.width)
        self.paired = len(vectors.pairs) > 0

    def loss(self, inputs: Inputs, labels: dict[str, tf.Tensor], learns: tf.Tensor) -> tf.Tensor:
        """Of each fit, [F]: negative log-likelihood of the tags, each sequence by its weight, and the penalty of its
        weights. `learns` [F, B + 1] says from which documents each fit does.
        """
        whole, meaning = self._read(inputs), self._meaning(inputs)
        rows, lengths, tags = [meaning + whole.of(inputs.types)], inputs.lengths, labels["tags"]
        if self.copies:
            looks = self._read(_looks(inputs, labels))
            rows += [meaning + hidden for hidden in self._hidden(inputs, whole, looks)]
            lengths, tags = (tf.tile(one, [1 + self.copies]) for one in (lengths, tags))
        scored = self._scored(tf.concat(rows, 1), lengths, tags, labels["boldness"])
        ready, more = scored, "variant_rows" in labels
        if more:
            variants = partial.variants(labels, scored)
            ready, lengths = tf.concat([scored, variants], 1), tf.concat([lengths, labels["variant_lengths"]], 0)
            tags = tf.concat([tags, tf.zeros([tf.shape(variants)[1]], tags.dtype)], 0)
        where = crf.layout(lengths)
        partitions = crf.log_partitions(ready, self._moves(), where)
        likelihood = crf.path_scores(ready, self._moves(), tags, where) - partitions
        loss = self.decay * self._penalty()
        # A sequence's tokens all weigh the same, and all copies of it together as much as itself.
        first = tf.cumsum(inputs.lengths, exclusive=True)
        weight = tf.gather(labels["tag_weights"], first)
        weight *= tf.gather(learns, tf.gather(inputs.document, first), axis=1)
        count = tf.size(first)
        loss -= tf.reduce_sum(weight * likelihood[:, :count], 1)
        if self.copies:
            copied = likelihood[:, count : (1 + self.copies) * count]
            loss -= tf.reduce_sum(tf.tile(weight, [1, self.copies]) * copied, 1) / self.copies
        if more:
            loss += partial.loss(labels, partitions[:, (1 + self.copies) * count :], partitions[:, :count], learns)
        return loss

    def find(self, inputs: Inputs) -> tuple[FoundSpans, tf.Tensor]:
        """The most probable spans, the sentinel's left out, and the probabilities of each token's tags, [N, K]."""
        windows = windows_of(inputs.lengths, inputs.continues)
        scored, where, messages = self._marginals(inputs, windows)
        spans = crf.spans_of(crf.best_tags(scored, self._moves()[0], where), messages, where)
        first, last = tf.gather(windows.token, spans.first), tf.gather(windows.token, spans.last)
        document = tf.gather(inputs.document, first)
        found = FoundSpans(first, last, spans.label, spans.score, document)
        keep = tf.gather(windows.middle, spans.first) & (document < inputs.documents - 1)
        found = FoundSpans(*(tf.boolean_mask(column, keep) for column in found))
        # Two windows may disagree about a span across their border: the first has it.
        free = found.first > tf.concat([[-1], found.last[:-1]], 0)
        found = FoundSpans(*(tf.boolean_mask(column, free) for column in found))
        return found, tf.boolean_mask(messages.posterior, windows.middle)

    def posterior(self, inputs: Inputs) -> tf.Tensor:
        """The probabilities of each token's tags, [N, K]."""
        windows = windows_of(inputs.lengths, inputs.continues)
        return tf.boolean_mask(self._marginals(inputs, windows)[2].posterior, windows.middle)

    def _marginals(self, inputs: Inputs, windows: Windows) -> tuple[tf.Tensor, crf.Layout, crf.Marginals]:
        emissions = self._emissions(self._meaning(inputs) + self._read(inputs).of(inputs.types))
        where = crf.layout(windows.lengths)
        scored = self._with_ends(tf.gather(emissions, windows.token, axis=1), where)[0]
        return scored, where, crf.marginals(scored, self._moves()[0], where)

    def _read(self, inputs: Inputs) -> Read:
        rows = inputs.type_count + 1  # where there is no word, nothing is read
        own, seen = times(inputs.spelling, rows, self.spelling), times(inputs.context, rows, self.context)
        return Read(own, seen, times(inputs.pairs, tf.shape(inputs.types)[0], self.pairs))

    def _meaning(self, inputs: Inputs) -> tf.Tensor:
        """[F, N, columns]: by vectors and opinions of a token and its neighbours, and in some scripts of pairs."""
        columns = tf.matmul(inputs.meaning, self.meaning) + tf.matmul(inputs.opinion, self.opinion)
        found = around(columns, inputs.units)
        if self.paired:
            found += around(tf.matmul(inputs.pair_meaning, self.pair_meaning), inputs.pair_units)
        return found if self.states is None or inputs.states is None else found + self._heard(inputs, self.states)

    def _heard(self, inputs: Inputs, weights: tf.Tensor) -> tf.Tensor:
        """[F, N, columns]: by the states of a token and of its nearest neighbours in its line."""
        columns = tf.pad(tf.matmul(inputs.states, weights), [[0, 0], [0, 1], [0, 0]])  # none for no neighbour
        nobody = tf.shape(inputs.states)[0]
        own = tf.range(nobody)
        beside = [tf.where(inputs.types[:, place] == inputs.type_count, nobody, own + by) for by, place in _HEARD]
        return around(columns, tf.stack(beside, 1))

    def _hidden(self, inputs: Inputs, whole: Read, looks: Read) -> Iterator[tf.Tensor]:
        """What is read in copies where it is hidden of some tokens, always the same, which words they are."""
        every = Read(tf.concat([whole.own, looks.own], 1), tf.concat([whole.seen, looks.seen], 1), whole.pairs)
        for copy in range(self.copies):
            chance = tf.random.stateless_uniform([tf.shape(inputs.types)[0]], [copy, 0])
            hidden = {by: tf.roll(chance < HIDDEN, -by, 0) for by in (0, *OFFSETS)}
            mask = tf.stack(list(hidden.values()), 1)
            types = tf.where(mask, inputs.types + inputs.type_count + 1, inputs.types)
            pairs = tf.where((hidden[-1] | hidden[0] | hidden[1])[:, None], looks.pairs, whole.pairs)
            yield every._replace(pairs=pairs).of(types)

    def _emissions(self, rows: tf.Tensor) -> tf.Tensor:
        return tf.matmul(rows, self.shared[None]) + (self.bias + self.barred)[:, None]

    def _scored(self, rows: tf.Tensor, lengths: tf.Tensor, tags: tf.Tensor, boldness: tf.Tensor) -> tf.Tensor:
        """Emissions as they are scored in training, where the tags are known."""
        scored = self._with_ends(self._emissions(rows), crf.layout(lengths))
        # A model of few examples is shy: they say much of what O looks like and little of anything else. So in
        # training O is made more likely wherever it is wrong, and has to be beaten by that much.
        entity = tf.cast(tags > 0, tf.float32)[:, None]
        return scored + boldness * entity * tf.one_hot([0], self.width)

    def _with_ends(self, emissions: tf.Tensor, where: crf.Layout) -> tf.Tensor:
        barred = crf.bio_scores(self.labels)[1]
        return crf.with_ends(emissions, self.start + barred, self.end, where)

    def _moves(self) -> tf.Tensor:
        return self.moves + crf.bio_scores(self.labels)[0]

    def _penalty(self) -> tf.Tensor:
        large = half_squares(self.spelling, self.context, self.pairs)
        small = half_squares(self.moves, self.start, self.end, self.meaning, self.opinion, self.pair_meaning)
        if self.states is not None:
            small += half_squares(self.states)
        return large + 0.3 * small + 0.05 * half_squares(self.bias)


def lesson_of(tags: np.ndarray, vocabulary: Vocabulary) -> dict[str, Any]:
    """What the loss needs to know besides the tags: how bold to make the model, and which features are looks."""
    looks = {f"look_{kind}": is_look(vocabulary[kind]).astype(np.float32) for kind in _LOOKS}
    return {"boldness": np.float32(_boldness(int((tags % 2 == 1).sum()))), **looks}


def _boldness(spans: int) -> float:
    """Most for a hundred labelled spans or fewer, none from three thousand on."""
    return min(2.0, max(0.0, 2.0 * (1.0 - math.log(max(spans, 1) / 100) / math.log(30))))


def _looks(inputs: Inputs, labels: dict[str, tf.Tensor]) -> Inputs:
    """The same, where no feature tells which word it is."""
    seen = {}
    for kind in _LOOKS:
        features = getattr(inputs, kind)
        look = tf.gather(labels[f"look_{kind}"], features.indices[:, 1])
        seen[kind] = features._replace(values=features.values * look)
    return inputs._replace(**seen)
