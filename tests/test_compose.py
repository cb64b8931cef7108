"""docker-compose.yml, the settings and their documentation say the same; and a preflight finds what does not fit."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.outside import data_directory
from web import embedded

ROOT = Path(__file__).resolve().parent.parent
NAME = re.compile(r"`([A-Z][A-Z_]+)`")
# How the code takes a variable from the environment.
READ = re.compile(
    r"""(?:configuration\.(?:number|switch|level|folder)|env\.(?:str|list)|os\.environ\.get)\(\s*"([A-Z][A-Z_]+)\""""
)
# What our own processes tell one another, and what belongs to others.
PRIVATE = {"READY_FILE", "WARM_TENSORFLOW", "PATH"}
FIXED_IN_THE_IMAGE = {"DATA_DIR", "PORT", "HOST", "DEMO", "CHROMIUM"}


def documented() -> list[set[str]]:
    """The variables of each table under "Settings": those of `make run`, of all, of compose alone."""
    section = (ROOT / "docs/operators.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    tables = [part for part in section.split("\n\n") if part.startswith("| variable |")]
    rows = [[line.split("|")[1] for line in table.splitlines()[2:]] for table in tables]
    return [{name for cell in cells for name in NAME.findall(cell)} for cells in rows]


def read_by_the_code() -> set[str]:
    files = [file for package in ("annotator", "trainer", "web") for file in (ROOT / package).rglob("*.py")]
    from web import configuration

    found = {name for file in files if "ml" not in file.parts for name in READ.findall(file.read_text())}
    return found | set(configuration.VARIABLES)


def compose() -> str:
    return (ROOT / "docker-compose.yml").read_text()


def test_every_setting_that_is_read_is_documented_and_the_other_way_round() -> None:
    launcher, everywhere, _compose_alone = documented()

    assert launcher == FIXED_IN_THE_IMAGE
    assert (launcher | everywhere) - {"CHROMIUM"} == read_by_the_code() - PRIVATE


def test_compose_passes_on_every_documented_setting() -> None:
    _launcher, everywhere, _compose_alone = documented()

    passed_on = dict(re.findall(r"^    ([A-Z_]+): (\$\{.*\})$", compose().partition("  volumes:")[0], re.MULTILINE))

    assert everywhere <= set(passed_on)
    assert {name: value for name, value in passed_on.items() if not value.startswith("${" + name + ":")} == {}


def test_compose_names_no_variable_that_is_not_documented() -> None:
    _launcher, everywhere, compose_alone = documented()

    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", compose()))

    # Compose itself reads its project's name.
    assert used == (everywhere | compose_alone) - {"COMPOSE_PROJECT_NAME"}


def test_neither_postgresql_writes_peoples_texts_to_its_log() -> None:
    postgres = compose().partition("\n  postgres:\n")[2].partition("\n  redis:\n")[0]
    terse = "ALTER DATABASE marginalia SET log_error_verbosity = 'terse'"

    assert embedded.POSTGRES_OPTIONS["log_min_error_statement"] == "panic"
    assert "log_min_error_statement=panic" in postgres
    assert terse in (ROOT / "web/embedded.py").read_text()
    assert terse in (ROOT / "docker/init-database.sh").read_text()


def test_every_default_in_compose_is_one_that_the_code_takes() -> None:
    defaults = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", compose()))
    own = {k: v for k, v in os.environ.items() if k not in defaults}
    # An encoder's is what is mounted where there is none.
    told = {"DATABASE_URL", "REDIS_URL", "ENCODER_DIR"}
    empty = {name: value for name, value in defaults.items() if name not in told}

    done = preflight(own | empty | {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")})

    assert done.returncode == 0, done.stderr


def test_passwords_alone_lead_to_the_bundled_servers_whatever_they_hold(monkeypatch, tmp_path) -> None:
    from web import configuration

    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("DATABASE_PASSWORD", "p@ss/word:1")
    monkeypatch.setenv("REDIS_PASSWORD", "secret")

    found = configuration.find(tmp_path)

    assert urlsplit(found["DATABASE_URL"]).hostname == "postgres"
    assert urlsplit(found["DATABASE_URL"]).password == "p%40ss%2Fword%3A1"
    assert found["REDIS_URL"] == "redis://:secret@redis:6379/0"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"HTTPS": "maybe"}, "HTTPS='maybe' is neither 1 nor 0"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL='LOUD' is none of DEBUG, INFO"),
        ({"WEB_WORKERS": "two"}, "WEB_WORKERS='two' is not a whole number"),
        ({"ALLOWED_HOSTS": "https://labels.example.org"}, "names alone, without https://"),
        ({"CSRF_TRUSTED_ORIGINS": "labels.example.org"}, "must begin with https://"),
        ({"REDIS_URL": "redis://:secret@127.0.0.1:1/0"}, "Redis cannot be used with REDIS_URL"),
        ({"DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/none"}, "The database cannot be opened"),
        ({"MARGINALIA_DB_ROLE": ""}, "MARGINALIA_DB_ROLE is empty"),
        ({"ENCODER_DIR": "/proc/none"}, "ENCODER_DIR: the encoder /proc/none is not a folder"),
        ({"ENCODER_DIR": "/tmp"}, "ENCODER_DIR: the encoder /tmp has no saved_model.pb"),
        ({"DATA_DIR": "/proc/none"}, "DATA_DIR /proc/none cannot be written"),
    ],
    ids=str,
)
def test_a_preflight_says_in_a_sentence_what_would_take_the_site_down(changed: dict[str, str], said: str) -> None:
    done = preflight(os.environ | changed)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_preflight_finds_everything_that_is_wrong_at_once_and_a_changed_password() -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    wrong = urlunsplit(url._replace(netloc="marginalia:changed@"))

    done = preflight(os.environ | {"DATABASE_URL": wrong, "WEB_THREADS": "", "ALLOWED_HOSTS": "https://x"})

    assert done.returncode == 1
    assert "password authentication failed" in done.stderr
    assert "names alone" in done.stderr


def test_a_preflight_says_what_is_due_and_changes_nothing() -> None:
    done = preflight(dict(os.environ))

    assert done.returncode == 0, done.stderr
    assert "no migration is due" in done.stdout


def test_a_preflight_waits_for_a_server_that_is_only_starting() -> None:
    with data_directory() as path:
        (path / "logs").mkdir()
        broker = embedded.Redis(path, embedded._service_account(path))
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            broker.port = nobody.getsockname()[1]
            process = subprocess.Popen(
                [sys.executable, "manage.py", "preflight", "--wait", "100"],
                cwd=ROOT, env=os.environ | {"REDIS_URL": broker.url, "DATA_DIR": str(path)},
                stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            nobody.accept()[0].close()  # asked in vain

        broker.start()
        _said, complained = process.communicate(timeout=120)
        broker.stop()

    assert process.returncode == 0, complained


def test_a_preflight_does_not_wait_for_a_server_that_refuses() -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    wrong = urlunsplit(url._replace(netloc="marginalia:changed@"))

    done = preflight(os.environ | {"DATABASE_URL": wrong}, "--wait", "100000")

    assert "password authentication failed" in done.stderr


def preflight(env: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    with data_directory() as path:
        env = {"DATA_DIR": str(path)} | {k: v for k, v in env.items() if k != "DATA_DIR" or v.startswith("/proc")}
        return subprocess.run(
            [sys.executable, "manage.py", "preflight", *options],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
