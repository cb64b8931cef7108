"""What the list of documents is found by. Both tables follow from others and may be made anew at any time.

Row-level security lets an index serve only comparisons that PostgreSQL knows to be leakproof: equality and order of
plain values. Full-text and JSON operators are not among them, so that their indexes would lie idle; hence two tables
of plain words.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from annotator.accounts import Tenant
from annotator.tenancy import TenantOwned


class _Found(TenantOwned):
    """Many rows come at a time: whether the tenant exists is not looked up for each, since its project's does."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, editable=False, db_index=False, db_constraint=False)

    class Meta(TenantOwned.Meta):
        abstract = True


class Posting(_Found):
    """The documents of one batch of an import whose text holds a word: an inverted index. Written by words.py."""

    project = models.ForeignKey("annotator.Project", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    word = models.CharField(max_length=40, db_collation="C")
    documents = ArrayField(models.BigIntegerField())

    class Meta(_Found.Meta):
        abstract = False
        indexes = [models.Index(fields=["project", "word"], name="postings_by_word")]

    def __str__(self) -> str:
        return f"{self.word}: {len(self.documents)}"


class Facet(_Found):
    """Something that is true of a document because of its answers: ``state:submitted``, ``by:7``, ``flag:help``,
    ``differs``, ``span:PERSON``, ``choice:topic=praise``. Written by the triggers of migration 0005, whoever writes
    the answers.
    """

    project = models.ForeignKey("annotator.Project", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    document = models.ForeignKey("annotator.Document", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    facet = models.CharField(max_length=220, db_collation="C")

    class Meta(_Found.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["document", "facet"], name="facet_once")]
        indexes = [models.Index(fields=["project", "facet", "document"], name="documents_by_facet", include=["tenant"])]

    def __str__(self) -> str:
        return f"{self.document_id}: {self.facet}"
