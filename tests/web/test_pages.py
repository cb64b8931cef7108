"""Every page, for whom it is and for whom it is not; forms that say what is wrong where, and lose nothing."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotator import people
from annotator.models import Job, Label, Membership, Project, Question
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from tests.worlds import World
from trainer.models import TrainingRun

FOR_ALL = ("projects", "project", "documents", "desk", "document", "version", "model", "compare")
FOR_MANAGERS = ("project-new", "import", "job", "pace", "version-promote")
ACTS = ("train", "run-cancel")


@pytest.fixture
def world(cast):
    return World.make(cast.acme, cast.alice)


@pytest.fixture
def alice(cast) -> Client:
    return signed_in(cast.alice)


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(world: World, name: str) -> str:
    ids = {
        "project": world.project.pk, "documents": world.project.pk, "desk": world.project.pk,
        "import": world.project.pk, "train": world.project.pk, "document": world.document.pk, "job": world.job.pk,
        "run-cancel": world.run.pk, "version-promote": world.version.pk,
        "version": world.version.pk, "model": world.project.pk, "compare": world.project.pk, "pace": world.project.pk,
        "training": world.project.pk,
    }  # fmt: skip
    return reverse(name, args=[world.tenant.slug, *([ids[name]] if name in ids else [])])


@pytest.mark.parametrize("name", FOR_ALL + FOR_MANAGERS)
def test_a_manager_sees_every_page(world, alice, name):
    response = alice.get(address(world, name))

    assert response.status_code == 200
    assert "Marginalia</title>" in response.text


@pytest.mark.parametrize("name", FOR_ALL + FOR_MANAGERS)
def test_annotators_see_what_is_theirs(world, cast, name):
    response = signed_in(cast.bob).get(address(world, name))

    assert response.status_code == (200 if name in FOR_ALL else 403)


@pytest.mark.parametrize("name", ACTS)
def test_only_managers_act_on_models(world, cast, name):
    assert signed_in(cast.bob).post(address(world, name)).status_code == 403
    assert signed_in(cast.alice).get(address(world, name)).status_code == 405


@pytest.mark.parametrize("name", FOR_ALL + FOR_MANAGERS)
def test_strangers_sign_in_first_and_come_back(world, name):
    response = Client().get(address(world, name))

    assert response.status_code == 302
    assert response.url == f"/signin?next={address(world, name)}"


@pytest.mark.parametrize("name", FOR_ALL + FOR_MANAGERS)
def test_another_tenants_page_is_not_there(world, cast, name):
    assert signed_in(cast.charlie).get(address(world, name)).status_code == 404


@pytest.mark.parametrize("name", FOR_ALL + FOR_MANAGERS)
def test_no_page_carries_inline_scripts_or_styles_or_asks_another_host(world, alice, name):
    page = alice.get(address(world, name)).text

    assert not re.search(r"\s(style|on\w+)=", page)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", page))
    assert not re.search(r"(src|href)=[\"'](https?:)?//", page)


def test_names_are_never_markup(cast, alice):
    project = make_project(cast.acme, name="<b>Bold</b>", spans=["</script><i>x"], guidelines="<u>no</u>")
    add_documents(cast.acme, project, "A text with <em>markup</em>.")

    for name in ("project", "documents", "desk"):
        page = alice.get(reverse(name, args=[cast.acme.slug, project.pk])).text
        assert "<b>Bold" not in page
        assert "</script><i>" not in page
        assert "<u>no" not in page
        assert "<em>markup" not in page


# --- signing in -------------------------------------------------------------------------------------------------


def test_signing_in_by_password_leads_where_one_wanted_to_go(cast):
    cast.bob.set_password("a long enough phrase")
    cast.bob.save()
    sent = {"username": cast.bob.username, "password": "a long enough phrase", "next": f"/t/{cast.acme.slug}/"}

    assert Client().post("/signin", sent).url == f"/t/{cast.acme.slug}/"
    assert Client().post("/signin", sent | {"next": "https://elsewhere.example/"}).url == "/"
    wrong = Client().post("/signin", sent | {"password": "not it"})
    assert wrong.status_code == 422
    assert "do not go together" in wrong.text


def test_a_link_signs_in_once(cast):
    path = people.login_path(cast.bob)
    client = Client()

    for looked in (client.head(path), client.get(path), Client().get(path)):
        assert looked.status_code == 200
        assert looked.headers["Referrer-Policy"] == "strict-origin"
    assert "Sign in as bob" in client.get(path).text
    assert client.get("/").status_code == 302
    assert client.post(path).url == "/"
    assert client.get("/").url == f"/t/{cast.acme.slug}/"
    assert Client().post(path).status_code == 410
    spent = Client().get(path)
    assert spent.status_code == 410
    assert "no longer works" in spent.text


def test_signing_out_ends_the_session(cast, alice):
    assert alice.get("/signout").status_code == 405
    assert alice.post("/signout").url == "/signin"
    assert alice.get(f"/t/{cast.acme.slug}/").status_code == 302


def test_people_of_several_tenants_choose(cast, alice):
    Membership.objects.create(tenant=cast.globex, user=cast.alice, role="annotator")

    page = alice.get("/").text

    assert f'href="/t/{cast.acme.slug}/"' in page
    assert f'href="/t/{cast.globex.slug}/"' in page


def test_archived_projects_are_folded_away(cast, alice):
    old = make_project(cast.acme, name="Old mails")
    make_project(cast.acme, name="New mails")
    with tenant_scope(cast.acme):
        Project.objects.filter(pk=old.pk).update(archived_at=timezone.now())

    page = alice.get(f"/t/{cast.acme.slug}/").text

    cards, folded = page.split("<details", 1)
    assert "New mails" in cards
    assert "Old mails" not in cards
    assert "1 archived project" in folded
    assert "Old mails" in folded


# --- a new project ----------------------------------------------------------------------------------------------

FORM = {
    "name": "Mails", "annotators_per_document": "2", "check_share": "12,5", "random_share": "20",
    "span_name": ["PERSON", "", "PLACE"], "span_color": ["#112233", "#2563eb", "#445566"], "span_key": ["p", "", ""],
    "question_name": ["topic"], "question_kind": ["multiple"], "question_choices": ["billing\r\n\r\ndelivery\r\n"],
    "relation_name": ["lives in", ""],
}  # fmt: skip


def test_a_project_is_made_from_the_form(cast, alice):
    response = alice.post(f"/t/{cast.acme.slug}/projects/new", FORM)

    with tenant_scope(cast.acme):
        project = Project.objects.get()
        labels = [(label.kind, label.name, label.color) for label in Label.objects.filter(project=project)]
        assert response.url == reverse("import", args=[cast.acme.slug, project.pk])
        assert (project.annotators_per_document, project.check_share) == (2, 0.125)
        assert labels[:2] == [("span", "PERSON", "#112233"), ("span", "PLACE", "#445566")]
        assert [name for kind, name, _ in labels if kind == "choice"] == ["billing", "delivery"]
        assert Label.objects.get(name="PERSON").key == "p"
        assert Question.objects.get().multiple is True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "must be a name"),
        ({"name": "x" * 201}, "is longer than 200 characters"),
        ({"span_name": ["PERSON", "PERSON", "PLACE"]}, "<bdi>PERSON</bdi>: is there twice"),
        ({"span_key": ["p", "", "P"]}, "<bdi>PLACE</bdi>: its key P is that of PERSON already"),
        ({"span_key": ["-", "", ""]}, "<bdi>PERSON</bdi>: its key must be a digit or a letter from a to z"),
        ({"span_color": ["red", "", ""]}, "<bdi>PERSON</bdi>: its color must be like #2563eb"),
        ({"question_choices": ["billing"]}, "must list two choices or more"),
        ({"question_choices": ["billing\nbilling"]}, "“billing” is there twice"),
        ({"question_name": [""]}, "must be a name"),
        ({"check_share": "90"}, "must be a percentage from 0 to 50"),
        ({"random_share": "a fifth"}, "must be a percentage from 0 to 100"),
        ({"annotators_per_document": "many"}, "must be a whole number from 1 to 50"),
        ({"span_name": [], "question_name": [], "question_choices": []}, "a project needs a span label or a question"),
    ],
)
def test_each_fault_is_said_and_nothing_typed_is_lost(cast, alice, change, said):
    response = alice.post(f"/t/{cast.acme.slug}/projects/new", FORM | change)

    assert response.status_code == 422
    assert said in response.text
    assert 'value="lives in"' in response.text
    with tenant_scope(cast.acme):
        assert not Project.objects.exists()


def test_a_taken_name_is_said_at_the_name(cast, alice):
    make_project(cast.acme)

    response = alice.post(f"/t/{cast.acme.slug}/projects/new", FORM)

    assert response.status_code == 409
    assert "There is a project named" in response.text
    assert 'id="name-fault"' in response.text


def test_more_rows_come_without_scripts(cast, alice):
    response = alice.post(f"/t/{cast.acme.slug}/projects/new", FORM | {"more": "questions"})

    form = response.text.partition("<template")[0]
    assert response.status_code == 200
    assert form.count('name="question_name"') == 2
    assert 'value="PERSON"' in form


# --- import -----------------------------------------------------------------------------------------------------


def upload(client: Client, project: Project, name: str, content: bytes, **options):
    file = BytesIO(content)
    file.name = name
    return client.post(reverse("import", args=[project.tenant.slug, project.pk]), {"file": file, **options})


def test_an_upload_becomes_a_job_that_tells_what_was_refused(cast, alice):
    from annotator import jobs

    project = make_project(cast.acme)
    response = upload(alice, project, "some.jsonl", b'{"text": "Ann lives in Oslo."}\n{"text": ""}\n')

    with tenant_scope(cast.acme):
        job = Job.objects.get()
        assert response.url == reverse("job", args=[cast.acme.slug, job.pk])
    preview = alice.get(response.url).text
    assert "Nothing has been imported yet." in preview
    assert "Ann lives in Oslo." in preview
    assert "1 of these rows would be refused" in preview
    alice.post(response.url, {"act": "start", "format": "jsonl"})
    assert 'data-live="' in alice.get(response.url).text
    jobs.run_import(cast.acme, job.pk)
    page = alice.get(response.url).text
    assert 'data-live="' not in page
    assert re.search(r"<td[^>]*>2</td><td>text</td><td[^>]*>is empty</td>", page)


def test_an_upload_that_cannot_be_read_is_refused_at_once(cast, alice):
    project = make_project(cast.acme)

    nameless = upload(alice, project, "some.docx", b"PK")
    missing = alice.post(reverse("import", args=[cast.acme.slug, project.pk]), {})

    assert nameless.status_code == missing.status_code == 422
    assert "The file is a Word document; it must be plain text: save its text as TXT." in nameless.text
    assert "Choose a file first." in missing.text


# --- documents, models, cost ------------------------------------------------------------------------------------


def test_documents_go_by_pages_and_filters(cast, alice):
    project = make_project(cast.acme)
    add_documents(cast.acme, project, *(f"Text number {n}." for n in range(60)))
    place = reverse("documents", args=[cast.acme.slug, project.pk])

    first = alice.get(place).text
    following = re.search(r'href="\?(cursor=\d+)">Next page', first)
    second = alice.get(f"{place}?{following[1]}").text

    assert first.count("Text number") == 50
    assert second.count("Text number") == 10
    assert "Next page" not in second
    assert alice.get(place, {"q": "NUMBER 7."}).text.count("<mark>7</mark>") == 1
    assert alice.get(place, {"state": "done"}).text.count("Text number") == 0
    # What makes no sense is left out, not answered with an error.
    assert alice.get(place, {"state": "nonsense", "cursor": "-1"}).text.count("Text number") == 50


def test_a_run_is_started_watched_and_cancelled(world, alice):
    alice.post(address(world, "train"))
    with tenant_scope(world.tenant):
        run = TrainingRun.objects.get(trigger="hand", state="queued")
    page = alice.get(address(world, "model")).text
    assert "No training worker answers" in page
    assert (
        "A run of this project is queued or running already." in alice.post(address(world, "train"), follow=True).text
    )

    alice.post(reverse("run-cancel", args=[world.tenant.slug, run.pk]))

    page = alice.get(address(world, "model")).text
    assert "cancelled by alice" in page
    over = alice.post(reverse("run-cancel", args=[world.tenant.slug, run.pk]), follow=True).text
    assert "The run is over already: cancelled." in over


def test_a_failed_run_says_why(world, alice):
    with tenant_scope(world.tenant):
        TrainingRun.objects.create(project=world.project, trigger="news", state="failed", reason="The disk is full.")

    assert "The disk is full." in alice.get(address(world, "project")).text
    assert "The disk is full." in alice.get(address(world, "model")).text


def test_pages_cost_a_fixed_number_of_queries(world, cast, alice):
    def cost(name: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as spent:
            assert alice.get(address(world, name)).status_code == 200
        return len(spent)

    before = {name: cost(name) for name in (*FOR_ALL, "import", "job")}
    for number in range(5):
        make_project(cast.acme, name=f"Another {number}")
    add_documents(cast.acme, world.project, *(f"More {n}" for n in range(20)))

    assert {name: cost(name) for name in before} == before
    assert max(before.values()) <= 25, before


def test_refusals_are_pages_too(world, cast, alice):
    absent = alice.get("/t/nobody/")
    forbidden = signed_in(cast.bob).get(address(world, "project-new"))

    assert (absent.status_code, forbidden.status_code) == (404, 403)
    assert "<h1" in absent.text
    assert "Your role does not allow this" in forbidden.text
