"""Exporters: which models of a training are exported while it goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .estimator import Estimator, ServingInputFn
from .exports import keep_newest

Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Goal:
    """What makes one evaluation better than another: less of `metric`, or more of it."""

    metric: str = "loss"
    higher_is_better: bool = False

    def better(self, one: Metrics, other: Metrics, by: float = 0.0) -> bool:
        """Whether `one` is better by more than `by`; KeyError names the metrics if the wanted one is not there."""
        for found in (one, other):
            if self.metric not in found:
                raise KeyError(f"no metric is called {self.metric!r}; there are: {', '.join(found)}")
        gain = one[self.metric] - other[self.metric]
        return (gain if self.higher_is_better else -gain) > by


@dataclass(frozen=True)
class Exporter:
    """Exports to `model_dir/export/<name>/<number>`, and keeps the newest `keep` of them (None for all).

    By default after each evaluation; `wants` may choose. One that is `final` is asked once, after the training.
    """

    name: str
    serving_input_fn: ServingInputFn
    assets: Mapping[str, Path | str] = field(default_factory=dict)
    keep: int | None = 5
    final: ClassVar[bool] = False

    def wants(self, evaluations: Sequence[Metrics]) -> bool:
        """Whether to export the model of the last of these evaluations."""
        return bool(evaluations)

    def export(self, estimator: Estimator, checkpoint: str) -> Path:
        """Export the model of a checkpoint, whatever `wants` says."""
        base = estimator.model_dir / "export" / self.name
        written = estimator.export_saved_model(
            base, self.serving_input_fn, assets=self.assets, checkpoint_path=checkpoint
        )
        keep_newest(base, self.keep)
        return written


class LatestExporter(Exporter):
    """Exports after each evaluation."""


@dataclass(frozen=True)
class BestExporter(Exporter):
    """Exports when an evaluation is better than all before."""

    goal: Goal = field(default_factory=Goal)

    def wants(self, evaluations: Sequence[Metrics]) -> bool:
        """The first, and those that are better than all earlier ones."""
        *earlier, found = evaluations
        return all(self.goal.better(found, other) for other in earlier)


class FinalExporter(Exporter):
    """Exports once, when the training is over."""

    final: ClassVar[bool] = True
