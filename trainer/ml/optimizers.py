"""Minimizing a loss inside a model function."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import tensorflow as tf

from trainer.ml.variables import private_variables, trainable_variables


class Optimizer(Protocol):
    """What Keras optimizers offer, and `Lbfgs` does not."""

    def apply_gradients(self, grads_and_vars: Any) -> Any: ...


def minimize(
    loss: tf.Tensor,
    optimizer: "Callable[[], Optimizer | Lbfgs]",
    variables: Sequence[tf.Variable] | None = None,
) -> tf.Tensor:
    """One step of the optimizer that `optimizer()` makes: the `train_op` of an `EstimatorSpec`."""
    chosen = list(variables) if variables is not None else trainable_variables()
    gradients = tf.gradients(loss, chosen, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
    with private_variables():
        made = optimizer()
        if isinstance(made, Lbfgs):
            made.step(loss, gradients, chosen)
        else:
            made.apply_gradients(list(zip(gradients, chosen, strict=True)))
    return tf.identity(loss)


class Lbfgs:
    """Limited-memory BFGS for a loss over the whole data, one evaluation of it a step.

    Each step judges the point that the last one moved to: enough descent makes it the new base, from which a new
    direction is taken; otherwise the next point lies half as far from the old base. Training may have phases of
    so many steps each, between which the loss may change: each starts afresh from where the last one ended, and
    leaves the variables at its best base.
    """

    def __init__(self, phases: Sequence[int], memory: int = 6) -> None:
        self.ends = [sum(phases[: i + 1]) for i in range(len(phases))]
        self.memory = memory

    def step(self, loss: tf.Tensor, gradients: Sequence[tf.Tensor], variables: Sequence[tf.Variable]) -> None:
        """Judge where the variables are, and move them."""
        sizes = [variable.shape.num_elements() for variable in variables]
        state = _State(sum(sizes), self.memory)
        fresh = tf.reduce_any(state.count == tf.constant([0, *self.ends]))
        here = tf.concat([tf.reshape(variable, [-1]) for variable in variables], 0)
        slope = tf.concat([tf.reshape(gradient, [-1]) for gradient in gradients], 0)
        goal = state.loss + 1e-4 * state.length * _dot(state.slope, state.direction)
        accepted = fresh | (loss <= goal)
        judged = tf.cond(accepted, lambda: state.accept(here, slope, loss, fresh), state.shorten)
        with tf.control_dependencies([judged]):
            done = state.count.assign_add(1)
            length = tf.where(tf.reduce_any(done == tf.constant(self.ends)), 0.0, state.length)
            target = state.base + length * state.direction
        for variable, part in zip(variables, tf.split(target, sizes), strict=True):
            variable.assign(tf.reshape(part, variable.shape))


class _State:
    """The variables of L-BFGS over one flat vector.

    The two-loop recursion needs only inner products of what is remembered, so it runs on a small matrix of them;
    the long vectors are read twice a step however much is remembered.
    """

    def __init__(self, size: int, memory: int) -> None:
        def zeros(name: str, *shape: int, dtype: tf.DType = tf.float32) -> tf.Variable:
            return tf.Variable(lambda: tf.zeros(shape, dtype), trainable=False, name=name, dtype=dtype, shape=shape)

        self.memory = memory
        self.count = zeros("count", dtype=tf.int32)
        self.pairs = zeros("pairs", dtype=tf.int32)
        self.loss, self.length = zeros("loss"), zeros("length")
        self.base, self.slope, self.direction = zeros("base", size), zeros("slope", size), zeros("direction", size)
        # The last moves of the base and how the slope turned with each: moves first, then turns, as two rings.
        self.history = zeros("history", 2 * memory, size)
        self.products = zeros("products", 2 * memory, 2 * memory)

    def accept(self, here: tf.Tensor, slope: tf.Tensor, loss: tf.Tensor, fresh: tf.Tensor) -> tf.Tensor:
        """Make `here` the base and choose a direction from it, remembering nothing older when `fresh`."""
        move, turn = here - self.base, slope - self.slope
        known = tf.where(fresh, 0, self.pairs)
        useful = ~fresh & (_dot(move, turn) > 1e-10)
        pairs = tf.cond(useful, lambda: self._remember(move, turn, known), lambda: known)
        with tf.control_dependencies([pairs]):
            direction = self._direction(slope, pairs)
        first = 1.0 / tf.maximum(tf.norm(slope), 1e-9)
        writes = [
            self.pairs.assign(pairs),
            self.base.assign(here),
            self.slope.assign(slope),
            self.loss.assign(loss),
            self.direction.assign(direction),
            self.length.assign(tf.where(pairs == 0, first, 1.0)),
        ]
        with tf.control_dependencies(writes):
            return tf.constant(True)

    def shorten(self) -> tf.Tensor:
        """Try half as far along the same direction."""
        with tf.control_dependencies([self.length.assign(0.5 * self.length)]):
            return tf.constant(False)

    def _remember(self, move: tf.Tensor, turn: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        rows = tf.stack([known % self.memory, self.memory + known % self.memory])
        newest = tf.stack([move, turn])
        with tf.control_dependencies([self.history.scatter_update(tf.IndexedSlices(newest, rows))]):
            fresh = tf.matmul(newest, self.history.read_value(), transpose_b=True)
        with tf.control_dependencies([self.products.scatter_update(tf.IndexedSlices(fresh, rows))]):
            mirrored = tf.tensor_scatter_nd_update(tf.transpose(self.products), rows[:, None], fresh)
        with tf.control_dependencies([self.products.assign(mirrored)]):
            return known + 1

    def _direction(self, slope: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
        """Minus the slope times the remembered inverse curvature, as a sum of remembered vectors and the slope."""
        memory, history = self.memory, self.history.read_value()  # once: reading a scattered variable copies it
        ages = [(known - 1 - age) % memory for age in range(memory)]
        # The slope is one more vector of the sum, with a weight and products of its own.
        along_slope = tf.linalg.matvec(history, slope)
        weights, own = tf.zeros([2 * memory]), tf.constant(1.0)
        shares = []

        def product(row: tf.Tensor) -> tf.Tensor:
            return _dot(self.products[row], weights) + own * along_slope[row]

        for age, row in enumerate(ages):
            inverse = tf.where(age < known, 1.0 / self.products[row, memory + row], 0.0)
            shares.append((row, inverse, inverse * product(row)))
            weights -= tf.one_hot(memory + row, 2 * memory) * shares[-1][2]
        newest = ages[0]
        turned = self.products[memory + newest, memory + newest]
        scale = tf.where(known > 0, self.products[newest, memory + newest] / turned, 1.0)
        weights, own = weights * scale, own * scale
        for row, inverse, share in reversed(shares):
            weights += tf.one_hot(row, 2 * memory) * (share - inverse * product(memory + row))
        return -tf.linalg.matvec(history, weights, transpose_a=True) - own * slope


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.convert_to_tensor(a) * tf.convert_to_tensor(b))
