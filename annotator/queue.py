"""Who gets which document next: leases on open documents, never the same one twice to a person."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from django.db import connection
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Least
from django.utils import timezone

from annotator.models import Annotation, Claim, Document, Project, User
from annotator.tenancy import current_tenant

LEASE = timedelta(minutes=15)
GOING = timedelta(seconds=30)  # for a page that went: a reload is back by then
MOST_LEASES = 8  # of one person in a project: some ahead for each of a few windows

CHECK, CHANCE, UNCERTAIN = "check", "random", "uncertain"
_ORDERS = {
    CHECK: ("check", "d.shuffle"),
    CHANCE: ("pool", "d.shuffle"),
    UNCERTAIN: ("pool", "d.priority DESC, d.shuffle"),
}

# The slot is taken from the document's own row, so a second taker that waited for it sees the new count.
_CLAIM = """
WITH best AS (
    SELECT d.id FROM annotator_document d
    WHERE d.project_id = %(project)s AND d.split = %(split)s AND d.free_slots > 0
      AND d.id <> ALL(%(taken)s)
      AND NOT EXISTS (SELECT FROM annotator_annotation a
                      WHERE a.document_id = d.id AND a.annotator_id = %(user)s AND a.state <> 'draft')
    ORDER BY {order} LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE annotator_document d SET free_slots = free_slots - 1,
        handed_to = array_append(array_remove(handed_to, %(user)s::bigint), %(user)s::bigint)
    FROM best WHERE d.id = best.id RETURNING d.*
), leased AS (
    INSERT INTO annotator_claim (tenant_id, project_id, document_id, annotator_id, expires_at)
    SELECT %(tenant)s, %(project)s, taken.id, %(user)s, %(expires)s FROM taken
)
SELECT * FROM taken
"""

# Documents before claims, as everywhere; what somebody else holds just now is left for the next time.
_EXPIRE = """
WITH expired AS (
    SELECT c.id FROM annotator_claim c JOIN annotator_document d ON d.id = c.document_id
    WHERE c.project_id = %s AND c.expires_at < now() FOR UPDATE SKIP LOCKED
)
DELETE FROM annotator_claim c USING expired WHERE c.id = expired.id RETURNING c.document_id
"""

# What is left of a document for others. Nobody is stopped from answering without a lease, so it is counted anew. Who
# skipped it has answered nothing: somebody else is asked, and _CLAIM keeps it from those who skipped.
_RECOUNT = """
UPDATE annotator_document d SET free_slots = greatest(0, p.annotators_per_document
    - (SELECT count(*) FROM annotator_annotation a WHERE a.document_id = d.id AND a.state = 'submitted')
    - (SELECT count(*) FROM annotator_claim c WHERE c.document_id = d.id))
FROM annotator_project p WHERE p.id = d.project_id AND {which}
"""


def claim_next(
    project: Project, user: User, *, besides: Sequence[int] = (), rng: random.Random | None = None
) -> Claim | None:
    """A lease on this person's next document, or None when nothing is left for them; see claim_several()."""
    return next(iter(claim_several(project, user, 1, besides=besides, rng=rng)), None)


def claim_several(
    project: Project, user: User, count: int, *, besides: Sequence[int] = (), rng: random.Random | None = None
) -> list[Claim]:
    """Leases on as many documents for this person, in the order to work on them; fewer when fewer are left.

    Leases of theirs are handed out again, the oldest first, also those that ran out but were not given to anybody
    yet: a reload loses nothing. ``besides`` are documents that they have at hand: those are never handed out
    again. For each other one the stream is drawn by chance: check documents (held out, never ranked), a random share,
    and the most uncertain first. All leases of the person are prolonged, and there are never more than MOST_LEASES.
    """
    if project.archived_at is not None:
        return []
    _wait_for_other_tabs(project, user)
    leases = _renewed(Claim.objects.filter(project=project, annotator=user))
    given = [lease for lease in leases if lease.document_id not in besides][:count]
    room = min(count - len(given), MOST_LEASES - len(leases))
    taken = {*besides, *(lease.document_id for lease in leases)}
    for _ in range(room):
        lease = _claim_new(project, user, taken, rng or random.SystemRandom())
        if lease is None:
            break
        given.append(lease)
        taken.add(lease.document_id)
    return given


def _renewed(own: QuerySet[Claim]) -> list[Claim]:
    """These leases, prolonged, but for those that are given back at this moment."""
    leases = list(own.select_related("document").order_by("pk"))
    expires_at = timezone.now() + LEASE
    if leases and own.update(expires_at=expires_at) < len(leases):
        leases = list(own.select_related("document").order_by("pk"))
    for lease in leases:
        lease.expires_at = expires_at
    return leases


def _claim_new(project: Project, user: User, taken: Collection[int], rng: random.Random) -> Claim | None:
    streams = _streams(project, rng)
    claim = _claim_first(project, user, taken, streams)
    # Leases that ran out are given back every few seconds beside the requests; when nothing is left, also here.
    if claim is None and release_expired(project):
        claim = _claim_first(project, user, taken, streams)
    return claim


def _wait_for_other_tabs(project: Project, user: User) -> None:
    """Of one person's requests at the same moment the first takes a lease, and the others find it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{user.pk} in {project.pk}"])


def _claim_first(project: Project, user: User, taken: Collection[int], streams: list[str]) -> Claim | None:
    claims = (_claim(project, user, taken, stream) for stream in streams)
    return next((claim for claim in claims if claim is not None), None)


def why_nothing(project: Project, user: User) -> str:
    """Why somebody got no document: ``archived`` (the project is closed), ``empty`` (there are none), ``held`` (they
    hold as many as anybody may), ``taken`` (others have at hand what they have not done themselves), ``skipped`` (they
    skipped what is left) or ``done``."""
    if project.archived_at is not None:
        return "archived"
    if not Document.objects.filter(project=project).exists():
        return "empty"
    leases = Claim.objects.filter(project=project)
    if leases.filter(annotator=user).count() >= MOST_LEASES:
        return "held"
    own = Annotation.objects.filter(project=project, annotator=user).exclude(state=Annotation.State.DRAFT)
    if leases.exclude(annotator=user).exclude(document__in=own.values("document")).exists():
        return "taken"
    skipped = own.filter(state=Annotation.State.SKIPPED, document__free_slots__gt=0)
    return "skipped" if skipped.exists() else "done"


def _streams(project: Project, rng: random.Random) -> list[str]:
    """The streams in the order to try, the first drawn by the project's shares."""
    draw = rng.random()
    if draw < project.check_share:
        return [CHECK, UNCERTAIN]
    if draw < project.check_share + project.random_share:
        return [CHANCE, CHECK]
    return [UNCERTAIN, CHECK]


def _claim(project: Project, user: User, taken: Collection[int], stream: str) -> Claim | None:
    """The lease, as it stands in the table, on the stream's best document that nobody holds locked."""
    split, order = _ORDERS[stream]
    expires_at = timezone.now() + LEASE
    params = {
        "tenant": current_tenant().pk,
        "project": project.pk,
        "split": split,
        "user": user.pk,
        "expires": expires_at,
        "taken": list(taken),
    }
    found = list(Document.objects.raw(_CLAIM.format(order=order), params))
    if not found:
        return None
    return Claim(project=project, document=found[0], annotator=user, expires_at=expires_at)


def heartbeat(document: Document, user: User) -> datetime | None:
    """Prolong this person's lease; None when they hold none (any more)."""
    expires_at = timezone.now() + LEASE
    held = Claim.objects.filter(document=document, annotator=user, expires_at__gt=timezone.now())
    return expires_at if held.update(expires_at=expires_at) else None


def leave(project: Project, user: User, document_ids: Collection[int]) -> int:
    """End this person's leases on these documents soon, unless they come back for them; how many."""
    held = Claim.objects.filter(project=project, annotator=user, document__in=document_ids)
    return held.update(expires_at=Least("expires_at", Value(timezone.now() + GOING)))


def release(document: Document, user: User) -> bool:
    """Give a document back unanswered; False when this person held no lease."""
    Document.objects.select_for_update().get(pk=document.pk)
    ended = _end_claim(document, user)
    if ended:
        _recount([document.pk])
    return ended


def settle(document: Document, user: User, *, answered: bool) -> None:
    """This person is through with the document: an answer uses up the slot of its lease, or one that is free where
    there was no lease (any more); whoever skips leaves it to somebody else.

    Needs the document locked.
    """
    held = _end_claim(document, user)
    if not (held and answered):
        _recount([document.pk])


def _end_claim(document: Document, user: User) -> bool:
    ended, _ = Claim.objects.filter(document=document, annotator=user).delete()
    return bool(ended)


def _recount(document_ids: Sequence[int]) -> None:
    """Its own statement, so that it sees what the locks were waited for."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT.format(which="d.id = ANY(%s)"), [list(document_ids)])


def recount(project: Project) -> None:
    """Free as many places of every document as the project asks for by now."""
    with connection.cursor() as cursor:
        locked = "SELECT FROM annotator_document WHERE project_id = %s ORDER BY id FOR UPDATE"
        cursor.execute(f"SELECT count(*) FROM ({locked}) d", [project.pk])
        cursor.execute(_RECOUNT.format(which="d.project_id = %s"), [project.pk])


def release_expired(project: Project) -> int:
    """Put documents whose lease ran out back into the queue; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [project.pk])
        ended = [document for (document,) in cursor.fetchall()]
    if ended:
        _recount(ended)
    return len(ended)


def open_now(project: Project, size: int) -> list[int]:
    """The documents that people have open or wait on their desks, those that were handed out last before others."""
    leases = Claim.objects.filter(project=project, expires_at__gt=timezone.now())
    return list(leases.order_by("-expires_at").values_list("document_id", flat=True)[:size])


def head(project: Project, size: int) -> list[int]:
    """The documents that people have open and those the queue will hand out next, of each stream, nearest first."""
    waiting = Document.objects.filter(project=project, free_slots__gt=0)
    pool, check = waiting.filter(split="pool"), waiting.filter(split="check")
    ids = open_now(project, size)
    streams = (
        pool.order_by(F("priority").desc(), "shuffle")[:size],
        pool.order_by("shuffle")[: size // 2],
        check.order_by("shuffle")[: size // 4],
    )
    for several in zip_longest(*(stream.values_list("pk", flat=True) for stream in streams)):
        ids += [pk for pk in several if pk is not None]
    return list(dict.fromkeys(ids))


def kept(document_ids: Collection[int]) -> set[int]:
    """Those of these documents that are there, and stay until the transaction ends. Others may work on them."""
    with connection.cursor() as cursor:
        locked = "SELECT id FROM annotator_document WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"
        cursor.execute(locked, [list(document_ids)])
        return {pk for (pk,) in cursor.fetchall()}


def prioritise(priorities: Mapping[int, float]) -> None:
    """Set how urgently each document is wanted (higher first), in one statement and in one order of locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH wanted AS (
                SELECT d.id, w.priority FROM annotator_document d
                JOIN unnest(%s::bigint[], %s::float8[]) AS w (id, priority) ON w.id = d.id
                ORDER BY d.id FOR UPDATE OF d SKIP LOCKED
            )
            UPDATE annotator_document d SET priority = wanted.priority FROM wanted WHERE d.id = wanted.id
            """,
            [list(priorities), list(priorities.values())],
        )
