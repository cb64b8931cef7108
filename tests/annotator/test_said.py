"""What is refused is said in English to programs and records, and in the reader's language on pages."""

from __future__ import annotations

import json

from django.urls import reverse
from django.utils import translation

from annotator.errors import Conflict, Invalid
from annotator.said import Said, here
from annotator.tenancy import tenant_scope
from tests.cast import make_project
from tests.web.api_client import Api

LONG = Said("is longer than %(most)s characters", most="100")


def test_a_sentence_is_its_english_wherever_it_goes():
    with translation.override("ar"):
        assert json.dumps(LONG) == '"is longer than 100 characters"'
        assert f"name: {LONG}" == "name: is longer than 100 characters"


def test_a_page_says_it_in_the_readers_language_with_what_stands_in_it():
    inner = Said("its definition %(fault)s", fault=LONG)

    with translation.override("en"):
        assert here(inner) == "its definition is longer than 100 characters"
    with translation.override("ar"):
        assert here(inner) == "تعريفها: أطول من 100 حرف"
        assert here("100 %") == "100 %"


def test_faults_stand_at_their_fields_and_what_has_none_where_the_page_wants_it():
    with translation.override("ar"):
        refused = Invalid("x", "name: must be a name", [{"field": "name", "reason": Said("must be a name")}])
        assert refused.faults("form") == {"name": "يجب أن يكون اسمًا"}
        assert refused.said == "يجب أن يكون اسمًا"
        assert str(refused) == "name: must be a name"
        taken = Conflict("x", Said("There is a project named %(name)s already.", name="'A'"))
        assert taken.faults("form") == {"form": "يوجد مشروع باسم 'A' من قبل."}


def test_pages_refuse_in_the_language_that_they_are_in_and_the_api_in_english(cast, client):
    with tenant_scope(cast.acme):
        project = make_project(cast.acme)
    client.force_login(cast.alice)
    arabic = {"headers": {"accept-language": "ar"}}
    labels = reverse("labels", args=[cast.acme.slug, project.pk])

    page = client.post(labels, {"kind": "span", "name": "PERSON"}, **arabic)
    role = client.post(reverse("people", args=[cast.acme.slug]), {"name": "Ann", "role": "admin"}, **arabic)
    alice = Api(cast.acme, cast.alice)
    alice.headers["Accept-Language"] = "ar"
    told = alice.post(f"/projects/{project.pk}/labels", {"kind": "span", "name": "PERSON"})

    assert "توجد تسمية من هذا النوع باسم &#x27;PERSON&#x27; من قبل." in page.text
    assert "لا يمنح الدور «مسؤول» إلا من له هذا الدور أو أعلى منه." in role.text
    assert told.json()["error"]["message"] == "There is a label named 'PERSON' of this kind already."
