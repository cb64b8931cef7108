"""Hot models in a suggest worker's child: loaded once, verified before, the least used dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import structlog

from annotator import queue, suggestions
from annotator.models import Document, Project, Tenant
from annotator.tenancy import tenant_scope
from trainer import runs, store
from trainer.models import ModelVersion

log = structlog.get_logger(__name__)

HOT = 8  # models in memory
HEAD = 100  # documents ahead of the annotators that have suggestions ready
BATCH = 64
RANKED = 16  # documents a task: a text from outside waits behind one

_hot: OrderedDict[tuple[int, int, int], Any] = OrderedDict()


def warm_up() -> None:
    """Import what models need, which takes seconds."""
    import trainer.ml.predictor
    import trainer.ml.training  # noqa: F401


def predictor(version: ModelVersion) -> Any:
    """The version's predictor; raises store.Tampered if its bytes are not those that were published."""
    key = (version.tenant_id, version.project_id, version.number)
    if key not in _hot:
        from trainer.ml.predictor import load

        path = store.version_dir(*key)
        store.verify(path, version.manifest_sha256)
        _hot[key] = load(path)
        while len(_hot) > HOT:
            _hot.popitem(last=False)
    _hot.move_to_end(key)
    return _hot[key]


def refresh(tenant: Tenant, project_id: int) -> int:
    """Make suggestions of the live version for the documents that people have open or will meet next."""
    done = 0
    while True:
        with tenant_scope(tenant):
            version = _live(project_id)
            if version is None:
                return done
            missing = suggestions.unseen(version.project, version.number, queue.head(version.project, HEAD))[:BATCH]
        if not missing:
            return done
        done += suggest(tenant, project_id, missing)


def suggest(tenant: Tenant, project_id: int, document_ids: Sequence[int]) -> int:
    """Record what the live version is sure enough of to suggest for these documents; held-out ones stay blind."""
    with tenant_scope(tenant):
        version = _live(project_id)
        documents = list(Document.objects.filter(project=project_id, pk__in=document_ids, split=Document.Split.POOL))
    if version is None or not documents:
        return 0
    answers = predictor(version).suggest([document.text for document in documents])
    with tenant_scope(tenant):
        pairs = zip((document.pk for document in documents), answers, strict=True)
        return suggestions.record(version.project, version.number, pairs)


def rank(tenant: Tenant, project_id: int, number: int, after: float) -> float | None:
    """Give the next documents of the pool, in shuffled order, their new priority; returns where to go on.

    None when the pool is done or the version is no longer live: another one ranks then.
    """
    with tenant_scope(tenant):
        version = _live(project_id)
        if version is None or version.number != number:
            return None
        waiting = Document.objects.filter(
            project=project_id, split=Document.Split.POOL, free_slots__gt=0, shuffle__gt=after
        ).order_by("shuffle")[:RANKED]
        documents = list(waiting)
    if not documents:
        return None
    answers = predictor(version)([document.text for document in documents])
    with tenant_scope(tenant):
        queue.prioritise({d.pk: float(a["uncertainty"]) for d, a in zip(documents, answers, strict=True)})
    return documents[-1].shuffle if len(documents) == RANKED else None


def predict(tenant: Tenant, version_id: int, texts: Sequence[str]) -> list[dict[str, Any]]:
    """What one version is sure enough of to suggest for texts from outside."""
    with tenant_scope(tenant):
        version = ModelVersion.objects.get(pk=version_id)
    answers: list[dict[str, Any]] = predictor(version).suggest(texts)
    return answers


def _live(project_id: int) -> ModelVersion | None:
    project = Project.objects.filter(pk=project_id).first()
    return runs.live_version(project) if project else None
