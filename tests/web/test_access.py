"""Who gets in: tokens, sessions, roles, one-time links; and that a refusal takes back what it wrote."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.http import HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from annotator import people, tokens
from annotator.accounts import Membership, Role, Tenant, User
from annotator.errors import Invalid
from annotator.models import ApiToken, AuditEvent, Project
from annotator.projects import create_project
from annotator.tenancy import tenant_scope
from tests.cast import SPEC, make_project
from tests.web.api_client import Api
from web.middleware import TenantMiddleware


def test_a_token_says_who_and_where(cast):
    me = Api(cast.acme, cast.alice).get("/me").json()

    assert me == {
        "username": cast.alice.username,
        "role": "manager",
        "tenant": cast.acme.slug,
        "tenant_name": "Acme",
        "by_token": True,
    }


def test_only_the_hash_of_a_token_is_kept(cast):
    with tenant_scope(cast.acme):
        token, secret = tokens.issue(cast.alice)

        assert secret.startswith("mgn_")
        assert secret not in str(vars(ApiToken.objects.get(pk=token.pk)))


def test_a_token_gives_no_more_than_its_owner_holds_today(cast):
    alice = Api(cast.acme, cast.alice)
    assert alice.post("/projects", SPEC).status_code == 201

    Membership.objects.filter(user=cast.alice).update(role=Role.ANNOTATOR)
    assert alice.post("/projects", SPEC | {"name": "Two"}).status_code == 403

    Membership.objects.filter(user=cast.alice).delete()
    assert alice.get("/me").status_code == 404


def test_a_token_of_somebody_shut_out(cast):
    alice = Api(cast.acme, cast.alice)
    User.objects.filter(pk=cast.alice.pk).update(is_active=False)

    assert alice.get("/me").status_code == 404


def test_a_token_with_a_lower_role(cast):
    reader = Api(cast.acme, cast.alice, role="annotator")

    assert reader.get("/me").json()["role"] == "annotator"
    assert reader.post("/projects", SPEC).status_code == 403


def test_a_token_cannot_be_more_than_its_owner(cast):
    with tenant_scope(cast.acme), pytest.raises(Invalid, match="more than this person's own role"):
        tokens.issue(cast.bob, role="manager")
    with tenant_scope(cast.acme), pytest.raises(Invalid, match="no member"):
        tokens.issue(cast.charlie)


def test_a_token_is_no_key_to_pages_and_wins_over_a_session(cast, client):
    bob = Api(cast.acme, cast.bob)
    bob.client.force_login(cast.alice)

    assert bob.get("/me").json()["username"] == cast.bob.username
    response = client.get(f"/t/{cast.acme.slug}/", headers=bob.headers)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/signin?next=")


def test_a_session_works_and_anothers_tenant_is_not_there(cast, client):
    client.force_login(cast.alice)

    assert client.get(f"/t/{cast.acme.slug}/api/v1/me").json()["by_token"] is False
    assert client.get(f"/t/{cast.globex.slug}/api/v1/me").status_code == 404
    assert client.get("/t/nobody/api/v1/me").status_code == 404


def test_a_session_with_its_csrf_token_may_write(cast):
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    client.cookies["marginalia_csrf_8000"] = "c" * 32
    path = f"/t/{cast.acme.slug}/api/v1/projects"

    answer = client.post(path, SPEC, content_type="application/json", headers={"X-CSRFToken": "c" * 32})

    assert answer.status_code == 201


def test_nothing_of_a_tenant_is_cached(cast):
    assert Api(cast.acme, cast.bob).get("/me").headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("status", [200, 302, 400, 403, 409, 500])
def test_a_refusal_takes_back_what_the_view_wrote(cast, status):
    def view(request, tenant):
        create_project(SPEC, actor=None)
        return HttpResponse(status=status)

    request = RequestFactory().post(f"/t/{cast.acme.slug}/")
    request.user = cast.alice
    response = TenantMiddleware(lambda r: HttpResponse()).process_view(request, view, (), {"tenant": cast.acme.slug})

    assert response.status_code == status
    with tenant_scope(cast.acme):
        assert Project.objects.exists() is (status < 400)


def test_a_template_is_rendered_inside_the_scope(cast):
    def view(request, tenant):
        template = engines["django"].from_string("{% for project in projects %}{{ project.name }}{% endfor %}")
        return TemplateResponse(request, template, {"projects": Project.objects.all()})

    make_project(cast.acme)
    request = RequestFactory().get(f"/t/{cast.acme.slug}/")
    request.user = cast.alice
    response = TenantMiddleware(lambda r: HttpResponse()).process_view(request, view, (), {"tenant": cast.acme.slug})

    assert response.content == b"Mails"


def test_without_the_database_a_program_is_told_to_try_again(cast, monkeypatch):
    api = Api(cast.acme, cast.alice)

    def gone(*_args, **_options):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("web.middleware.tokens.holder", gone)
    at_the_door = api.get("/me")
    monkeypatch.undo()
    monkeypatch.setattr("web.api.projects.Project.objects.order_by", gone)
    inside = api.get("/projects")

    for response in (at_the_door, inside):
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "database_unavailable"
        assert response.headers["Retry-After"] == "2"


def test_without_the_database_a_person_is_told_to_try_again(cast, client, monkeypatch):
    client.raise_request_exception = False
    client.force_login(cast.bob)

    def gone(*_args, **_options):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("web.views.projects.Project.objects.order_by", gone)
    inside = client.get(f"/t/{cast.acme.slug}/")
    monkeypatch.undo()
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", gone)
    at_the_door = client.get("/account/password")

    for page in (inside, at_the_door):
        assert page.status_code == 503
        assert page.headers["Retry-After"] == "2"
        assert "The database does not answer just now" in page.content.decode()


def test_roles_are_asked_for_after_the_object_is_found(cast):
    project = make_project(cast.acme)
    bob = Api(cast.acme, cast.bob)

    assert bob.post(f"/projects/{project.pk}/runs").status_code == 403
    assert bob.post(f"/projects/{project.pk + 1000}/runs").status_code == 404


def test_a_link_signs_in_once(cast):
    link = people.login_path(cast.bob).removeprefix("/signin/link/")

    assert people.redeem(link) == cast.bob
    assert people.redeem(link) is None


def test_two_links_and_one_is_used(cast):
    one, other = (people.login_path(cast.bob).removeprefix("/signin/link/") for _ in range(2))

    assert people.redeem(one) == cast.bob
    assert people.redeem(other) is None


def test_a_link_that_is_old_forged_or_its_owner_shut_out(cast, monkeypatch):
    link = people.login_path(cast.bob).removeprefix("/signin/link/")

    for forged in ("", "1", "x-1-2", f"{cast.alice.pk}-{link.partition('-')[2]}", link + "0", "9" * 30 + "-a-b"):
        assert people.redeem(forged) is None
    User.objects.filter(pk=cast.bob.pk).update(is_active=False)
    assert people.redeem(link) is None
    User.objects.filter(pk=cast.bob.pk).update(is_active=True)
    later = timezone.now().replace(tzinfo=None) + timedelta(hours=1, minutes=1)
    monkeypatch.setattr(people._link, "_now", lambda: later)
    assert people.redeem(link) is None


def run(*args, stdin=""):
    out = io.StringIO()
    call_command(*args, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def test_commands_make_a_tenant_a_person_a_token_and_a_link(db, monkeypatch):
    assert "made" in run("tenant", "initech", "--name", "Initech")
    assert "already there" in run("tenant", "initech")
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert "a new person" in run("person", "initech", "dora", "--role", "manager", "--password-stdin")
    assert "already there" in run("person", "initech", "dora", "--role", "manager")
    secret = run("token", "initech", "dora", "--role", "annotator", "--days", "7")
    path = run("loginlink", "dora", "--tenant", "initech")

    dora = User.objects.get(username="dora")
    assert dora.check_password("correct horse battery")
    with tenant_scope(Tenant.objects.get(slug="initech")):
        assert tokens.holder(secret) == (dora, "annotator")
        assert list(AuditEvent.objects.order_by("pk").values_list("action", flat=True)) == [
            "tenant.create", "member.role", "token.issue",
        ]  # fmt: skip
    assert people.redeem(path.removeprefix("/signin/link/")) == dora


def test_a_command_makes_a_project(cast, tmp_path):
    file = tmp_path / "project.json"
    file.write_text('{"name": "Mails", "spans": ["PERSON"]}')

    number = run("project", cast.acme.slug, str(file))

    with tenant_scope(cast.acme):
        assert Project.objects.get().pk == int(number)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["tenant", "Not A Slug"], "slug: Use lower-case letters"),
        (["person", "nowhere", "dora", "--role", "annotator", "--no-password"], "There is no tenant 'nowhere'"),
        (["token", "{acme}", "{charlie}"], "is no member of"),
        (["token", "{acme}", "{bob}", "--role", "manager"], "more than this person's own role"),
        (["loginlink", "{charlie}", "--tenant", "{acme}"], "There is nobody named"),
        (["project", "{acme}", "{tmp}/none.json"], "cannot be read: No such file"),
        (["project", "{acme}", "{tmp}/cut.json"], "cut.json, line 2"),
        (["project", "{acme}", "{tmp}/list.json"], "must hold one JSON object"),
        (["project", "{acme}", "{tmp}/bad.json"], "name: must be a name"),
    ],
)
def test_a_command_refuses_in_one_line(cast, tmp_path, args, told):
    (tmp_path / "cut.json").write_text('{"name": "x",\n"spans": [')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad.json").write_text('{"spans": ["A"]}')
    names = {
        "acme": cast.acme.slug, "bob": cast.bob.username, "charlie": cast.charlie.username, "tmp": tmp_path,
    }  # fmt: skip

    with pytest.raises(CommandError, match=told) as refusal:
        run(*(arg.format(**names) for arg in args))

    assert refusal.value.returncode == 1
    assert "Traceback" not in str(refusal.value)
