"""One real PostgreSQL and one real Redis for the whole test run, migrated as an install would be.

Tests run in the migrated database itself, each in a transaction that is rolled back; those that need commits
(``committed_db``) make tenants of their own, which no other test can see.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# How long an example takes says nothing on a machine that has much else to do.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("django"):
        return  # `-p no:django` runs the tests of the model library alone
    if config.getoption("numprocesses", None):
        return  # this process only hands tests out; each of those that run them has services of its own
    from web import embedded

    data_dir = Path(tempfile.mkdtemp(prefix="marginalia-test-"))
    services = embedded.start(data_dir, durable=False)
    config.add_cleanup(lambda: shutil.rmtree(data_dir, ignore_errors=True))
    config.add_cleanup(services.stop)
    os.environ.update(
        DATA_DIR=str(data_dir),
        DATABASE_URL=services.database_url,
        REDIS_URL=services.redis_url,
        SECRET_KEY=secrets.token_urlsafe(40),
        DJANGO_SETTINGS_MODULE="web.settings",
        LOG_LEVEL="WARNING",
    )
    subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--skip-checks", "--verbosity", "0"],
        env=os.environ | {"MARGINALIA_DB_ROLE": ""},
        check=True,
    )
    import django

    django.setup()


# The longest files, which mostly wait: others are run meanwhile, and none of these is the last.
FIRST = ("test_journey.py", "test_healing.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: (*FIRST, item.path.name).index(item.path.name))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes give a test no name: archives hold the second they were made in, and all processes must name it alike."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """Each test begins in English: Django leaves the last request's language to its thread."""
    yield
    if "django.utils.translation" in sys.modules:
        sys.modules["django.utils.translation"].deactivate()


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database is there already."""


@pytest.fixture
def committed_db(django_db_blocker) -> Iterator[None]:
    """Real commits, for tests with several connections. Make your own tenant: nothing is cleaned up."""
    with django_db_blocker.unblock():
        yield
        from django.db import connection

        connection.close()


@pytest.fixture
def cast(db):
    """Two tenants and their people: alice manages acme, bob annotates for it; charlie manages globex."""
    from tests.cast import Cast

    return Cast.make("")
