"""The table of terms. All but what term lists say follows from answers, and can be made anew (migration 0015)."""

from __future__ import annotations

from django.db import models

from annotator.accounts import Tenant
from annotator.tenancy import TenantOwned

LONGEST = 200  # characters of a term
LONGEST_FIRST = 40  # and of its first word, by which it is looked up


class Term(TenantOwned):
    """Words with one label of theirs. Written by dictionary/learning.py and dictionary/lists.py.

    ``words`` are folded (folding.py); ``first`` is the first of them. ``accepted``: how often they stand with this
    label in submitted answers; ``turned_down``: how often they were suggested with it, and rejected or corrected;
    ``listed``: whether the term list names them. There is no row that neither an answer nor the list holds.
    """

    # Many rows come at a time: whether the tenant exists is not looked up for each, since its project's does.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, editable=False, db_index=False, db_constraint=False)
    project = models.ForeignKey("annotator.Project", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    label = models.ForeignKey("annotator.Label", on_delete=models.CASCADE, db_constraint=False, db_index=False)
    first = models.CharField(max_length=LONGEST_FIRST, db_collation="C")
    words = models.CharField(max_length=LONGEST, db_collation="C")
    accepted = models.PositiveIntegerField(default=0)
    turned_down = models.PositiveIntegerField(default=0)
    listed = models.BooleanField(default=False)

    class Meta(TenantOwned.Meta):
        constraints = [models.UniqueConstraint(fields=["label", "words"], name="term_once")]
        indexes = [
            models.Index(fields=["project", "first"], name="terms_by_first_word"),
            models.Index(fields=["project", "id"], name="terms_in_order"),
        ]

    def __str__(self) -> str:
        return self.words
