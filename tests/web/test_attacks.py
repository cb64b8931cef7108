"""What somebody who means harm, or is clumsy, can do with the pages of managers: nothing."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from annotator import invitations, labels, people, review, tokens
from annotator.models import AuditEvent, Label, Membership, Project, Question, Role
from annotator.tenancy import tenant_scope
from tests.addresses import TENANT_PREFIX, routes
from tests.cast import add_documents, make_project

HOSTILE = """"><script>alert(1)</script><img src=x onerror=alert(1)>'{{ 7|add:7 }}"""
MANAGERS = {
    "people", "member", "invitation-revoke", "project-new", "labels", "label", "guidelines", "project-settings", "pace",
    "import", "export", "train", "run-cancel", "job", "job-file", "job-refused", "version-promote",
}  # fmt: skip


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


def test_pages_of_managers_are_named_here():
    named = {name for route, _, name in routes() if route.startswith(TENANT_PREFIX) and "/api/" not in route}

    assert named > MANAGERS


@pytest.mark.parametrize("name", ["labels", "guidelines", "project-settings", "pace", "import", "export", "train"])
@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_nobody_below_a_manager_comes_in_or_changes_anything(cast, project, name, role):
    Membership.objects.filter(tenant=cast.acme, user=cast.bob).update(role=role)
    bob, path = signed_in(cast.bob), reverse(name, args=[cast.acme.slug, project.pk])
    with tenant_scope(cast.acme):
        before = AuditEvent.objects.count()

    sent = {"name": "Mine", "kind": "span", "guidelines": "Mine", "archived": "yes", "show_times": "on"}
    assert {bob.get(path).status_code, bob.post(path, sent).status_code} <= {403, 405}
    assert bob.post(path, sent).status_code in (403, 405)
    with tenant_scope(cast.acme):
        assert AuditEvent.objects.count() == before


def test_ids_of_another_project_or_tenant_in_what_is_sent_change_nothing(cast, project):
    with tenant_scope(cast.acme):
        second = make_project(cast.acme, name="Two")
    theirs = make_project(cast.globex)
    alice = signed_in(cast.alice)
    path = reverse("labels", args=[cast.acme.slug, project.pk])
    for tenant, other in ((cast.acme, second), (cast.globex, theirs)):
        with tenant_scope(tenant):
            spans = list(Label.objects.filter(project=other, kind="span"))
            question = Question.objects.filter(project=other).first()
            before = list(Label.objects.filter(project=other).values_list("pk", "name", "position", "pairs"))
        with tenant_scope(cast.acme):
            mine = Label.objects.get(project=project, name="PERSON")
            relation = Label.objects.get(project=project, kind="relation")

        alice.post(path, {"order": ",".join(str(one.pk) for one in reversed(spans))})
        alice.post(path, {"down": spans[0].pk})
        assert alice.post(path, {"question_id": question.pk, "new_name": "x", "sure": "1"}).status_code == 404
        merged = alice.post(f"{path}/{mine.pk}", {"act": "merge", "into": spans[1].pk, "sure": "1"})
        assert merged.status_code == 422
        pair = {"name": relation.name, "color": relation.color, "pair": f"{spans[0].pk}-{spans[1].pk}"}
        assert alice.post(f"{path}/{relation.pk}", pair).status_code == 422
        assert alice.post(f"{path}/{spans[0].pk}", {"name": "x", "sure": "1"}).status_code == 404

        with tenant_scope(tenant):
            assert list(Label.objects.filter(project=other).values_list("pk", "name", "position", "pairs")) == before


def test_what_is_written_into_names_runs_nowhere(cast, project):
    (document,) = add_documents(cast.acme, project, "Ada lives in Oslo.")
    with tenant_scope(cast.acme):
        label = Label.objects.get(name="PERSON")
        label = labels.rename(label, HOSTILE, actor=None)
        labels.change(
            label, {"definition": HOSTILE + "[x](javascript:alert(1)) ![](https://a.example/x.png)"}, actor=None
        )
        labels.rename_question(Question.objects.get(name="topic"), HOSTILE, actor=None)
        Project.objects.update(name=HOSTILE, guidelines=HOSTILE + "[x](data:text/html,<script>)")
        said = {"spans": [{"start": 0, "end": 3, "label": HOSTILE}]}
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, said, comment=HOSTILE, flag="help"))
        invitations.invite(HOSTILE[:150], "annotator", actor=cast.alice)
    alice, slug = signed_in(cast.alice), cast.acme.slug
    of_project = [
        reverse(name, args=[slug, project.pk])
        for name in (
            "project",
            "labels",
            "guidelines",
            "project-settings",
            "model",
            "pace",
            "export",
            "documents",
            "desk",
        )
    ]

    for path in [
        *of_project, reverse("projects", args=[slug]), reverse("people", args=[slug]),
        reverse("label", args=[slug, project.pk, label.pk]), reverse("document", args=[slug, document.pk]),
        reverse("document-answers", args=[slug, document.pk]),
    ]:  # fmt: skip
        answer = alice.get(path, follow=True)
        page = answer.content.decode()
        assert answer.status_code == 200, path
        for hurts in ("<script>alert", "<img src=x", 'href="javascript:', 'href="data:', "}}'14"):
            assert hurts not in page, (path, hurts)


@pytest.mark.parametrize("color", ["red;background:url(//a.example)", "#12345", "#2563eb;x", "#2563eb\n", "url(x)"])
def test_a_colour_is_nothing_else(cast, project, color):
    alice = signed_in(cast.alice)
    with tenant_scope(cast.acme):
        label = Label.objects.get(name="PERSON")

    path = reverse("label", args=[cast.acme.slug, project.pk, label.pk])
    assert alice.post(path, {"name": "PERSON", "color": color}).status_code == 422
    answer = alice.post(path, {"name": "PERSON", "proposed": color})
    assert answer.status_code == 422
    with tenant_scope(cast.acme):
        assert Label.objects.get(pk=label.pk).color == label.color


@pytest.mark.parametrize(
    "field", ["name", "color", "key", "definition", "kind", "question", "up", "order", "question_id"]
)
@pytest.mark.parametrize("sent", ["\x00", "9" * 40, "-1", "🦊" * 300, "٣"])
def test_no_field_breaks_the_list_of_labels(cast, project, field, sent):
    alice = signed_in(cast.alice)
    fields = {"kind": "span", "name": "X"} | {field: sent}

    assert alice.post(reverse("labels", args=[cast.acme.slug, project.pk]), fields).status_code < 500


def test_a_link_for_more_than_its_giver_may_give_today_is_spent(cast):
    with tenant_scope(cast.acme):
        _, path = invitations.invite("Ann", "manager", actor=cast.alice)
    Membership.objects.filter(tenant=cast.acme, user=cast.alice).update(role=Role.REVIEWER)

    assert signed_in(cast.charlie).post(path).status_code == 410
    assert not Membership.objects.filter(tenant=cast.acme, user=cast.charlie).exists()


def test_a_link_of_one_workplace_opens_no_other_and_works_once_whoever_is_signed_in(cast):
    with tenant_scope(cast.acme):
        _, path = invitations.invite("Ann", "annotator", actor=cast.alice)
    elsewhere = path.replace(f"/{cast.acme.slug}/", f"/{cast.globex.slug}/")

    assert signed_in(cast.bob).post(elsewhere).status_code == 410
    assert signed_in(cast.charlie).post(path).status_code == 302
    assert signed_in(cast.alice).post(path).status_code == 410
    assert Client().get(path).status_code == 410
    assert Membership.objects.get(tenant=cast.acme, user=cast.charlie).role == "annotator"


def test_a_removed_members_token_and_session_see_nothing(cast, project):
    with tenant_scope(cast.acme):
        _, secret = tokens.issue(cast.bob)
        people.remove_member(Membership.objects.get(tenant=cast.acme, user=cast.bob), actor=cast.alice)
    base = f"/t/{cast.acme.slug}"

    assert Client(headers={"Authorization": f"Bearer {secret}"}).get(f"{base}/api/v1/me").status_code == 404
    assert signed_in(cast.bob).get(f"{base}/projects/{project.pk}/").status_code == 404
