"""Minimizing a loss inside a model function."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from .running import current, private_variables, trainable_variables
from .spec import ModeKeys


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
    together by `tf.group`. With several replicas the step is one of their mean loss. Outside TRAIN nothing is done.
    Returns the loss as it was given.
    """
    if not callable(optimizer):
        raise TypeError(f"give a function that makes the optimizer: lambda: {type(optimizer).__name__}(...)")
    if current().mode != ModeKeys.TRAIN:
        return tf.identity(loss)
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

    def __init__(self, phases: Sequence[int], memory: int = 6, *, large: bool = False) -> None:
        """`large` vectors (of millions of numbers) are not copied where that can be helped."""
        self.ends = [sum(phases[: i + 1]) for i in range(len(phases))]
        self.memory, self.large = memory, large

    def step(self, loss: tf.Tensor, gradients: Sequence[tf.Tensor], variables: Sequence[tf.Variable]) -> None:
        """Judge where the variables are, and move them."""
        fits = loss.shape.num_elements()
        count = _kept("count", dtype=tf.int32)
        state = _State.kept(fits, self.memory)
        fresh = tf.reduce_any(count == tf.constant([0, *self.ends]))
        flat = [tf.reshape(variable, [fits, -1]) for variable in variables]
        here = tf.concat(flat, 1)
        slope = tf.concat([tf.reshape(gradient, [fits, -1]) for gradient in gradients], 1)
        now = _State.of([variable.read_value() for variable in state.flat()])
        judge = _judge(self.memory, self.large)
        found = judge(now, _Point(here, slope, tf.reshape(loss, [fits])), fresh)
        for variable, value in zip(state.flat(), found.flat(), strict=True):
            variable.assign(tf.ensure_shape(value, variable.shape))
        last = tf.reduce_any(count.assign_add(1) == tf.constant(self.ends))
        target = found.base + tf.expand_dims(tf.where(last, 0.0, found.length), 1) * found.direction
        sizes = [tf.shape(part)[1] for part in flat]
        for variable, part in zip(variables, tf.split(target, sizes, axis=1), strict=True):
            variable.assign(tf.reshape(part, tf.shape(variable)))


def _kept(name: str, *shape: int | None, dtype: tf.DType = tf.float32) -> tf.Variable:
    # Replicas compute the same from the same, each in its own copy.
    return tf.Variable(
        lambda: tf.zeros([length or 0 for length in shape], dtype),
        trainable=False,
        name=name,
        dtype=dtype,
        shape=shape,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )


class _State(NamedTuple):
    """What L-BFGS remembers of flat vectors, one a row: variables, or what they hold."""

    loss: Any  # [F]
    length: Any  # [F] of the step that is tried
    descent: Any  # [F] slope along the direction
    base: Any  # [F, n]
    slope: Any  # [F, n] at the base
    direction: Any  # [F, n]
    inverse: Any  # [memory, F] of move · turn, 0 where there is none yet
    scale: Any  # [F] of a direction: the newest inverse curvature, 0 where there is none yet
    # The last moves of the base and how the slope turned with each, newest first. A tensor each, because handing one on
    # is free, and writing a row of a matrix makes every later reading of it a copy.
    moves: tuple[Any, ...]  # [F, n] each
    turns: tuple[Any, ...]  # [F, n] each

    @classmethod
    def kept(cls, fits: int, memory: int) -> "_State":
        """Of variables, which hold vectors of any length."""
        one, vector = (fits,), (fits, None)
        names = {"loss": one, "length": one, "descent": one, "base": vector, "slope": vector, "direction": vector}
        names |= {"inverse": (memory, fits), "scale": one}
        moves, turns = ([_kept(name, *vector) for _ in range(memory)] for name in ("move", "turn"))
        return cls._make([*(_kept(name, *shape) for name, shape in names.items()), tuple(moves), tuple(turns)])

    @classmethod
    def of(cls, flat: Sequence[Any]) -> "_State":
        """The inverse of `flat`."""
        single = len(cls._fields) - 2
        memory = (len(flat) - single) // 2
        return cls._make([*flat[:single], tuple(flat[single : single + memory]), tuple(flat[single + memory :])])

    def flat(self) -> list[Any]:
        """All of them, in order."""
        return [*self[:-2], *self.moves, *self.turns]


class _Point(NamedTuple):
    """Where the variables are."""

    here: tf.Tensor  # [F, n]
    slope: tf.Tensor  # [F, n]
    loss: tf.Tensor  # [F]


@cache
def _judge(memory: int, large: bool) -> Any:
    """The function that judges a point: one for vectors of any length, so that it is traced once a process."""
    one, vector, vectors = tf.TensorSpec([None]), tf.TensorSpec([None, None]), (tf.TensorSpec([None, None]),) * memory
    state = _State(one, one, one, vector, vector, vector, tf.TensorSpec([memory, None]), one, vectors, vectors)
    signature = (state, _Point(vector, vector, one), tf.TensorSpec([], tf.bool))
    return tf.function(_Judge(large).judged, signature, autograph=False)


class _Judge:
    """What becomes of a state."""

    def __init__(self, large: bool) -> None:
        self.large = large

    def judged(self, state: _State, point: _Point, fresh: tf.Tensor) -> _State:
        """Go on from the point where it is low enough, remembering nothing older when `fresh`; else try half as far."""
        state = tf.cond(fresh, lambda: self._nothing(state, point), lambda: state)
        taken = fresh | (point.loss <= state.loss + 1e-4 * state.length * state.descent)
        state = state._replace(length=0.5 * state.length)
        return tf.cond(tf.reduce_any(taken), lambda: self._accepted(state, point, taken, fresh), lambda: state)

    def _nothing(self, state: _State, point: _Point) -> _State:
        """No memory yet; whatever was remembered may be as long as it was."""
        one, vector = tf.zeros_like(point.loss), tf.zeros_like(point.here)
        vectors = (vector,) * len(state.moves)
        return _State(one, one, one, vector, vector, vector, tf.zeros_like(state.inverse), one, vectors, vectors)

    def _accepted(self, state: _State, point: _Point, taken: tf.Tensor, fresh: tf.Tensor) -> _State:
        move, turn = point.here - state.base, point.slope - state.slope
        curvature = self._dot(move, turn)
        kept = taken & ~fresh & (curvature > 1e-10)
        inverse = tf.where(kept, 1.0 / curvature, 0.0)
        state = tf.cond(tf.reduce_any(kept), lambda: self._remembering(state, move, turn, inverse), lambda: state)
        direction = self._direction(state, point.slope)
        first = 1.0 / tf.maximum(tf.norm(point.slope, axis=1), 1e-9)
        length = tf.where(state.scale > 0.0, 1.0, first)
        new = (point.loss, length, self._dot(point.slope, direction), point.here, point.slope, direction)
        old = (state.loss, state.length, state.descent, state.base, state.slope, state.direction)

        def some() -> tuple[tf.Tensor, ...]:
            rows = {1: taken, 2: tf.expand_dims(taken, 1)}
            return tuple(tf.where(rows[len(one.shape)], one, other) for one, other in zip(new, old, strict=True))

        # Where all take the step, nothing is to be copied.
        loss, length, descent, base, slope, direction = tf.cond(tf.reduce_all(taken), lambda: new, some)
        changed = {"loss": loss, "length": length, "descent": descent, "base": base, "slope": slope}
        return state._replace(**changed, direction=direction)

    def _remembering(self, state: _State, move: tf.Tensor, turn: tf.Tensor, inverse: tf.Tensor) -> _State:
        """Where a row has nothing to remember, a place without any say goes in for it."""
        scale = tf.math.divide_no_nan(1.0, inverse * self._dot(turn, turn))
        return state._replace(
            moves=(move, *state.moves[:-1]),
            turns=(turn, *state.turns[:-1]),
            inverse=tf.concat([tf.expand_dims(inverse, 0), state.inverse[:-1]], 0),
            scale=tf.where(inverse > 0.0, scale, state.scale),
        )

    def _direction(self, state: _State, slope: tf.Tensor) -> tf.Tensor:
        """Minus the slope times the remembered inverse curvature: the two-loop recursion."""
        inverses = tf.unstack(state.inverse, num=len(state.moves))
        remembered = list(zip(state.moves, state.turns, inverses, strict=True))
        result, shares = slope, []
        for move, turn, inverse in remembered:
            shares.append(inverse * self._dot(move, result))
            result -= tf.expand_dims(shares[-1], 1) * turn
        result *= tf.expand_dims(tf.where(state.scale > 0.0, state.scale, 1.0), 1)
        for (move, turn, inverse), share in zip(reversed(remembered), reversed(shares), strict=True):
            result += tf.expand_dims(share - inverse * self._dot(turn, result), 1) * move
        return -result

    def _dot(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Of each row, [F]."""
        if not self.large:
            return tf.reduce_sum(a * b, axis=1)
        return tf.reshape(tf.matmul(tf.expand_dims(a, 1), tf.expand_dims(b, 2)), [-1])  # without vectors of products
