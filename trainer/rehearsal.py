"""A training that nobody sees, ahead of the run that people wait for.

What takes a small run its time is not to learn but to trace the programs that do. A fresh child traces them on what is
labelled so far, while people label what makes the next run due. That run then finds them, and for a first version the
graph of an export, too.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from annotator import disk, snapshot
from annotator.models import Job, Project, Tenant
from annotator.spans import Schema
from annotator.tenancy import tenant_scope
from trainer import predict, runs, store
from trainer.celery import client
from trainer.models import ModelVersion
from trainer.queues import REHEARSE, overtaken

log = structlog.get_logger(__name__)

LOOKS_SECONDS = 0.2  # how often it is asked whether a run waits
POOL_BYTES = 500_000  # of the project's texts: nothing need be learnt from them

_exports: dict[predict.Owner, tuple[Path, str]] = {}  # what rehearsals of this process exported, and their manifests


class GivesWay(Exception):
    """A run waits."""


def rehearse(tenant: Tenant, project_id: int) -> None:
    """Trace what the project's next run will need, unless this process has it or a run waits.

    Not where texts would have to be encoded for it, which takes much longer than to trace.
    """
    owner = (tenant.pk, project_id)
    if predict.is_traced(*owner) or settings.ENCODER_DIR is not None or disk.is_full():
        return
    with tenant_scope(tenant):
        project = Project.objects.filter(pk=project_id).first()
        live = runs.live_version(project) if project is not None else None
    if project is None:
        return
    forget(*owner)
    began = timezone.now()
    work = store.rehearsal_dir(*owner) / "work"
    try:
        found = _trained(tenant, project, work, _graph_of(live))
        if live is None:
            path = work.with_name("export")
            _exports[owner] = path, store.publish(found, path)
    except GivesWay:
        log.info("rehearsal_gives_way", project=project_id)
    except (ValueError, OSError) as error:  # what there is cannot be learnt from yet, or there is no room
        log.info("rehearsal_ends", project=project_id, reason=str(error))
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if _deleted_since(tenant, project, began):
            forget(*owner)


def export_of(tenant_id: int, project_id: int) -> Path | None:
    """What was exported in a rehearsal by this process, as it was then; a first version may have the same graph."""
    found = _exports.get((tenant_id, project_id))
    return store.intact(*found) if found else None


def forget(tenant_id: int, project_id: int) -> None:
    """Keep nothing of the last rehearsal but what it has traced."""
    _exports.pop((tenant_id, project_id), None)
    folder = store.rehearsal_dir(tenant_id, project_id)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()  # of a project that is gone


def _deleted_since(tenant: Tenant, project: Project, moment: datetime) -> bool:
    """Whether anything of the project was, or is about to be: no deletion waits for a rehearsal."""
    with tenant_scope(tenant):
        deletions = Job.objects.filter(project=project, kind=Job.Kind.DELETE)
        late = deletions.filter(Q(finished_at=None) | Q(finished_at__gte=moment))
        return late.exists() or not Project.objects.filter(pk=project.pk).exists()


def _graph_of(live: ModelVersion | None) -> Path | None:
    """Have the live version loaded, which the run will judge beside its own, and say where its graph is."""
    if live is None:
        return None
    with suppress(store.Tampered):
        predict.predictor(live)
    return store.intact(store.version_dir(live.tenant_id, live.project_id, live.number), live.manifest_sha256)


def _trained(tenant: Tenant, project: Project, work: Path, previous: Path | None) -> Path:
    """An export of a training on the lines and texts that a run would have now."""
    from trainer.ml.training import train

    work.mkdir(parents=True)
    lines, pool = work / "snapshot.jsonl", work / "pool.jsonl"
    with tenant_scope(tenant):
        snapshot.write_texts(project, pool, POOL_BYTES)
        snapshot.write(project, lines)
        schema = Schema.of(project).as_json()
    owner = (tenant.pk, project.pk)
    result = train(
        lines,
        work / "model",
        pool=pool,
        schema=schema,
        previous=previous,
        graphs=predict.graphs(*owner),
        traced=predict.traced(*owner),
        on_progress=_giving_way(),
    )
    return Path(result["export"])


def _giving_way() -> Any:
    """What to tell progress to: ends the rehearsal where a run waits."""
    looked = time.monotonic()

    def look(_: dict[str, Any]) -> None:
        nonlocal looked
        if time.monotonic() - looked > LOOKS_SECONDS:
            looked = time.monotonic()
            with suppress(redis.RedisError):
                if overtaken(client(), REHEARSE):
                    raise GivesWay

    return look
