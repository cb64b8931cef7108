"""What an input function gives: a dataset, or tensors that are another batch each time they are run.

A dataset is iterated as it is. Tensors (constants, or what an iterator's `get_next()` gave) only mean something in a
graph: there the function is called once more, and a session runs them batch by batch.
"""

import functools
import inspect
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import tensorflow as tf

from .summaries import Noted, of_input

log = logging.getLogger(__name__)

InputFn = Callable[..., Any]


class NoSession:
    """In place of a session where there is none."""

    def run(self, *given: Any, **named: Any) -> Any:
        """Say what to do instead."""
        raise RuntimeError(
            "there is no session: fetch tensors of the model by before_run, and give input as tensors if it has "
            f"something to initialise ({len(given) + len(named)} things were to be run)"
        )


class DatasetInput:
    """A dataset, parted between replicas if there are several."""

    session: Any = NoSession()
    shown: Mapping[str, Any] = {}

    def __init__(self, dataset: tf.data.Dataset, strategy: Any, *, saved: bool = False) -> None:
        self._dataset, self._strategy = dataset, strategy
        self._saved = saved and strategy is None
        self._iterator: Any = None
        self.consumed = 0
        self.noted: Mapping[str, Noted] = {}
        self.spec = self._spread(dataset).element_spec

    def elements(self, most: int | None = None, place: Path | None = None) -> Iterator[Any]:
        """At most so many, from where it was when `place` was saved. What was consumed may have to be made again."""
        self.consumed = skip = _consumed(place)
        if not self._saved:
            dataset = self._dataset.skip(skip).take(-1 if most is None else most)
            yield from self._counted(self._spread(dataset))
            return
        if place is not None and self._restored(place):
            skip = 0
        else:
            self._iterator = iter(self._dataset)
        if skip:
            log.info("%d batches that earlier steps consumed are made again, to be skipped", skip)
        yield from self._counted(islice(self._iterator, skip, None if most is None else skip + most))

    def save(self, place: Path) -> None:
        """Write how far it has come, by the iterator's state if that can tell."""
        if self._saved and self._iterator is not None:
            try:
                tf.train.Checkpoint(input=self._iterator).write(str(place))
            except tf.errors.OpError as error:  # an input in Python, most of all
                self._saved = False
                log.info("the state of the input cannot be saved: a training that is resumed makes it again")
                log.debug("%s", error.message)
        _write_consumed(place, self.consumed)

    def close(self) -> None:
        """Let go of the iterator."""
        self._iterator = None

    def _counted(self, elements: Iterable[Any]) -> Iterator[Any]:
        for element in elements:
            self.consumed += 1
            yield element

    def _spread(self, dataset: tf.data.Dataset) -> Any:
        return dataset if self._strategy is None else self._strategy.experimental_distribute_dataset(dataset)

    def _restored(self, place: Path) -> bool:
        self._iterator = iter(self._dataset)
        if not place.with_name(f"{place.name}.index").exists():
            return False
        try:
            tf.train.Checkpoint(input=self._iterator).read(str(place)).assert_consumed()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            log.info("the input is another one than the one whose state was saved: %s", error)
            self._iterator = iter(self._dataset)
            return False
        return True


class SessionInput:
    """Tensors in a graph of their own, run batch by batch."""

    def __init__(self, input_fn: Callable[[], Any], seed: int | None) -> None:
        self.graph = tf.Graph()
        with self.graph.as_default(), of_input() as noted:
            if seed is not None:
                tf.compat.v1.set_random_seed(seed)
            self._element = _tensors(input_fn())
            self._begin = [
                tf.compat.v1.global_variables_initializer(),
                tf.compat.v1.local_variables_initializer(),
                tf.compat.v1.tables_initializer(),
            ]
        self.noted: Mapping[str, Noted] = noted
        self.shown: Mapping[str, Any] = {}
        self.consumed = 0
        self.spec = tf.nest.map_structure(_spec, self._element)
        # What is put together here is used by the processors; the session is not to take a GPU's memory for it.
        self.session = tf.compat.v1.Session(graph=self.graph, config=tf.compat.v1.ConfigProto(device_count={"GPU": 0}))
        self.session.run(self._begin)
        self._coordinator = tf.compat.v1.train.Coordinator()
        self._threads: list[Any] = []
        if self.graph.get_collection(tf.compat.v1.GraphKeys.QUEUE_RUNNERS):
            with self.graph.as_default():
                self._threads = tf.compat.v1.train.start_queue_runners(self.session, self._coordinator)

    def elements(self, most: int | None = None, place: Path | None = None) -> Iterator[Any]:
        """At most so many, from where it was when `place` was saved; what was consumed is made again."""
        self.consumed = 0
        skip, shown = _consumed(place), {tag: one.tensor for tag, one in self.noted.items()}
        specs = tf.nest.flatten(self.spec, expand_composites=True)
        fetched = tf.nest.flatten(self._element, expand_composites=True)
        while most is None or self.consumed < skip + most:
            try:
                arrays, self.shown = self.session.run((fetched, shown))
            except tf.errors.OutOfRangeError:
                return
            self.consumed += 1
            if self.consumed > skip:
                made = [tf.convert_to_tensor(array, one.dtype) for array, one in zip(arrays, specs, strict=True)]
                yield tf.nest.pack_sequence_as(self.spec, made, expand_composites=True)

    def save(self, place: Path) -> None:
        """Write how far it has come."""
        _write_consumed(place, self.consumed)

    def close(self) -> None:
        """End the session and what feeds it."""
        self._coordinator.request_stop()
        self.session.close()


Input = DatasetInput | SessionInput


def _consumed(place: Path | None) -> int:
    file = None if place is None else place.with_name(f"{place.name}.json")
    return int(json.loads(file.read_text(encoding="utf-8"))["consumed"]) if file and file.exists() else 0


def _write_consumed(place: Path, consumed: int) -> None:
    aside = place.with_name(f"{place.name}.part")
    aside.write_text(json.dumps({"consumed": consumed}), encoding="utf-8")
    aside.replace(place.with_name(f"{place.name}.json"))


def pair_of(given: Any) -> Any:
    """Features, or (features, labels): as they are, without labels where there are none. ValueError for others."""
    if not isinstance(given, tuple | list):
        return given
    if len(given) != 2:
        raise ValueError(
            f"an input gives features, or features and labels, not {len(given)} things: put what else there is, such "
            "as weights, among the features"
        )
    features, labels = given
    return features if labels is None else (features, labels)


def asked_of(function: Callable[..., Any]) -> set[str] | None:
    """The names of its arguments, without those that a `functools.partial` has bound; None where it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    bound: set[str] = set()
    while isinstance(function, functools.partial):
        bound |= function.keywords.keys()
        function = function.func
    return {one.name for one in parameters if one.kind is not one.VAR_POSITIONAL} - bound


def read(input_fn: InputFn, given: Mapping[str, Any], strategy: Any, seed: int | None, *, saved: bool) -> Input:
    """What the function gives when it is called with those of `given` that it asks for."""
    if not callable(input_fn):
        raise TypeError(f"input_fn must be a function that gives the input, not {type(input_fn).__name__} itself")
    asks = asked_of(input_fn) or ()
    chosen = {name: value for name, value in given.items() if name in asks}

    def call() -> Any:
        found = input_fn(**chosen)
        _check(found)
        return found

    try:
        with of_input():
            found = call()
    except tf.errors.OutOfRangeError:
        return SessionInput(call, seed)  # tensors of an empty dataset
    except RuntimeError as error:
        # What TensorFlow refuses outside a graph, such as placeholders and iterators to initialise.
        if "eager" not in str(error):
            raise
        return SessionInput(call, seed)
    if isinstance(found, tf.data.Dataset):
        return DatasetInput(found, strategy, saved=saved)
    return SessionInput(call, seed)


def _check(found: Any) -> None:
    if isinstance(found, tf.data.Dataset):
        if isinstance(found.element_spec, tuple):
            pair_of(found.element_spec)
        return
    flat = tf.nest.flatten(pair_of(found))
    wrong = sorted({type(one).__name__ for one in flat if not tf.is_tensor(one)})
    if wrong or not flat:
        nested = isinstance(found, tuple | list | Mapping)
        told = f"a {type(found).__name__} of {', '.join(wrong) or 'nothing'}" if nested else type(found).__name__
        raise TypeError(
            f"input_fn must give a tf.data.Dataset, or tensors: features, or (features, labels). It gave {told}"
        )


def _tensors(found: Any) -> Any:
    """Those that are to be run, of what an input function gives in a graph."""
    if isinstance(found, tf.data.Dataset):
        iterator = tf.compat.v1.data.make_initializable_iterator(found)
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS, iterator.initializer)
        found = iterator.get_next()
    return pair_of(found)


def _spec(given: Any) -> Any:
    return tf.TensorSpec(given.shape, given.dtype) if isinstance(given, tf.Tensor) else tf.type_spec_from_value(given)
