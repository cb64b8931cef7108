"""The table of terms. All but what term lists say follows from answers, and can be made anew (migration 0015)."""

from __future__ import annotations

from django.db import models

from annotator.accounts import Tenant
from annotator.dictionary.folding import LONGEST, LONGEST_HEAD
from annotator.tenancy import TenantOwned


class Term(TenantOwned):
    """Words with one label of theirs. Written by dictionary/learning.py and dictionary/lists.py.

    ``words`` are folded (folding.py); ``head`` is the first two of them. ``accepted``: how often they stand with this
    label in submitted answers; ``turned_down``: how often they were suggested with it, and rejected or corrected;
    ``listed``: whether the term list names them. There is no row that neither an answer nor the list holds.
    """

    # Many rows come at a time: whether the tenant exists is not looked up for each, since its project's does.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, editable=False, db_index=False, db_constraint=False)
    project = models.ForeignKey("annotator.Project", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    label = models.ForeignKey("annotator.Label", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    head = models.CharField(max_length=LONGEST_HEAD, db_collation="C")
    words = models.CharField(max_length=LONGEST, db_collation="C")
    accepted = models.PositiveIntegerField(default=0)
    turned_down = models.PositiveIntegerField(default=0)
    listed = models.BooleanField(default=False)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["label", "words"], name="term_once")]
        indexes = [models.Index(fields=["project", "head"], name="terms_by_first_words")]

    def __str__(self) -> str:
        return self.words
