"""The span head: emissions of each token from its spelling, neighbours and meaning, and a CRF over them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from trainer.ml import crf, partial
from trainer.ml.features import OFFSETS, is_look
from trainer.ml.inputs import MANY_LABELS, Inputs, Vocabulary, shared, times, weights
from trainer.ml.meaning import PAIRS
from trainer.ml.vectors import Vectors
from trainer.ml.windows import Windows, windows_of

HIDDEN = 0.4  # share of the words that are hidden in a copy


class FoundSpans(NamedTuple):
    """Spans of a batch, in reading order."""

    first: tf.Tensor  # [M] token
    last: tf.Tensor  # [M] token, inclusive
    label: tf.Tensor  # [M] number of the label
    score: tf.Tensor  # [M] probability
    document: tf.Tensor  # [M]


class SpanHead:
    """Linear emissions, with weights shared between related tags, and the CRF's own scores."""

    def __init__(
        self, labels: int, vocabulary: Vocabulary, vectors: Vectors, *, decay: float, boldness: float, copies: int
    ) -> None:
        self.labels, self.decay, self.boldness, self.copies = labels, decay, boldness, copies
        self.width, self.shared = 2 * labels + 1, shared(labels, apart=labels <= MANY_LABELS)
        self.columns = self.shared.shape[0]
        self.spelling = weights("span_spelling", len(vocabulary["spelling"]), self.columns)
        self.context = weights("span_context", len(vocabulary["context"]), len(OFFSETS) * self.columns)
        self.pairs = weights("span_pairs", len(vocabulary["pairs"]), self.columns)
        self.meaning = weights("span_meaning", vectors.width, (1 + len(OFFSETS)) * self.columns)
        self.opinion = weights("span_opinion", 1 + labels, (1 + len(OFFSETS)) * self.columns)
        self.pair_meaning = weights("span_pair_meaning", vectors.pair_values.shape[1], len(PAIRS) * self.columns)
        self.moves = weights("span_moves", self.width, self.width)
        self.start, self.end = weights("span_start", self.width), weights("span_end", self.width)
        self.bias = weights("span_bias", self.width)
        self.paired = len(vectors.pairs) > 0
        names = ("spelling", "context", "pairs")
        self.looks = [is_look(vocabulary[name])[:, None].astype(np.float32) for name in names] if copies else []

    def loss(self, inputs: Inputs, labels: dict[str, tf.Tensor]) -> tf.Tensor:
        """Negative log-likelihood of the tags, each sequence by its weight, and the penalty of the weights."""
        tables = (self.spelling, self.context, self.pairs)
        whole, meaning = self._read(inputs, tables), self._meaning(inputs)
        emissions = self._emissions([meaning, *whole])
        likelihood, scored, partitions = self._likelihood(emissions, inputs.lengths, labels["tags"])
        # A sequence's tokens all weigh the same.
        weight = tf.gather(labels["tag_weights"], tf.cumsum(inputs.lengths, exclusive=True))
        loss = self.decay * self._penalty() - tf.reduce_sum(weight * likelihood)
        if self.copies:
            looks = [table * look for table, look in zip(tables, self.looks, strict=True)]
            hidden = self._hidden(whole, self._read(inputs, looks))
            copies = tf.concat([self._emissions([meaning, *rows]) for rows in hidden], 0)
            lengths, tags = (tf.tile(whole, [self.copies]) for whole in (inputs.lengths, labels["tags"]))
            likelihood, *_ = self._likelihood(copies, lengths, tags)
            loss -= tf.reduce_sum(tf.tile(weight, [self.copies]) * likelihood) / self.copies
        return loss + partial.loss(labels, scored, self._moves(), partitions) if "variant_rows" in labels else loss

    def find(self, inputs: Inputs) -> tuple[FoundSpans, tf.Tensor]:
        """The most probable spans, the sentinel's left out, and the probabilities of each token's tags, [N, K]."""
        windows = windows_of(inputs.lengths, inputs.continues)
        scored, where, messages = self._marginals(inputs, windows)
        spans = crf.spans_of(crf.best_tags(scored, self._moves(), where), messages, where)
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
        whole = self._read(inputs, (self.spelling, self.context, self.pairs))
        emissions = self._emissions([self._meaning(inputs), *whole])
        scored, where = self._with_ends(tf.gather(emissions, windows.token), windows.lengths)
        return scored, where, crf.marginals(scored, self._moves(), where)

    def _read(self, inputs: Inputs, tables: Sequence[Any]) -> list[tf.Tensor]:
        """[N, columns] each: scores of a token by its pairs, by its own spelling, and by that of each neighbour."""
        spelling, context, pairs = tables
        nothing = tf.zeros([1, self.columns])
        seen = tf.split(times(inputs.context, inputs.type_count, context), len(OFFSETS), axis=1)
        parts = [times(inputs.spelling, inputs.type_count, spelling), *(tf.concat([part, nothing], 0) for part in seen)]
        rows = [tf.gather(part, inputs.types[:, place]) for place, part in enumerate(parts)]
        return [times(inputs.pairs, tf.shape(inputs.types)[0], pairs), *rows]

    def _meaning(self, inputs: Inputs) -> tf.Tensor:
        """[N, columns]: scores by vectors and opinions of a token and its neighbours, and in some scripts of pairs."""
        columns = tf.matmul(inputs.meaning, self.meaning) + tf.matmul(inputs.opinion, self.opinion)
        means = tf.split(columns, 1 + len(OFFSETS), axis=1)
        found = [tf.gather(mean, inputs.units[:, place]) for place, mean in enumerate(means)]
        if self.paired:
            means = tf.split(tf.matmul(inputs.pair_meaning, self.pair_meaning), len(PAIRS), axis=1)
            found += [tf.gather(mean, inputs.pair_units[:, place]) for place, mean in enumerate(means)]
        return tf.add_n(found)

    def _hidden(self, whole: Sequence[tf.Tensor], looks: Sequence[tf.Tensor]) -> Iterator[list[tf.Tensor]]:
        """What is read in copies where it is hidden of some tokens, always the same, which words they are."""
        for copy in range(self.copies):
            chance = tf.random.stateless_uniform([tf.shape(whole[0])[0]], [copy, 0])
            hidden = {by: tf.roll(chance < HIDDEN, -by, 0) for by in (0, *OFFSETS)}
            masks = [hidden[-1] | hidden[0] | hidden[1], *hidden.values()]
            yield [tf.where(mask[:, None], look, full) for mask, look, full in zip(masks, looks, whole, strict=True)]

    def _emissions(self, rows: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.matmul(tf.add_n(list(rows)), self.shared) + self.bias

    def _likelihood(
        self, emissions: tf.Tensor, lengths: tf.Tensor, tags: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Log-likelihood of each sequence's tags, the emissions as they are scored, and the log-partitions."""
        scored, where = self._with_ends(emissions, lengths)
        # A model of few examples is shy: they say much of what O looks like and little of anything else. So in
        # training O is made more likely wherever it is wrong, and has to be beaten by that much.
        entity = tf.cast(tags > 0, tf.float32)[:, None]
        scored += self.boldness * entity * tf.one_hot([0], self.width)
        partitions = crf.log_partitions(scored, self._moves(), where)
        return crf.path_scores(scored, self._moves(), tags, where) - partitions, scored, partitions

    def _with_ends(self, emissions: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, crf.Layout]:
        where = crf.layout(lengths)
        barred = crf.bio_scores(self.labels)[1]
        return crf.with_ends(emissions, self.start + barred, self.end, where), where

    def _moves(self) -> tf.Tensor:
        return self.moves + crf.bio_scores(self.labels)[0]

    def _penalty(self) -> tf.Tensor:
        large = sum(tf.nn.l2_loss(table) for table in (self.spelling, self.context, self.pairs))
        small = sum(tf.nn.l2_loss(table) for table in (self.moves, self.start, self.end))
        small += sum(tf.nn.l2_loss(table) for table in (self.meaning, self.opinion, self.pair_meaning))
        return large + 0.3 * small + 0.05 * tf.nn.l2_loss(self.bias)
