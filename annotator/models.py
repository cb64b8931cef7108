"""The tables. Their names are the product's vocabulary; each says which module writes it."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from annotator import titles
from annotator.accounts import Membership, Role, Tenant, User
from annotator.dictionary.models import Term
from annotator.finding.models import Facet, Posting
from annotator.invitation_model import Invitation
from annotator.job_model import Job
from annotator.removal_model import DeletedDocument
from annotator.tenancy import TenantOwned

__all__ = [
    "Annotation",
    "AnnotationRevision",
    "ApiToken",
    "AuditEvent",
    "Claim",
    "Decision",
    "DeletedDocument",
    "Document",
    "Facet",
    "Invitation",
    "Job",
    "Label",
    "Membership",
    "Posting",
    "Project",
    "Question",
    "Role",
    "Suggestion",
    "Tenant",
    "Term",
    "User",
]


def new_salt() -> str:
    return secrets.token_hex(16)


class Project(TenantOwned):
    """A set of documents, the labels asked of them and how the work is shared out. Written by projects.py.

    ``pending_suggestions``: what finishing a document does to suggestions that nobody decided on."""

    class Pending(models.TextChoices):
        LEAVE = "leave", "leave"
        REJECT = "reject", "reject"
        ASK = "ask", "ask"

    name = models.CharField(max_length=200)
    guidelines = models.TextField(blank=True)
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    annotators_per_document = models.PositiveSmallIntegerField(default=1)
    check_share = models.FloatField(default=0.15, help_text="Share of documents held out to judge models.")
    random_share = models.FloatField(default=0.2, help_text="Share of the queue drawn at random.")
    allow_overlap = models.BooleanField(default=False)
    pending_suggestions = models.CharField(max_length=6, choices=Pending.choices, default=Pending.REJECT)
    show_times = models.BooleanField(default=True, help_text="Whether reports tell how long people took.")
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="", help_text="Empty: the viewer's.")
    archived_at = models.DateTimeField(null=True, help_text="Since when nobody annotates it; null while it is open.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="project_name_once"),
            models.CheckConstraint(condition=Q(check_share__gte=0, check_share__lte=0.5), name="check_share_0_to_half"),
            models.CheckConstraint(condition=Q(random_share__gte=0, random_share__lte=1), name="random_share_0_to_1"),
            models.CheckConstraint(condition=Q(annotators_per_document__gte=1), name="somebody_annotates"),
            models.CheckConstraint(
                condition=Q(pending_suggestions__in=["leave", "reject", "ask"]), name="known_pending_suggestions"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Question(TenantOwned):
    """A question about a whole document; its choices are labels. Written by projects.py, labels.py.

    ``former``: names that it had; they are read as its own."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="questions", db_constraint=False)
    name = models.CharField(max_length=100)
    multiple = models.BooleanField(default=False)
    former = models.JSONField(default=list)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="question_name_once")]

    def __str__(self) -> str:
        return self.name


class Label(TenantOwned):
    """A name that can be given to a span, a document (choice) or a pair of spans. Written by projects.py, labels.py.

    ``pairs``: the [head label id, tail label id] that a relation may join, none: any. ``retired``: given no more.
    ``former``: names that it had, or that were merged into it; they are read as its own."""

    class Kind(models.TextChoices):
        SPAN = "span", "span"
        CHOICE = "choice", "choice"
        RELATION = "relation", "relation"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels", db_constraint=False)
    question = models.ForeignKey(
        Question, on_delete=models.CASCADE, related_name="choices", null=True, db_constraint=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=100)
    color = models.CharField(max_length=7, default="#6b7280")
    key = models.CharField(max_length=1, blank=True)
    definition = models.TextField(blank=True)
    retired = models.BooleanField(default=False)
    pairs = models.JSONField(default=list)
    former = models.JSONField(default=list)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "question", "name"], name="label_name_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(kind="choice", question__isnull=False)
                | Q(kind__in=["span", "relation"], question__isnull=True),
                name="choices_have_a_question",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Document(TenantOwned):
    """A text as it came, never normalised. Written by importing; its places in the queue by queue.py; deleted by
    removal.py.

    ``free_slots`` is how many more people may take it: wanted, less those who submitted (not who skipped), less leases.
    ``job`` is the import that brought it, if one did.
    """

    class Split(models.TextChoices):
        POOL = "pool", "pool"
        CHECK = "check", "check"

    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="documents", db_constraint=False, db_index=False
    )
    external_id = models.CharField(max_length=200)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    meta = models.JSONField(default=dict)
    split = models.CharField(max_length=5, choices=Split.choices)
    priority = models.FloatField(default=0.0)
    shuffle = models.FloatField()
    free_slots = models.SmallIntegerField()
    handed_to = ArrayField(models.BigIntegerField(), null=True, help_text="People who ever got it from the queue.")
    job = models.ForeignKey(Job, on_delete=models.SET_NULL, null=True, db_constraint=False, db_index=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["project", "external_id"], name="external_id_once"),
            models.CheckConstraint(condition=Q(free_slots__gte=0), name="no_negative_slots"),
            models.CheckConstraint(condition=~Q(text=""), name="text_not_empty"),
        ]
        indexes = [
            models.Index(
                "project",
                "split",
                F("priority").desc(),
                "shuffle",
                name="queue_by_priority",
                condition=Q(free_slots__gt=0),
            ),
            models.Index(fields=["project", "split", "shuffle"], name="queue_by_chance", condition=Q(free_slots__gt=0)),
            models.Index(fields=["project", "id"], name="documents_in_order"),
            # With the tenant in them, they answer without the rows, which row-level security has looked at otherwise.
            models.Index(fields=["project", "split", "id"], name="documents_by_split", include=["tenant"]),
            models.Index(
                fields=["project", "id"], name="open_documents", include=["tenant"], condition=Q(free_slots__gt=0)
            ),
            models.Index(fields=["project", "-priority", "-id"], name="documents_by_priority", include=["tenant"]),
            models.Index(fields=["job", "id"], name="documents_by_import", condition=Q(job__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def title(self) -> str:
        return titles.title(self.external_id, self.sha256, self.text)


class Claim(TenantOwned):
    """A lease: this person works on this document until then. Written by queue.py."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    document = models.ForeignKey(
        Document, on_delete=models.CASCADE, related_name="claims", db_constraint=False, db_index=False
    )
    annotator = models.ForeignKey(User, on_delete=models.CASCADE)
    expires_at = models.DateTimeField()

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["document", "annotator"], name="claim_once")]
        indexes = [models.Index(fields=["project", "expires_at"], name="claims_by_expiry")]

    def __str__(self) -> str:
        return f"{self.annotator} on {self.document_id}"


class Annotation(TenantOwned):
    """One person's answer about one document, as it stands. Written by review.py.

    ``answer`` is ``{"spans": [{"start", "end", "label"}], "classes": {question: [choice]},
    "relations": [{"head", "tail", "label"}]}``; offsets count code points, end exclusive. What is saved over an answer
    that was submitted or skipped waits in ``draft``, and the answer stands. ``decisions`` are the verdicts of a draft,
    in the form in which they go on record once it is submitted.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "draft"
        SUBMITTED = "submitted", "submitted"
        SKIPPED = "skipped", "skipped"

    class Flag(models.TextChoices):
        NONE = "", "none"
        FLAGGED = "flagged", "flagged"
        HELP = "help", "help"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    document = models.ForeignKey(
        Document, on_delete=models.CASCADE, related_name="annotations", db_constraint=False, db_index=False
    )
    annotator = models.ForeignKey(User, on_delete=models.PROTECT)
    revision = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=9, choices=State.choices)
    complete = models.BooleanField(default=True)
    answer = models.JSONField(default=dict)
    flag = models.CharField(max_length=7, choices=Flag.choices, blank=True, default="", db_default="")
    comment = models.TextField(blank=True, default="", db_default="")
    milliseconds = models.PositiveIntegerField(null=True, help_text="For how long this person worked on it, in all.")
    imported = models.BooleanField(default=False, db_default=False, help_text="And not settled by a person since.")
    draft = models.JSONField(null=True, help_text="Of these fields what was saved over the answer that stands.")
    decisions = models.JSONField(null=True, help_text="Verdicts on suggested items, while it is a draft.")
    submit_id = models.UUIDField(default=uuid.uuid4)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["document", "annotator"], name="one_annotation_each"),
            models.CheckConstraint(condition=Q(flag__in=["", "flagged", "help"]), name="known_flag"),
        ]
        indexes = [
            models.Index(fields=["project", "state", "document"], name="annotations_by_state"),
            models.Index(
                fields=["project", "annotator", "-updated_at", "-id"],
                name="ones_own_annotations",
                include=["tenant", "state", "imported"],
            ),
            models.Index(
                fields=["project", "state"], name="imported_annotations", include=["tenant"], condition=Q(imported=True)
            ),
            models.Index(fields=["project", "document"], name="flagged_annotations", condition=~Q(flag="")),
            # Counting who did how much when reads this alone, and no answer.
            models.Index(
                fields=["project", "updated_at"],
                name="annotations_at_work",
                include=["tenant", "annotator", "state", "flag", "milliseconds", "imported"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} by {self.annotator_id}, revision {self.revision}"


class AnnotationRevision(TenantOwned):
    """Every answer that anybody ever submitted or skipped: nothing is overwritten. Written by review.py."""

    APPEND_ONLY: ClassVar[bool] = True

    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    annotation = models.ForeignKey(
        Annotation, on_delete=models.CASCADE, related_name="revisions", db_constraint=False, db_index=False
    )
    revision = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=Annotation.State.choices)
    complete = models.BooleanField()
    answer = models.JSONField()
    flag = models.CharField(max_length=7, choices=Annotation.Flag.choices, blank=True, default="", db_default="")
    comment = models.TextField(blank=True, default="", db_default="")
    milliseconds = models.PositiveIntegerField(null=True)
    submit_id = models.UUIDField()
    imported = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["annotation", "revision"], name="revision_once"),
            models.UniqueConstraint(fields=["annotation", "submit_id"], name="submit_once"),
        ]
        indexes = [
            models.Index(fields=["project", "id"], name="revisions_in_order"),
            models.Index(fields=["project", "id"], name="revisions_of_people", condition=Q(imported=False)),
        ]

    def __str__(self) -> str:
        return f"{self.annotation_id}, revision {self.revision}"


class Suggestion(TenantOwned):
    """What one model version suggests for one document; ``items`` may be empty: it is sure enough of nothing, or the
    document is held out, and it was asked all the same. Without a version: what the dictionary suggested, as far as one
    person decided on it at one time; its items have a ``source`` (dictionary/lookup.py) and no score.

    An item is ``{"id": "s0", "kind": "span", "start", "end", "label", "score"}``,
    ``{"id": "c0", "kind": "choice", "question", "label", "score"}`` or
    ``{"id": "r0", "kind": "relation", "head": "s0", "tail": "s1", "label", "score"}``. Written by suggestions.py.
    """

    APPEND_ONLY: ClassVar[bool] = True

    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    document = models.ForeignKey(
        Document, on_delete=models.CASCADE, related_name="suggestions", db_constraint=False, db_index=False
    )
    version = models.PositiveIntegerField(
        null=True, help_text="Number of the model version within the project; null: the dictionary's."
    )
    items = models.JSONField(default=list)
    uncertainty = models.FloatField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["document", "version"], name="one_suggestion_a_version")]
        indexes = [models.Index(fields=["project", "version"], name="suggestions_by_version")]

    def __str__(self) -> str:
        return f"{f'version {self.version}' if self.version else 'the dictionary'} on {self.document_id}"


class Decision(TenantOwned):
    """A person's verdict on one suggested item; ``leave``: seen, and let be. Written by suggestions.py."""

    APPEND_ONLY: ClassVar[bool] = True

    class Verdict(models.TextChoices):
        ACCEPT = "accept", "accept"
        REJECT = "reject", "reject"
        CORRECT = "correct", "correct"
        LEAVE = "leave", "leave"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    suggestion = models.ForeignKey(
        Suggestion, on_delete=models.CASCADE, related_name="decisions", db_constraint=False, db_index=False
    )
    item = models.CharField(max_length=12)
    user = models.ForeignKey(User, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=7, choices=Verdict.choices)
    correction = models.JSONField(null=True, help_text="What a corrected item became.")
    milliseconds = models.PositiveIntegerField(null=True, help_text="From shown to decided.")
    submit_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        constraints = [
            models.UniqueConstraint(fields=["suggestion", "item", "user", "submit_id"], name="decision_once"),
            models.CheckConstraint(
                condition=Q(verdict__in=["accept", "reject", "correct", "leave"]), name="known_verdict"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "created_at"], name="decisions_by_time", include=["tenant", "verdict"])
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.item} of {self.suggestion_id}"


class ApiToken(TenantOwned):
    """A bearer token; only its hash is kept. Written by tokens.py."""

    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=16, choices=Role.choices)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, help_text="Its last use, give or take an hour.")

    def __str__(self) -> str:
        return self.name


class AuditEvent(TenantOwned):
    """Who changed what that matters: promotions, roles, tokens, projects. Written by audit.py."""

    APPEND_ONLY: ClassVar[bool] = True

    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta(TenantOwned.Meta):
        indexes = [models.Index(fields=["tenant", "created_at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
