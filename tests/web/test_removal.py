"""Deletion by page and by API: what is told first, who may, and what somebody is told who comes too late."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.core.management import call_command

from annotator import review
from annotator.accounts import Membership
from annotator.models import Document, Job, Project
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project, signed_in
from tests.web.api_client import Api
from trainer import removal


@pytest.fixture
def project(cast):
    return make_project(cast.acme, check_share=0)


@pytest.fixture
def document(cast, project):
    [document] = add_documents(cast.acme, project, "Ann lives in Oslo.")
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, review.Submission(uuid4(), 0, {}))
        Job.objects.create(
            project=project, kind="import", created_by=cast.alice, state="succeeded", options={"filename": "a.csv"}
        )
        Document.objects.update(job=Job.objects.get())
    return document


@pytest.fixture
def alice(cast):
    return signed_in(cast.alice)


def page(cast, path: str) -> str:
    return f"/t/{cast.acme.slug}/{path}"


def run(cast) -> Job:
    with tenant_scope(cast.acme):
        job = Job.objects.get(kind="delete")
    removal.run(cast.acme, job.pk)
    with tenant_scope(cast.acme):
        return Job.objects.get(pk=job.pk)


def test_a_document_by_page(cast, alice, document):
    address = page(cast, f"documents/{document.pk}/delete")
    assert address in alice.get(page(cast, f"documents/{document.pk}/answers")).content.decode()

    asked = alice.get(address).content.decode()
    assert "1 answer" in asked
    assert "by 1 person" in asked
    told = alice.post(address, follow=True)
    assert "Deleting a document" in told.content.decode()
    run(cast)

    assert "Document deleted" in alice.get(told.redirect_chain[-1][0]).content.decode()
    gone = alice.get(page(cast, f"documents/{document.pk}"))
    assert (gone.status_code, "This document was deleted." in gone.content.decode()) == (410, True)


def test_an_import_is_undone_by_page(cast, alice, document):
    with tenant_scope(cast.acme):
        job = Job.objects.get()
    address = page(cast, f"jobs/{job.pk}/undo")
    assert address in alice.get(page(cast, f"jobs/{job.pk}")).content.decode()

    assert "Delete 1 document" in alice.get(address).content.decode()
    alice.post(address)
    run(cast)

    with tenant_scope(cast.acme):
        assert not Document.objects.exists()
    told = alice.get(address, follow=True).content.decode()
    assert "This import is undone already." in told
    assert address not in told


def test_a_project_by_page_wants_its_name(cast, alice, project, document):
    address = page(cast, f"projects/{project.pk}/delete")
    assert f'action="{address}"' in alice.get(page(cast, f"projects/{project.pk}/settings")).content.decode()

    wrong = alice.post(address, {"name": "mails"})
    assert (wrong.status_code, "That is not the project&#x27;s name." in wrong.content.decode()) == (422, True)
    told = alice.post(address, {"name": "Mails"}, follow=True)
    run(cast)

    after = alice.get(told.redirect_chain[-1][0])
    assert "Project deleted" in after.content.decode()
    assert "To the projects" in after.content.decode()
    with tenant_scope(cast.acme):
        assert not Project.objects.exists()


@pytest.mark.parametrize("role", ["annotator", "reviewer"])
def test_who_may_not(cast, project, document, role):
    Membership.objects.filter(user=cast.bob).update(role=role)
    with tenant_scope(cast.acme):
        job = Job.objects.get()
    bob, api = signed_in(cast.bob), Api(cast.acme, cast.bob)

    for path in (f"documents/{document.pk}/delete", f"jobs/{job.pk}/undo", f"projects/{project.pk}/delete"):
        assert bob.get(page(cast, path)).status_code == bob.post(page(cast, path)).status_code == 403
    for path in (f"/documents/{document.pk}", f"/jobs/{job.pk}/documents", f"/projects/{project.pk}"):
        assert api.delete(path).status_code == 403
    assert "/delete" not in bob.get(page(cast, f"documents/{document.pk}/answers")).content.decode()
    with tenant_scope(cast.acme):
        assert not Job.objects.filter(kind="delete").exists()


def test_by_api(cast, project, document):
    api = Api(cast.acme, cast.alice)

    told = api.delete(f"/documents/{document.pk}", dry_run=True)
    assert (told.status_code, told.json()["answers"], told.json()["people"]) == (200, 1, 1)
    begun = api.delete(f"/documents/{document.pk}")
    assert (begun.status_code, begun.json()["kind"], begun.json()["state"]) == (202, "delete", "queued")
    run(cast)

    done = api.get(f"/jobs/{begun.json()['id']}").json()
    assert (done["state"], done["rows"]) == ("succeeded", 1)
    for gone in (
        api.get(f"/documents/{document.pk}"),
        api.delete(f"/documents/{document.pk}"),
        Api(cast.acme, cast.bob).put(
            f"/documents/{document.pk}/annotation", {"submit_id": str(uuid4()), "revision": 1}
        ),
    ):
        assert (gone.status_code, gone.json()["error"]["code"]) == (410, "document_deleted")


def test_a_project_by_api_wants_its_name(cast, project):
    api = Api(cast.acme, cast.alice)

    assert api.delete(f"/projects/{project.pk}").json()["error"]["code"] == "wrong_name"
    assert api.delete(f"/projects/{project.pk}", name="Mails").status_code == 202
    run(cast)

    assert api.get(f"/projects/{project.pk}").status_code == 404


def test_others_hear_nothing_of_a_deleted_document(cast, document):
    Api(cast.acme, cast.alice).delete(f"/documents/{document.pk}")
    run(cast)

    assert Api(cast.globex, cast.charlie).get(f"/documents/{document.pk}").status_code == 404


def test_an_import_at_once_is_undone_by_the_job_that_it_names(cast, project):
    alice, path = Api(cast.acme, cast.alice), f"/projects/{project.pk}/import"

    def sent(data: bytes):
        return alice.call("POST", path, data, content_type="text/plain").json()

    assert sent(b"One alone")["job"] is None
    told = sent(b"A first\nA second\nOne alone\n")

    job = alice.get(f"/jobs/{told['job']}").json()
    assert (job["state"], job["rows"], job["new"], job["known"]) == ("succeeded", 3, 2, 1)
    assert "Undo this import" in signed_in(cast.alice).get(page(cast, f"jobs/{told['job']}")).text
    assert alice.delete(f"/jobs/{told['job']}/documents").status_code == 202
    run(cast)

    with tenant_scope(cast.acme):
        assert [document.text for document in Document.objects.all()] == ["One alone"]
        assert Job.objects.filter(kind="import").count() == 1


def test_by_command_an_import_is_somebodys_and_undone_by_its_job(cast, project, tmp_path, capsys):
    file = tmp_path / "mails.txt"
    file.write_text("A first\nA second\n")
    call_command("import", "acme", "Mails", str(file), "--user", "alice")
    undo = re.search(r"`manage.py (delete acme import \d+)`", capsys.readouterr().out).group(1)

    call_command(*undo.split(), "--yes")

    with tenant_scope(cast.acme):
        assert not Document.objects.exists()
        assert Job.objects.get().options == {"attempts": 1, "undone": True}


def test_a_deletion_that_failed_has_a_button_to_try_it_again(cast, alice, document):
    alice.post(page(cast, f"documents/{document.pk}/delete"))
    with tenant_scope(cast.acme):
        job = Job.objects.get(kind="delete")
        failed = {"state": "failed", "reason": "A file cannot be deleted.", "finished_at": job.created_at}
        Job.objects.filter(pk=job.pk).update(**failed)
    address, api = page(cast, f"jobs/{job.pk}"), Api(cast.acme, cast.alice)

    assert "The last deletion failed" in alice.get(page(cast, f"projects/{document.project_id}/")).text
    assert 'value="again"' in alice.get(address).text
    assert signed_in(cast.bob).post(address, {"act": "again"}).status_code == 403
    alice.post(address, {"act": "again"})
    with tenant_scope(cast.acme):
        assert (Job.objects.get(pk=job.pk).state, Job.objects.get(pk=job.pk).reason) == ("queued", "")
        Job.objects.filter(pk=job.pk).update(**failed)
    assert api.post(f"/jobs/{job.pk}/start").json()["state"] == "queued"
    assert api.post(f"/jobs/{job.pk}/start").json()["error"]["code"] == "job_over"
    assert run(cast).state == "succeeded"


def test_an_import_of_which_no_document_is_known_is_not_undone(cast, alice, document):
    with tenant_scope(cast.acme):
        Document.objects.update(job=None)
        job = Job.objects.get()
        Job.objects.update(rows_new=1)

    refused = Api(cast.acme, cast.alice).delete(f"/jobs/{job.pk}/documents")
    shown = alice.post(page(cast, f"jobs/{job.pk}/undo"), follow=True)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "nothing_known")
    assert "None of the project’s documents is known to have come from this import." in shown.text
    with tenant_scope(cast.acme):
        assert not Job.objects.filter(kind="delete").exists()
