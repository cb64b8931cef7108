"""What changed between two versions, document by document: their answers to the same held-out documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from annotator.items import Change, changed, items_of
from annotator.spans import Schema
from trainer import store
from trainer.models import ModelVersion


class NotKept(Exception):
    """A version was made before answers were kept, or held out nothing."""

    def __init__(self, version: ModelVersion) -> None:
        super().__init__(f"Version {version.number} has no answers to held-out documents.")
        self.version = version


@dataclass(frozen=True)
class Comparison:
    """Changes by external id, for documents that have any; ``asked`` counts the documents both were asked about."""

    asked: int
    changes: Mapping[str, list[Change]]

    @property
    def labels(self) -> list[str]:
        return sorted({label for changes in self.changes.values() for one in changes for label in one.labels})

    def only(self, label: str) -> Comparison:
        """What concerns one label."""
        kept = {key: [one for one in changes if label in one.labels] for key, changes in self.changes.items()}
        return Comparison(self.asked, {key: changes for key, changes in kept.items() if changes})


def compare(before: ModelVersion, after: ModelVersion) -> Comparison:
    """Raises NotKept where one of them has nothing to compare."""
    old, new = answers(before), answers(after)
    both = [key for key in new if key in old]
    changes = {key: changed(items_of(old[key]), items_of(new[key])) for key in both}
    return Comparison(len(both), {key: found for key, found in changes.items() if found})


def answers(version: ModelVersion) -> dict[str, dict[str, Any]]:
    """A version's answers to its held-out documents, by external id, in the names that labels have today.

    Needs the tenant's scope.
    """
    path = store.version_dir(version.tenant_id, version.project_id, version.number)
    lines = store.held_out(path, version.manifest_sha256)
    if lines is None:
        raise NotKept(version)
    today = Schema.of(version.project).names.answer
    return {line["id"]: dict(today(line)) for line in map(orjson.loads, lines.splitlines())}
