"""Hot models in a worker's child: loaded once, verified before, one a project, the least used dropped first."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any

import structlog
from django.conf import settings

from annotator import queue, suggestions
from annotator.models import Document, Project, Tenant
from annotator.tenancy import tenant_scope
from trainer import encoding, runs, store
from trainer.models import ModelVersion

log = structlog.get_logger(__name__)

HOT = 8  # models in memory
TRAINED = 2  # projects whose trainings find what the last one has traced; each takes two hundred megabytes
OPEN, OPEN_CHARACTERS = 64, 100_000  # of the documents that people have open, for the first suggestions of a version
HEAD = 100  # documents ahead of the annotators that have suggestions ready
# At most so much a task, for somebody's text may wait behind it.
BATCH = 16  # documents
BATCH_CHARACTERS = 20_000  # in all, unless one alone is longer
ENCODED_CHARACTERS = 4_000  # the same where texts may have to be encoded first, which takes a thousand times as long

Owner = tuple[int, int]  # a tenant and its project

_hot: OrderedDict[tuple[int, int, int], Any] = OrderedDict()
_graphs: dict[Owner, Any] = {}  # of each project: its versions mostly differ in numbers alone
_traced: OrderedDict[Owner, Any] = OrderedDict()  # of each project that was trained here of late


def warm_up() -> None:
    """Import what models need, which takes seconds."""
    import trainer.ml.predictor
    import trainer.ml.training  # noqa: F401
    from trainer.ml.garbage import look_rarely

    encoding.warm_up()
    gc.freeze()  # none of it is ever garbage: to look for that is quick then
    look_rarely()


def predictor(version: ModelVersion) -> Any:
    """The version's predictor.

    Raises store.Tampered if its bytes are not those that were published, and encoding.Problem if it was trained with an
    encoder that cannot be used; where there is another one or none by now, a run begins.
    """
    key = (version.tenant_id, version.project_id, version.number)
    if key not in _hot:
        from trainer.ml.predictor import load

        path = store.version_dir(*key)
        store.verify(path, version.manifest_sha256)
        owner = key[:2]
        try:
            keep(version, load(path, graphs(*owner), encoding.of(*owner)))
        except encoding.Wrong:
            runs.learn_anew(version)
            raise
    _hot.move_to_end(key)
    return _hot[key]


def graphs(tenant_id: int, project_id: int) -> Any:
    """The loaded graphs of a project, which hold its labels: no tenant's are another's, however much they are alike."""
    from trainer.ml.predictor import Graphs

    return _graphs.setdefault((tenant_id, project_id), Graphs())


def traced(tenant_id: int, project_id: int) -> Any:
    """What the last training of a project has traced here, for the next one of it and for nobody else's."""
    from trainer.ml.traced import Traced

    found = _traced.setdefault((tenant_id, project_id), Traced())
    _traced.move_to_end((tenant_id, project_id))
    while len(_traced) > TRAINED:
        _traced.popitem(last=False)
    return found


def is_traced(tenant_id: int, project_id: int) -> bool:
    """Whether a training of the project has traced its programs here."""
    found = _traced.get((tenant_id, project_id))
    return found is not None and bool(found.anything)


def keep(version: ModelVersion, model: Any) -> None:
    """Have a loaded model at hand. The one of its project that was makes way for it: while people label, a version
    follows the other within minutes, and each takes a hundred megabytes."""
    for key in [key for key in _hot if key[:2] == (version.tenant_id, version.project_id)]:
        del _hot[key]
        gc.collect()  # its graphs hold one another
    _hot[version.tenant_id, version.project_id, version.number] = model
    while len(_hot) > HOT:
        _hot.popitem(last=False)
    for owner in _graphs.keys() - {hot[:2] for hot in _hot} - _traced.keys():
        del _graphs[owner]


def refresh(tenant: Tenant, project_id: int) -> int:
    """Make suggestions of the live version for some documents that people have open or will meet next; how many."""
    with tenant_scope(tenant):
        version = _live(project_id)
        if version is None:
            return 0
        missing = suggestions.unseen(version.project, version.number, queue.head(version.project, HEAD))[:BATCH]
        some = portion(_in_order(missing))
    return suggest(tenant, project_id, [document.pk for document in some]) if some else 0


def suggest(tenant: Tenant, project_id: int, document_ids: Sequence[int]) -> int:
    """Record what the live version is sure enough of to suggest for these documents.

    Held-out ones stay blind: they are read as the others are, so that nobody can tell them by how long it takes, and
    whatever the version says of them is forgotten at once.
    """
    with tenant_scope(tenant):
        version = _live(project_id)
        documents = list(Document.objects.filter(project=project_id, pk__in=document_ids))
    if version is None or not documents:
        return 0
    predictions = suggested(predictor(version), documents)
    with tenant_scope(tenant):
        return suggestions.record(version.project, version.number, predictions)


def suggested(model: Any, documents: Sequence[Document]) -> list[tuple[int, suggestions.Prediction]]:
    """What a loaded model suggests, by document, as it goes into the ledger."""
    answers = model.suggest([document.text for document in documents])
    return [
        (document.pk, answer if document.split == Document.Split.POOL else suggestions.NOTHING)
        for document, answer in zip(documents, answers, strict=True)
    ]


def opened(project: Project) -> list[Document]:
    """The documents that people have open: a new version's first suggestions are for these."""
    return portion(_in_order(queue.open_now(project, OPEN)), OPEN_CHARACTERS)


def portion(documents: Sequence[Document], most: int | None = None) -> list[Document]:
    """As many of these, from the first on, as hold so many characters (or as one task may read); one at least."""
    if most is None:
        most = ENCODED_CHARACTERS if settings.ENCODER_DIR else BATCH_CHARACTERS
    ends = accumulate(len(document.text) for document in documents)
    return [document for at, (document, end) in enumerate(zip(documents, ends, strict=True)) if end <= most or not at]


def _in_order(document_ids: Sequence[int]) -> list[Document]:
    found = Document.objects.in_bulk(document_ids)
    return [found[pk] for pk in document_ids if pk in found]


def rank(tenant: Tenant, project_id: int) -> bool:
    """Give the next documents of the pool, in shuffled order, their new priority; whether more wait for theirs."""
    with tenant_scope(tenant):
        version = runs.ranking(Project.objects.get(pk=project_id))
        if version is None:
            return False
        waiting = Document.objects.filter(
            project=project_id, split=Document.Split.POOL, free_slots__gt=0, shuffle__gt=version.ranked_to
        ).order_by("shuffle")[: BATCH + 1]
        found = list(waiting)
        documents = portion(found[:BATCH])
    answers = _uncertain(tenant, version, documents) if documents else []
    with tenant_scope(tenant):
        queue.prioritise({d.pk: float(a["uncertainty"]) for d, a in zip(documents, answers, strict=True)})
        more = len(documents) < len(found)
        return runs.ranked(version, documents[-1].shuffle if more else None) and more


def _uncertain(tenant: Tenant, version: ModelVersion, documents: Sequence[Document]) -> Any:
    """The version's answers. If it cannot give any, it is done with ranking: the sweep would try for ever."""
    with ExitStack() as unless_done:
        unless_done.callback(_give_up_ranking, tenant, version)
        answers = predictor(version)([document.text for document in documents])
        unless_done.pop_all()
    return answers


def _give_up_ranking(tenant: Tenant, version: ModelVersion) -> None:
    with tenant_scope(tenant):
        runs.ranked(version, None)


def predict(tenant: Tenant, version_id: int, texts: Sequence[str]) -> list[dict[str, Any]]:
    """What one version is sure enough of to suggest for texts from outside."""
    with tenant_scope(tenant):
        version = ModelVersion.objects.get(pk=version_id)
    answers: list[dict[str, Any]] = predictor(version).suggest(texts)
    return answers


def _live(project_id: int) -> ModelVersion | None:
    project = Project.objects.filter(pk=project_id).first()
    return runs.live_version(project) if project else None
