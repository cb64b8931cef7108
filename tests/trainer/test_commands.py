"""The commands `train` and `promote`: what they start, what they say, how they refuse."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from annotator import review
from annotator.review import Submission
from annotator.tenancy import tenant_scope
from tests.cast import add_documents, make_project
from trainer import runs
from trainer.management.commands import train
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture
def project(cast):
    """A project of acme with one answer, and no scope open: a command enters its own."""
    project = make_project(cast.acme, check_share=0)
    document, *_ = add_documents(cast.acme, project, "A letter.", "Another one.")
    with tenant_scope(cast.acme):
        review.annotate(document, cast.bob, Submission(uuid4(), 0, {}))
    return project


def worker_that(cast, ends_with, reason):
    """Does a worker's part while the command waits between two looks."""

    def work(_seconds):
        with tenant_scope(cast.acme):
            run = runs.claim()
            runs.note(run, "step 1 of 1")
            runs.finish(run, ends_with, reason)

    return work


def test_train_queues_a_run(cast, project, capsys):
    call_command("train", "acme", project.name)

    with tenant_scope(cast.acme):
        assert TrainingRun.objects.get(project=project).state == "queued"
    assert "is queued" in capsys.readouterr().out
    with pytest.raises(CommandError, match="queued or running already"):
        call_command("train", "acme", project.name)


def test_train_wait_shows_the_log_to_its_end(cast, project, capsys, monkeypatch, lives):
    lives("train")
    monkeypatch.setattr(train.time, "sleep", worker_that(cast, "succeeded", ""))

    call_command("train", "acme", str(project.pk), "--wait")

    out = capsys.readouterr().out
    assert out.count("step 1 of 1") == 1
    assert "succeeded" in out


def test_train_wait_fails_with_the_runs_reason(cast, project, monkeypatch, lives):
    lives("train")
    monkeypatch.setattr(train.time, "sleep", worker_that(cast, "failed", "the disk is full"))

    with pytest.raises(CommandError, match="failed: the disk is full"):
        call_command("train", "acme", project.name, "--wait")


def test_train_wait_says_when_nobody_would_work_on_it(cast, project, lives):
    lives("train", stalled=True)

    with pytest.raises(CommandError, match="No train worker is running"):
        call_command("train", "acme", project.name, "--wait")


def test_promote_makes_an_older_version_live_again(cast, project, capsys):
    with tenant_scope(cast.acme):
        run = runs.start(project, actor=None)
        for number in (1, 2):
            version = ModelVersion.objects.create(
                project=project, run=run, number=number, manifest_sha256="0" * 64, examples=10
            )
        runs.promote(version, actor=None)

    call_command("promote", "acme", project.name, "1")

    with tenant_scope(cast.acme):
        assert runs.live_version(project).number == 1
    assert "Version 1 of Mails is live." in capsys.readouterr().out
    with pytest.raises(CommandError, match="no version 7; it has 1, 2"):
        call_command("promote", "acme", project.name, "7")


def test_another_tenants_project_is_unknown(cast, project):
    with pytest.raises(CommandError, match="There is no project"):
        call_command("train", "globex", project.name)
