"""Minimizing a loss inside a model function."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import tensorflow as tf

from trainer.ml.estimator.running import private_variables, trainable_variables

_LARGE = 4_000_000  # numbers in a vector that is not to be copied without need


class Optimizer(Protocol):
    """What `minimize` needs of an optimizer: every Keras optimizer has it."""

    def apply_gradients(self, grads_and_vars: Any) -> Any: ...

    def scale_loss(self, loss: tf.Tensor) -> tf.Tensor: ...


def minimize(
    loss: tf.Tensor,
    optimizer: "Callable[[], Optimizer | Lbfgs]",
    variables: Sequence[Any] | None = None,
) -> tf.Tensor:
    """One step of the optimizer that `optimizer()` makes: the `train_op` of an `EstimatorSpec`.

    `loss` is a scalar; for `Lbfgs` it may be a vector. `variables`, TensorFlow's or Keras', default to all trainable
    ones that the model function has made or used so far. Several calls, each with its own optimizer and variables, go
    together by `tf.group`. With several replicas the step is one of their mean loss. Returns the loss as it was given.
    """
    given = trainable_variables() if variables is None else variables
    chosen = [one if callable(one.value) else one.value for one in given]  # a Keras variable's value is TensorFlow's
    if not chosen:
        raise ValueError("there is nothing to minimize by: the model has no trainable variable")
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    with private_variables():
        made = optimizer()
        if isinstance(made, Lbfgs):
            gradients = _gradients(loss, chosen)
            if replicas > 1:
                together = tf.distribute.get_replica_context().all_reduce(
                    tf.distribute.ReduceOp.MEAN, [loss, *gradients]
                )
                loss, gradients = together[0], together[1:]
            made.step(loss, gradients, chosen)
        else:
            made = _fit_for_half_precision(made)
            gradients = _gradients(made.scale_loss(loss), chosen)
            # Keras adds up what the replicas give it.
            parts = [gradient / replicas for gradient in gradients] if replicas > 1 else gradients
            made.apply_gradients(list(zip(parts, chosen, strict=True)))
    return tf.identity(loss)


def _gradients(loss: tf.Tensor, variables: Sequence[tf.Variable]) -> list[tf.Tensor]:
    found = tf.gradients(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(gradient) for gradient in found]


def _fit_for_half_precision(made: Optimizer) -> Optimizer:
    """Gradients of 16 bit floats with few exponents vanish unless the loss is scaled up."""
    from keras import config, optimizers

    half = config.dtype_policy().name == "mixed_float16"
    if half and not isinstance(made, optimizers.LossScaleOptimizer):
        return optimizers.LossScaleOptimizer(made)
    return made


class Lbfgs:
    """Limited-memory BFGS for a loss over the whole data, one evaluation of it a step.

    After Liu and Nocedal, "On the limited memory BFGS method for large scale optimization" (1989), with a line search
    that only goes back. `phases` are numbers of steps, `memory` is how many moves are remembered.

    Each step judges the point that the last one moved to: enough descent makes it the new base, from which a new
    direction is taken; otherwise the next point lies half as far from the old base. Training may have phases of
    so many steps each, between which the loss may change: each starts afresh from where the last one ended, and
    leaves the variables at its best base.

    Where the loss is a vector [F], each of its numbers depends on one of F parts of the variables alone, which lie
    along their first axis: problems of one form that are solved side by side, each with steps of its own.
    """

    def __init__(self, phases: Sequence[int], memory: int = 6) -> None:
        self.ends = [sum(phases[: i + 1]) for i in range(len(phases))]
        self.memory = memory

    def step(self, loss: tf.Tensor, gradients: Sequence[tf.Tensor], variables: Sequence[tf.Variable]) -> None:
        """Judge where the variables are, and move them."""
        fits = loss.shape.num_elements()
        sizes = [variable.shape.num_elements() // fits for variable in variables]
        state = _State(fits, sum(sizes), self.memory)
        fresh = tf.reduce_any(state.count == tf.constant([0, *self.ends]))
        here = tf.concat([tf.reshape(variable, [fits, -1]) for variable in variables], 1)
        slope = tf.concat([tf.reshape(gradient, [fits, -1]) for gradient in gradients], 1)
        state.judge(here, slope, tf.reshape(loss, [fits]), fresh)
        done = state.count.assign_add(1)
        length = tf.where(tf.reduce_any(done == tf.constant(self.ends)), 0.0, state.length)
        target = state.base + length[:, None] * state.direction
        for variable, part in zip(variables, tf.split(target, sizes, axis=1), strict=True):
            variable.assign(tf.reshape(part, variable.shape))


class _State:
    """The variables of L-BFGS over flat vectors, one a row. What is written here is read in the order of the lines."""

    def __init__(self, fits: int, size: int, memory: int) -> None:
        def zeros(name: str, *shape: int, dtype: tf.DType = tf.float32) -> tf.Variable:
            # Replicas compute the same from the same, each in its own copy.
            return tf.Variable(
                lambda: tf.zeros(shape, dtype),
                trainable=False,
                name=name,
                dtype=dtype,
                shape=shape,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

        self.fits = fits
        self.count = zeros("count", dtype=tf.int32)
        self.loss, self.length, self.descent = zeros("loss", fits), zeros("length", fits), zeros("descent", fits)
        self.base, self.slope, self.direction = (zeros(name, fits, size) for name in ("base", "slope", "direction"))
        # The last moves of the base and how the slope turned with each, newest first. A variable each, because
        # handing a whole tensor on is free, and writing a row of a matrix makes every later reading of it a copy.
        self.moves = [zeros("move", fits, size) for _ in range(memory)]
        self.turns = [zeros("turn", fits, size) for _ in range(memory)]
        self.inverse = zeros("inverse", memory, fits)  # of move · turn, 0 where there is none yet
        self.scale = zeros("scale", fits)  # of a direction: the newest inverse curvature, 0 where there is none yet

    def judge(self, here: tf.Tensor, slope: tf.Tensor, loss: tf.Tensor, fresh: tf.Tensor) -> None:
        """Go on from here where that is low enough, remembering nothing older when `fresh`; else try half as far."""
        taken = fresh | (loss <= self.loss + 1e-4 * self.length * self.descent)
        self.length.assign(0.5 * self.length)
        tf.cond(tf.reduce_any(taken), lambda: self._accept(here, slope, loss, taken, fresh), lambda: True)

    def _accept(self, here: tf.Tensor, slope: tf.Tensor, loss: tf.Tensor, taken: tf.Tensor, fresh: tf.Tensor) -> bool:
        forget = tf.where(fresh, 0.0, 1.0)
        self.inverse.assign(forget * self.inverse)
        self.scale.assign(forget * self.scale)
        move, turn = here - self.base, slope - self.slope
        curvature = _dot(move, turn)
        kept = taken & ~fresh & (curvature > 1e-10)
        tf.cond(tf.reduce_any(kept), lambda: self._remember(move, turn, curvature, kept), lambda: True)
        direction = self._direction(slope)
        first = 1.0 / tf.maximum(tf.norm(slope, axis=1), 1e-9)
        length = tf.where(self.scale > 0.0, 1.0, first)
        descent = _dot(slope, direction)
        for variable, value in (
            (self.base, here),
            (self.slope, slope),
            (self.direction, direction),
            (self.loss, loss),
            (self.length, length),
            (self.descent, descent),
        ):
            rows = taken if len(variable.shape) == 1 else taken[:, None]
            # Of one fit, nothing is to be copied: it has taken the step.
            variable.assign(value if self.fits == 1 else tf.where(rows, value, variable))
        return True

    def _remember(self, move: tf.Tensor, turn: tf.Tensor, curvature: tf.Tensor, kept: tf.Tensor) -> bool:
        """Where a row has nothing to remember, a place without any say goes in for it."""
        for known, newest in ((self.moves, move), (self.turns, turn)):
            for older, newer in zip(reversed(known), reversed(known[:-1]), strict=False):
                older.assign(newer)
            known[0].assign(newest)
        inverse = tf.where(kept, 1.0 / curvature, 0.0)
        self.inverse.assign(tf.concat([inverse[None], self.inverse[:-1]], 0))
        self.scale.assign(tf.where(kept, curvature / _dot(turn, turn), self.scale))
        return True

    def _direction(self, slope: tf.Tensor) -> tf.Tensor:
        """Minus the slope times the remembered inverse curvature: the two-loop recursion."""
        remembered = list(zip(self.moves, self.turns, tf.unstack(self.inverse), strict=True))
        result, shares = slope, []
        for move, turn, inverse in remembered:
            shares.append(inverse * _dot(move, result))
            result -= shares[-1][:, None] * turn
        result *= tf.where(self.scale > 0.0, self.scale, 1.0)[:, None]
        for (move, turn, inverse), share in zip(reversed(remembered), reversed(shares), strict=True):
            result += (share - inverse * _dot(turn, result))[:, None] * move
        return -result


def _dot(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Of each row, [F]."""
    a, b = tf.convert_to_tensor(a), tf.convert_to_tensor(b)
    if a.shape.num_elements() < _LARGE:
        return tf.reduce_sum(a * b, axis=1)
    return tf.matmul(a[:, None], b[:, :, None])[:, 0, 0]  # without vectors of products
