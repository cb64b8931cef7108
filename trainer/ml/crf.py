"""A linear-chain CRF over packed sequences: likelihood with exact gradients, best path, span probabilities.

Emissions are [N, K], the tokens of all sequences one after the other; `lengths` says where each ends. Inside,
tokens are regrouped by position (all first tokens, all second ones, …, longest sequences first), so that a loop
over positions touches no padding. Probabilities are rescaled at each position instead of kept as logarithms.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

FORBIDDEN = -1e4  # a score whose exponential is zero
_MANY_TAGS, _BEAM = 41, 16  # of more tags than of twenty labels, how many Viterbi goes on from


class Layout(NamedTuple):
    """How the tokens of ragged sequences are regrouped by position."""

    sequence: tf.Tensor  # [N] number of each token's sequence
    packed: tf.Tensor  # [N] token at each packed place
    place: tf.Tensor  # [N] packed place of each token
    first: tf.Tensor  # [N] true at a sequence's first token
    last: tf.Tensor  # [N]
    counts: tf.Tensor  # [T] sequences that have a token at this position
    offsets: tf.Tensor  # [T] first packed place of the position


class Marginals(NamedTuple):
    """Scaled forward and backward messages; tokens in reading order."""

    alpha: tf.Tensor  # [N, K] sums to one
    beta: tf.Tensor  # [N, K] alpha * beta is the posterior
    ratio: tf.Tensor  # [N, K] exponential of the emission over the scale
    transitions: tf.Tensor  # [K, K] exponential
    log_scale: tf.Tensor  # [N] sums to the log-partition

    @property
    def posterior(self) -> tf.Tensor:
        """P(tag) of each token, [N, K]."""
        return self.alpha * self.beta


def layout(lengths: tf.Tensor) -> Layout:
    """The layout of sequences of these (positive) lengths."""
    order = tf.argsort(lengths, direction="DESCENDING", stable=True)
    rank = tf.math.invert_permutation(order)
    count = tf.reduce_sum(lengths)
    sequence = tf.repeat(tf.range(tf.size(lengths)), lengths)
    position = tf.range(count) - tf.gather(tf.cumsum(lengths, exclusive=True), sequence)
    counts = tf.math.bincount(position, dtype=tf.int32)
    offsets = tf.cumsum(counts, exclusive=True)
    place = tf.gather(offsets, position) + tf.gather(rank, sequence)
    last = position == tf.gather(lengths, sequence) - 1
    return Layout(sequence, tf.math.invert_permutation(place), place, position == 0, last, counts, offsets)


def with_ends(emissions: tf.Tensor, start: tf.Tensor, end: tf.Tensor, where: Layout) -> tf.Tensor:
    """Emissions with the scores of starting and ending in a tag added to the first and last tokens."""
    first, last = (tf.cast(flags, emissions.dtype)[:, None] for flags in (where.first, where.last))
    return emissions + first * start + last * end


def path_scores(emissions: tf.Tensor, transitions: tf.Tensor, tags: tf.Tensor, where: Layout) -> tf.Tensor:
    """The score of each sequence's `tags` (int32 [N]), [S]: less the log-partition it is their log-probability."""
    steps = tf.boolean_mask(tf.range(tf.size(tags)), ~where.first)
    pairs = tf.stack([tf.gather(tags, steps - 1), tf.gather(tags, steps)], 1)
    moves = tf.scatter_nd(steps[:, None], tf.gather_nd(transitions, pairs), tf.shape(tags))
    return tf.math.segment_sum(tf.gather(emissions, tags, batch_dims=1) + moves, where.sequence)


def log_partitions(emissions: tf.Tensor, transitions: tf.Tensor, where: Layout) -> tf.Tensor:
    """Each sequence's log-partition, [S]; the gradient is the exact marginals, not a taped loop."""

    @tf.custom_gradient
    def run(emissions: tf.Tensor, transitions: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        found = marginals(emissions, transitions, where)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            scale = tf.gather(upstream, where.sequence)[:, None]
            steps = tf.boolean_mask(tf.range(tf.size(where.sequence)), ~where.first)
            ahead = tf.gather(scale * found.beta * found.ratio, steps)
            moves = found.transitions * tf.matmul(tf.gather(found.alpha, steps - 1), ahead, transpose_a=True)
            return scale * found.posterior, moves

        return tf.math.segment_sum(found.log_scale, where.sequence), gradient

    return run(emissions, transitions)


def marginals(emissions: tf.Tensor, transitions: tf.Tensor, where: Layout) -> Marginals:
    """Forward-backward."""
    highest = tf.reduce_max(emissions, axis=1, keepdims=True)
    potential = tf.gather(tf.exp(emissions - highest), where.packed)
    moves = tf.exp(transitions)
    alpha, scale = _forward(potential, moves, where)
    ratio = potential / scale
    beta = _backward(ratio, moves, where)
    alpha, beta, ratio, scale = (tf.gather(x, where.place) for x in (alpha, beta, ratio, scale))
    return Marginals(alpha, beta, ratio, moves, (tf.math.log(scale) + highest)[:, 0])


def _rows(steps: tf.Tensor, width: int | None) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, steps, infer_shape=False, element_shape=[None, width])


def _forward(potential: tf.Tensor, moves: tf.Tensor, where: Layout) -> tuple[tf.Tensor, tf.Tensor]:
    counts, offsets, width = where.counts, where.offsets, moves.shape[0]
    steps = tf.size(counts)

    def step(t: tf.Tensor, alpha: tf.Tensor, alphas: tf.TensorArray, scales: tf.TensorArray) -> tuple:
        alpha = tf.matmul(alpha[: counts[t]], moves) * potential[offsets[t] : offsets[t] + counts[t]]
        scale = tf.reduce_sum(alpha, axis=1, keepdims=True)
        alpha /= scale
        return t + 1, alpha, alphas.write(t, alpha), scales.write(t, scale)

    alpha = potential[: counts[0]]
    scale = tf.reduce_sum(alpha, axis=1, keepdims=True)
    alpha /= scale
    state = (1, alpha, _rows(steps, width).write(0, alpha), _rows(steps, 1).write(0, scale))
    shapes = (tf.TensorShape([]), tf.TensorShape([None, width]), tf.TensorShape(None), tf.TensorShape(None))
    _, _, alphas, scales = tf.while_loop(lambda t, *_: t < steps, step, state, shapes)
    return alphas.concat(), scales.concat()


def _backward(ratio: tf.Tensor, moves: tf.Tensor, where: Layout) -> tf.Tensor:
    counts, offsets, width = where.counts, where.offsets, moves.shape[0]
    steps = tf.size(counts)

    def step(t: tf.Tensor, beta: tf.Tensor, betas: tf.TensorArray) -> tuple:
        ahead = ratio[offsets[t + 1] : offsets[t + 1] + counts[t + 1]]
        ended = tf.ones([counts[t] - counts[t + 1], width])
        beta = tf.concat([tf.matmul(beta * ahead, moves, transpose_b=True), ended], 0)
        return t - 1, beta, betas.write(t, beta)

    beta = tf.ones([counts[steps - 1], width])
    state = (steps - 2, beta, _rows(steps, width).write(steps - 1, beta))
    shapes = (tf.TensorShape([]), tf.TensorShape([None, width]), tf.TensorShape(None))
    _, _, betas = tf.while_loop(lambda t, *_: t >= 0, step, state, shapes)
    return betas.concat()


def best_tags(emissions: tf.Tensor, transitions: tf.Tensor, where: Layout) -> tf.Tensor:
    """Viterbi: the most probable tags of each sequence, [N]. Of many tags, it goes on from the best few."""
    counts, offsets, width = where.counts, where.offsets, transitions.shape[0]
    steps = tf.size(counts)
    emissions = tf.gather(emissions, where.packed)

    def forward(t: tf.Tensor, score: tf.Tensor, best: tf.TensorArray, back: tf.TensorArray) -> tuple:
        best_path, origin = _onwards(score[: counts[t]], transitions)
        score = best_path + emissions[offsets[t] : offsets[t] + counts[t]]
        return t + 1, score, best.write(t, tf.argmax(score, 1, output_type=tf.int32)), back.write(t, origin)

    def backward(t: tf.Tensor, tags: tf.Tensor, found: tf.TensorArray) -> tuple:
        carried = tf.gather(back.read(t + 1), tags, batch_dims=1)
        tags = tf.concat([carried, best.read(t)[counts[t + 1] :]], 0)
        return t - 1, tags, found.write(t, tags)

    def rows(shape: list[int | None]) -> tf.TensorArray:
        return tf.TensorArray(tf.int32, steps, infer_shape=False, element_shape=shape, clear_after_read=False)

    score = emissions[: counts[0]]
    first = rows([None]).write(0, tf.argmax(score, axis=1, output_type=tf.int32))
    free, line = tf.TensorShape(None), tf.TensorShape([None])
    begin = (1, score, first, rows([None, width]))
    shapes = (tf.TensorShape([]), tf.TensorShape([None, width]), free, free)
    _, _, best, back = tf.while_loop(lambda t, *_: t < steps, forward, begin, shapes)
    tags = best.read(steps - 1)
    end = (steps - 2, tags, rows([None]).write(steps - 1, tags))
    _, _, found = tf.while_loop(lambda t, *_: t >= 0, backward, end, (tf.TensorShape([]), line, free))
    return tf.gather(found.concat(), where.place)


def _onwards(score: tf.Tensor, transitions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Score of the best path to each next tag, and the tag that it comes from: [n, K] from [n, K]."""
    if transitions.shape[0] <= _MANY_TAGS:
        paths = score[:, :, None] + transitions
        return tf.reduce_max(paths, axis=1), tf.argmax(paths, axis=1, output_type=tf.int32)
    kept, tags = tf.math.top_k(score, k=_BEAM)
    paths = kept[:, :, None] + tf.gather(transitions, tags)
    origin = tf.argmax(paths, axis=1, output_type=tf.int32)
    return tf.reduce_max(paths, axis=1), tf.gather(tags, origin, batch_dims=1)


class Spans(NamedTuple):
    """Spans read off a tag sequence: first and last token, label, and the probability of exactly that span."""

    first: tf.Tensor
    last: tf.Tensor
    label: tf.Tensor
    score: tf.Tensor


def bio_scores(labels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """What BIO forbids, as scores to add: transitions [K, K] and starts [K]. Tags are O, B-0, I-0, B-1, I-1, …"""
    width = 2 * labels + 1
    inside = [tag > 0 and tag % 2 == 0 for tag in range(width)]

    def move(of: int, to: int) -> float:
        return FORBIDDEN if inside[to] and of not in (to, to - 1) else 0.0

    moves = [[move(of, to) for to in range(width)] for of in range(width)]
    return tf.constant(moves), tf.constant([FORBIDDEN if flag else 0.0 for flag in inside])


def spans_of(tags: tf.Tensor, found: Marginals, where: Layout) -> Spans:
    """The spans of legal BIO tags, each with its exact marginal probability.

    P(span) is the forward message at B, times the path through I, times all ways to go on but I.
    """
    index = tf.range(tf.size(tags))
    begins = tags % 2 == 1
    inner = (tags > 0) & ~begins
    follows = tf.concat([inner[1:], [False]], 0) & ~where.last
    first = tf.boolean_mask(index, begins)
    last = tf.boolean_mask(index, (tags > 0) & ~follows)
    label = (tf.gather(tags, first) - 1) // 2

    step = tf.boolean_mask(index, inner)
    of, to = tf.gather(tags, step - 1), tf.gather(tags, step)
    moved = tf.gather_nd(found.transitions, tf.stack([of, to], 1))
    factor = moved * tf.gather(tf.gather(found.ratio, step), to, batch_dims=1)
    span = tf.gather(tf.cumsum(tf.cast(begins, tf.int32)) - 1, step)
    along = tf.math.unsorted_segment_sum(_log(factor), span, tf.size(first))

    tag, inside = tf.gather(tags, last), 2 * label + 2
    after = tf.minimum(last + 1, tf.size(tags) - 1)
    going_on = tf.gather_nd(found.transitions, tf.stack([tag, inside], 1))
    going_on *= tf.gather(tf.gather(found.ratio * found.beta, after), inside, batch_dims=1)
    going_on = tf.where(tf.gather(where.last, last), 0.0, going_on)
    stop = tf.gather(tf.gather(found.beta, last), tag, batch_dims=1) - going_on
    begin = tf.gather(tf.gather(found.alpha, first), 2 * label + 1, batch_dims=1)
    return Spans(first, last, label, tf.clip_by_value(tf.exp(_log(begin) + along + _log(stop)), 0.0, 1.0))


def _log(x: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(x, 1e-30))
