"""Asking the suggest worker from a web process."""

from __future__ import annotations

from threading import BoundedSemaphore

import pytest

from annotator.errors import Unavailable
from annotator.tenancy import tenant_scope
from tests.cast import make_project
from trainer import serving
from trainer.models import ModelVersion, TrainingRun


@pytest.fixture
def project(cast):
    """One with a live version."""
    project = make_project(cast.acme)
    with tenant_scope(cast.acme):
        run = TrainingRun.objects.create(project=project, trigger="hand", state="succeeded")
        ModelVersion.objects.create(project=project, run=run, number=1, examples=1, live=True)
        yield project


def test_a_slow_worker_is_not_taken_for_a_silent_redis():
    patience = serving.broker().connection_pool.connection_kwargs["socket_timeout"]

    assert patience > serving.TIMEOUT


def test_while_others_wait_one_thread_is_left_for_people_who_label(project, monkeypatch):
    monkeypatch.setattr(serving, "_waiters", BoundedSemaphore(1))
    seen = []

    def meanwhile(*_):
        with pytest.raises(Unavailable, match="Too many wait"):
            serving.suggest(project, ["Dear Sir"])
        seen.append("refused")
        return {"answers": []}

    monkeypatch.setattr(serving, "_ask", meanwhile)

    for _ in range(2):  # whoever waited makes room again
        assert serving.suggest(project, ["Dear Madam"])[1] == []
    assert len(seen) == 2
