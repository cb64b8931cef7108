"""Links and tokens that still work do not come into logs, whoever writes the line."""

from __future__ import annotations

import io
import logging
import logging.config
import os

import pytest
from django.conf import settings
from django.test import Client
from gunicorn.config import Config

from annotator import invitations, people
from annotator.tenancy import tenant_scope
from web.gunicorn import MaskingLogger
from web.masking import is_kept, masked


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("GET /signin/link/7-abc-def HTTP/1.1", "GET /signin/link/… HTTP/1.1"),
        ('"HEAD /join/acme/s3_cr-et HTTP/1.1" 200', '"HEAD /join/acme/… HTTP/1.1" 200'),
        ("/signin?next=%2Fjoin%2Facme%2Fs3cret&x=1", "/signin?next=%2Fjoin%2Facme%2F…&x=1"),
        ("Authorization: Bearer mgn_abc-DEF", "Authorization: Bearer …"),
        ("token mgn_abc-DEF, name", "token mgn_…, name"),
        ("redis://:pass-w0rd@127.0.0.1:6379/0", "redis://:…@127.0.0.1:6379/0"),
        ("postgresql://marginalia:pass@/x?host=y", "postgresql://marginalia:…@/x?host=y"),
        ("marginalia_session_8000=abcdef; other=1", "marginalia_session_8000=…; other=1"),
        ("GET /t/acme/projects/3/ HTTP/1.1", "GET /t/acme/projects/3/ HTTP/1.1"),
    ],
)
def test_what_is_masked(line, written):
    assert masked(line) == written


@pytest.fixture
def log(monkeypatch):
    """Where all lines of the install go, as its settings say."""
    written = io.StringIO()
    told = settings.LOGGING | {
        "handlers": {"stdout": settings.LOGGING["handlers"]["stdout"] | {"stream": written}},
        "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
    }
    before = logging.root.handlers[:], logging.root.level
    logging.config.dictConfig(told)
    yield written
    logging.root.handlers, logging.root.level = before[0], before[1]


def test_a_link_that_is_refused_without_its_token_is_not_logged(cast, log):
    path = people.login_path(cast.bob)
    with tenant_scope(cast.acme):
        _, invited = invitations.invite("Dora", "annotator", actor=cast.alice)

    for link in (path, invited):
        assert Client(enforce_csrf_checks=True).post(link).status_code == 403

    assert "/signin/link/…" in log.getvalue()
    assert path not in log.getvalue()
    assert invited.rpartition("/")[2] not in log.getvalue()
    assert Client().post(path).url == "/"  # it did still work


def test_exceptions_are_masked_too(log):
    try:
        raise ValueError("redis://:pass-w0rd@127.0.0.1")
    except ValueError:
        logging.getLogger("celery.worker").exception("lost %s", "/signin/link/7-abc")

    assert "ValueError" in log.getvalue()
    assert "pass-w0rd" not in log.getvalue()
    assert "7-abc" not in log.getvalue()


def test_gunicorns_own_lines(tmp_path):
    config = Config()
    config.set("errorlog", str(tmp_path / "error"))
    config.set("accesslog", str(tmp_path / "access"))
    logger = MaskingLogger(config)

    logger.error_log.error("Error handling request /signin/link/7-abc-def")
    logger.access_log.info("GET /join/acme/s3cret HTTP/1.1")

    assert "7-abc" not in (tmp_path / "error").read_text()
    assert "/join/acme/…" in (tmp_path / "access").read_text()


def test_what_is_kept_is_told_from_a_terminal(tmp_path):
    reading, writing = os.pipe()
    master, terminal = os.openpty()

    with (tmp_path / "log").open("w") as file, os.fdopen(writing, "w") as pipe, os.fdopen(terminal, "w") as screen:
        assert is_kept(file)
        assert not is_kept(pipe)
        assert not is_kept(screen)
    os.close(reading)
    os.close(master)
