"""A linear-chain CRF over packed sequences: likelihood with exact gradients, best path, span probabilities.

Emissions are [N, K], the tokens of all sequences one after the other; `lengths` says where each ends. Inside,
tokens are regrouped by position (all first tokens, all second ones, …, longest sequences first), so that a loop
over positions touches no padding. Probabilities are rescaled at each position instead of kept as logarithms.

What a loop costs is its turns, not its sums. So there is one: both directions go through it side by side, the one
that comes from the end over sequences turned round, and so do several fits of one model to the same sequences, with
emissions [F, N, K] and transitions [F, K, K].
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
    mirror: tf.Tensor  # [N] the token that stands as far from its sequence's other end
    first: tf.Tensor  # [N] true at a sequence's first token
    last: tf.Tensor  # [N]
    counts: tf.Tensor  # [T] sequences that have a token at this position
    offsets: tf.Tensor  # [T] first packed place of the position
    position: tf.Tensor  # [N] of each token in its sequence


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
    begin = tf.gather(tf.cumsum(lengths, exclusive=True), sequence)
    position = tf.range(count) - begin
    counts = tf.math.bincount(position, dtype=tf.int32)
    offsets = tf.cumsum(counts, exclusive=True)
    place = tf.gather(offsets, position) + tf.gather(rank, sequence)
    to_end = tf.gather(lengths, sequence) - 1 - position
    packed = tf.math.invert_permutation(place)
    return Layout(sequence, packed, place, begin + to_end, position == 0, to_end == 0, counts, offsets, position)


def with_ends(emissions: tf.Tensor, start: tf.Tensor, end: tf.Tensor, where: Layout) -> tf.Tensor:
    """Emissions with the scores of starting and ending in a tag added to the first and last tokens."""
    first, last = (tf.cast(flags, emissions.dtype)[:, None] for flags in (where.first, where.last))
    return emissions + first * start[..., None, :] + last * end[..., None, :]


def path_scores(emissions: tf.Tensor, transitions: tf.Tensor, tags: tf.Tensor, where: Layout) -> tf.Tensor:
    """The score of each sequence's `tags` (int32 [N]), [S] or [F, S]: less the log-partition their log-probability."""
    if len(emissions.shape) == 2:
        return path_scores(emissions[None], transitions[None], tags, where)[0]
    width = emissions.shape[2]
    steps = tf.boolean_mask(tf.range(tf.size(tags)), ~where.first)
    pairs = tf.gather(tags, steps - 1) * width + tf.gather(tags, steps)
    moves = tf.gather(tf.reshape(transitions, [-1, width * width]), pairs, axis=1)
    scores = tf.reduce_sum(emissions * tf.one_hot(tags, width), 2)
    of_steps = _segment_sums(moves, tf.gather(where.sequence, steps), where)
    return _segment_sums(scores, where.sequence, where) + of_steps


def _segment_sums(values: tf.Tensor, segment: tf.Tensor, where: Layout) -> tf.Tensor:
    """[F, S] from [F, n]."""
    return tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(values), segment, where.counts[0]))


def log_partitions(emissions: tf.Tensor, transitions: tf.Tensor, where: Layout) -> tf.Tensor:
    """Each sequence's log-partition, [S] or [F, S]; the gradient is the exact marginals, not a taped loop."""

    @tf.custom_gradient
    def run(emissions: tf.Tensor, transitions: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        found = _marginals(emissions, transitions, where)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            scale = tf.gather(upstream, where.sequence, axis=1)[:, :, None]
            steps = tf.boolean_mask(tf.range(tf.size(where.sequence)), ~where.first)
            before = tf.gather(found.alpha, steps - 1, axis=1)
            ahead = tf.gather(scale * found.beta * found.ratio, steps, axis=1)
            return scale * found.posterior, found.transitions * tf.matmul(before, ahead, transpose_a=True)

        return _segment_sums(found.log_scale, where.sequence, where), gradient

    if len(emissions.shape) == 3:
        return run(emissions, transitions)
    return run(emissions[None], transitions[None])[0]


def marginals(emissions: tf.Tensor, transitions: tf.Tensor, where: Layout) -> Marginals:
    """Forward-backward, of [N, K] emissions and [K, K] transitions."""
    return Marginals(*(message[0] for message in _marginals(emissions[None], transitions[None], where)))


def _marginals(emissions: tf.Tensor, transitions: tf.Tensor, where: Layout) -> Marginals:
    """The same of several fits, with one more axis before all others."""
    highest = tf.reduce_max(emissions, axis=2, keepdims=True)
    potential, moves = tf.exp(emissions - highest), tf.exp(transitions)
    forward, backward = _both_ways(potential, moves, where)
    scale = tf.reduce_sum(forward, axis=2, keepdims=True)
    alpha = forward / scale
    # What comes from behind, without the token's own emission; at the end nothing does.
    beta = tf.matmul(tf.roll(backward, -1, 1), moves, transpose_b=True)
    beta = tf.where(where.last[:, None], 1.0, beta)
    beta /= tf.reduce_sum(alpha * beta, axis=2, keepdims=True)
    return Marginals(alpha, beta, potential / scale, moves, (tf.math.log(scale) + highest)[:, :, 0])


def _both_ways(potential: tf.Tensor, moves: tf.Tensor, where: Layout) -> tuple[tf.Tensor, tf.Tensor]:
    """Messages from the start and from the end up to each token, its own potential included, [F, N, K].

    Of the first kind each is as large as one step makes it from one that sums to one; the others may have any length.
    """
    fits, width = moves.shape[0], moves.shape[2]
    groups, size = 2 * fits, tf.size(where.place)
    both = tf.concat([moves, tf.transpose(moves, [0, 2, 1])], 0)
    # Rows lie by position, then by group, then by sequence: what one turn needs lies together.
    count, offset = tf.gather(where.counts, where.position), tf.gather(where.offsets, where.position)
    row = (groups - 1) * offset + where.place + count * tf.range(groups)[:, None]
    source = tf.stack([tf.range(size), where.mirror])[:, None] + (tf.range(fits) * size)[:, None]
    at = tf.gather(tf.reshape(source, [-1]), tf.math.invert_permutation(tf.reshape(row, [-1])))
    ready = tf.gather(tf.reshape(potential, [-1, width]), at)
    steps = tf.size(where.counts)
    parts = tf.TensorArray(tf.float32, steps, infer_shape=False, element_shape=[None, width])
    parts = parts.split(ready, groups * where.counts)

    def step(t: tf.Tensor, rows: tf.Tensor, found: tf.TensorArray) -> tuple:
        shape = tf.stack([groups, tf.gather(where.counts, t), width])
        rows /= tf.reduce_sum(rows, axis=2, keepdims=True)
        rows = tf.matmul(tf.slice(rows, [0, 0, 0], shape), both) * tf.reshape(parts.read(t), shape)
        return t + 1, rows, found.write(t, tf.reshape(rows, [-1, width]))

    begin = tf.reshape(parts.read(0), [groups, -1, width])
    found = tf.TensorArray(tf.float32, steps, infer_shape=False, element_shape=[None, width])
    state = (1, begin, found.write(0, tf.reshape(begin, [-1, width])))
    shapes = (tf.TensorShape([]), tf.TensorShape([groups, None, width]), tf.TensorShape(None))
    messages = tf.while_loop(lambda t, *_: t < steps, step, state, shapes)[2].concat()
    forward = tf.gather(messages, row[:fits])
    backward = tf.gather(messages, tf.gather(row[fits:], where.mirror, axis=1))
    return forward, backward


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
