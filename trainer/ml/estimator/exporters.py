"""Exporters: which models of a training are exported while it goes on."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from .checkpoints import step_of
from .estimator import Estimator, ServingInputFn
from .exports import keep_newest, numbered_exports

Metrics = Mapping[str, float]
STEPS = "steps.json"


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
    """Exports to `model_dir/export/<name>/<time>`, and keeps the newest `keep` of them (None for all).

    `steps.json` beside them tells of which step each is. By default it is asked after each evaluation, and `wants` may
    choose. One that is `final` is asked once, after the training.
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
        steps = self._steps(base) | {written.name: step_of(checkpoint)}
        aside = base / f".{STEPS}"
        aside.write_text(json.dumps({name: steps[name] for name in steps if (base / name).exists()}), encoding="utf-8")
        aside.replace(base / STEPS)
        return written

    def exported(self, estimator: Estimator, checkpoint: str) -> Path | None:
        """The newest export, if it is of this checkpoint."""
        base = estimator.model_dir / "export" / self.name
        newest = next(reversed(numbered_exports(base)), None)
        if newest is None or self._steps(base).get(newest.name) != step_of(checkpoint):
            return None
        return newest

    @staticmethod
    def _steps(base: Path) -> dict[str, int]:
        file = base / STEPS
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


class LatestExporter(Exporter):
    """Exports after each evaluation."""


@dataclass(frozen=True)
class BestExporter(Exporter):
    """Exports when an evaluation is better than all before: by its goal or, if given, by `compare_fn`.

    That is called with `best_eval_result` and `current_eval_result`, and answers whether the latter is better.
    """

    goal: Goal = field(default_factory=Goal)
    compare_fn: Callable[..., bool] | None = None

    def wants(self, evaluations: Sequence[Metrics]) -> bool:
        """The first, and those that are better than all earlier ones."""
        *earlier, found = evaluations
        return all(self._better(found, other) for other in earlier)

    def _better(self, found: Metrics, other: Metrics) -> bool:
        if self.compare_fn is None:
            return self.goal.better(found, other)
        return bool(self.compare_fn(best_eval_result=other, current_eval_result=found))


class FinalExporter(Exporter):
    """Exports once, when the training is over; not again where its checkpoint has been exported already."""

    final: ClassVar[bool] = True

    def export(self, estimator: Estimator, checkpoint: str) -> Path:
        """Export the model of a checkpoint, unless the newest export is of it."""
        return self.exported(estimator, checkpoint) or super().export(estimator, checkpoint)
