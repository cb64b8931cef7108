"""Label sets: every label gets a key of its own, and two never want the same."""

from __future__ import annotations

import pytest

from annotator.errors import Invalid
from annotator.models import Label
from annotator.tenancy import tenant_scope
from tests.cast import make_project


def test_keys_that_were_not_chosen_keep_away_from_those_that_were(cast):
    make_project(cast.acme, spans=["A", {"name": "B", "key": "1"}, "C"], questions=[], relations=[])

    with tenant_scope(cast.acme):
        assert dict(Label.objects.values_list("name", "key")) == {"A": "2", "B": "1", "C": "3"}


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ({"spans": [{"name": "A", "key": "x"}, {"name": "B", "key": "x"}]}, "spans[1]", "that of 'A' already"),
        (
            {
                "spans": [{"name": "A", "key": "x"}],
                "questions": [{"name": "q", "choices": [{"name": "yes", "key": "x"}, "no"]}],
            },
            "questions[0].choices[0]",
            "that of 'A' already",
        ),
        ({"spans": [{"name": "A", "key": "É"}]}, "spans[0]", "a digit or a small letter"),
        ({"spans": [{"name": "A", "key": "ab"}]}, "spans[0]", "a digit or a small letter"),
    ],
)
def test_a_key_that_cannot_work_is_refused(cast, spec, field, reason):
    with pytest.raises(Invalid) as refused:
        make_project(cast.acme, **spec)

    assert refused.value.details[0]["field"] == field
    assert reason in refused.value.details[0]["reason"]
