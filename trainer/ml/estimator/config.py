"""How to run, as opposed to what."""

import functools
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tensorflow as tf

log = logging.getLogger(__name__)

SECONDS = 60.0  # between checkpoints, where nothing is said about them
PRECISIONS = ("float32", "float64", "mixed_float16", "mixed_bfloat16")


class _ByDefault(float):
    """A number that nobody gave, and that gives way to what somebody does."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """How an Estimator runs; ValueError names what cannot be.

    model_dir              where, if the Estimator is not told itself
    seed                   of initial values, of Keras' random layers and of TensorFlow's random operations; None where
                           a model has no chance in it: to set a seed makes TensorFlow forget kernels that are needed
    save_checkpoints_steps a checkpoint each so many steps; if None, by time
    save_checkpoints_secs  a checkpoint when so many seconds have passed since the last, 60 by default; if both are
                           None, only at the end
    keep_checkpoint_max    how many of the newest checkpoints stay; None for all
    save_input             keep with a checkpoint how far the input has come, if it can tell, so that a training that
                           is resumed need not make again what was consumed. What an input shuffles is kept, too
    save_summary_steps     loss, steps a second and the model's summaries each so many steps, and the graph once; None
                           for never
    threads                of one operation and between operations; None for TensorFlow's choice
    devices                such as ("GPU:0", "GPU:1"): one is used alone, several hold a copy of the model each
    strategy               a tf.distribute strategy of your own, in place of `devices`
    precision              Keras' dtype policy for layers made inside the model function, such as "mixed_float16";
                           None for the policy that is set
    gpu_memory_growth      take the memory of GPUs as it is needed, not all at once
    graphs_as_traced       see `keep_graphs_as_traced`
    traced_for             from the specs of an input to those of all inputs that one program is to take, with shapes
                           that leave more open; None for a program for each form of input
    """

    model_dir: Path | str | None = None
    seed: int | None = 0
    save_checkpoints_steps: int | None = None
    save_checkpoints_secs: float | None = _ByDefault(SECONDS)
    keep_checkpoint_max: int | None = 2
    save_input: bool = True
    save_summary_steps: int | None = 100
    threads: int | None = None
    devices: Sequence[str] = ()
    strategy: Any = None
    precision: str | None = None
    gpu_memory_growth: bool = True
    graphs_as_traced: bool = False
    traced_for: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        for name in ("save_checkpoints_steps", "keep_checkpoint_max", "save_summary_steps", "threads"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} must be a whole number from 1 on or None, not {value!r}")
        if self.save_checkpoints_steps is not None and self.save_checkpoints_secs is not None:
            if not isinstance(self.save_checkpoints_secs, _ByDefault):
                raise ValueError("give save_checkpoints_steps or save_checkpoints_secs, not both")
            object.__setattr__(self, "save_checkpoints_secs", None)
        if self.save_checkpoints_secs is not None and self.save_checkpoints_secs < 0:
            raise ValueError(f"save_checkpoints_secs must not be negative: {self.save_checkpoints_secs}")
        if self.precision not in (None, *PRECISIONS):
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}")
        if self.strategy is not None and self.devices:
            raise ValueError("give devices or a strategy, not both")

    def replace(self, **changes: Any) -> "RunConfig":
        """The same with changes; one way of saving takes the place of the other."""
        ways = {"save_checkpoints_steps", "save_checkpoints_secs"}
        if ways & changes.keys():
            changes = {**dict.fromkeys(ways), **changes}
        return replace(self, **changes)


def strategy_of(config: RunConfig) -> Any:
    """The strategy that the configuration asks for, or None to run where TensorFlow runs by itself."""
    if config.strategy is not None or not config.devices:
        return config.strategy
    return _strategy_for(tuple(config.devices))


@functools.cache
def _strategy_for(devices: tuple[str, ...]) -> Any:
    # One for all Estimators: each strategy numbers its sums over the devices from the first, and two would mix them up.
    if len(devices) == 1:
        return tf.distribute.OneDeviceStrategy(devices[0])
    return tf.distribute.MirroredStrategy(list(devices))


def keep_graphs_as_traced() -> None:
    """From now on, TensorFlow runs graphs in this process as they are, without rewriting them first.

    Before its first run a graph of some thousand operations is looked at for half a second. That pays where a graph
    runs for long, most of all on a GPU, and not where it is made for a few seconds' work or an answer now and then.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def prepare(config: RunConfig) -> None:
    """Settings of the whole process: they can only be made before TensorFlow runs its first operation."""
    if config.gpu_memory_growth:
        for gpu in tf.config.list_physical_devices("GPU"):
            try:
                tf.config.experimental.set_memory_growth(gpu, True)
            except RuntimeError:
                log.warning("%s was in use before its memory could be told to grow as needed", gpu.name)
    if config.graphs_as_traced:
        keep_graphs_as_traced()
    if config.threads is None:
        return
    for kind in ("intra", "inter"):
        now = getattr(tf.config.threading, f"get_{kind}_op_parallelism_threads")()
        if now == config.threads:
            continue
        try:
            getattr(tf.config.threading, f"set_{kind}_op_parallelism_threads")(config.threads)
        except RuntimeError as error:
            raise RuntimeError(
                f"TensorFlow runs with other threads than the {config.threads} of the RunConfig already: make the "
                "Estimator before anything else uses TensorFlow"
            ) from error
