"""Tenants share nothing. The cases come from the models, the routes and the tasks: a new one cannot be left out."""

from __future__ import annotations

import inspect
import re
from contextlib import suppress
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import get_commands, load_command_class
from django.db import DatabaseError, IntegrityError, connection, transaction

import trainer.tasks
from annotator.management.base import TenantCommand
from annotator.models import Document, Project
from annotator.tenancy import OutsideTenantScope, TenantOwned, WrongTenant, current_tenant, tenant_scope
from tests.addresses import API_PREFIX, BODIES, EMPTY, IDS, TENANT_PREFIX, call, cases, routes
from tests.cast import Cast
from tests.worlds import TENANT_MODELS, World
from trainer.celery import app

ROOT = Path(__file__).resolve().parent.parent

GLOBAL_MODELS = {
    "annotator.Tenant",
    "annotator.User",
    "annotator.Membership",
    "annotator.User_groups",
    "annotator.User_user_permissions",
    "auth.Group",
    "auth.Group_permissions",
    "auth.Permission",
    "contenttypes.ContentType",
    "sessions.Session",
}
GLOBAL_TABLES = {"django_migrations"}
GLOBAL_ROUTES = {
    "", "account/password", "account/time-zone", "healthz", "join/<slug:slug>/<str:secret>", "readyz", "signin",
    "signin/link/<str:link>",
    "signout",
    "language",
}  # fmt: skip
GLOBAL_TASKS = {"trainer.tasks.sweep"}
GLOBAL_COMMANDS = {"backup", "demo", "loginlink", "migrate", "preflight", "restore", "tenant"}

# SQL by hand sees what row-level security shows; where it is written, somebody has looked twice.
SQL_BY_HAND = {
    "annotator/dictionary/learning.py",
    "annotator/dictionary/lists.py",
    "annotator/dictionary/lookup.py",
    "annotator/exporting/jsonl.py",
    "annotator/finding/search.py",
    "annotator/finding/words.py",
    "annotator/importing/store.py",
    "annotator/migrated.py",
    "annotator/queue.py",
    "annotator/relabel.py",
    "annotator/removal.py",
    "annotator/pace.py",
    "annotator/skips.py",
    "annotator/stats.py",
    "annotator/tenancy.py",
    "annotator/tokens.py",
    "annotator/verdicts.py",
    "web/backup.py",
    "web/preflight.py",
    "web/restore.py",
    "web/roles.py",
    "web/suggested.py",
}
# A backup reads the whole install, and a restore writes it: one tenant after the other, by nobody but its operator.
SCOPE_SETTERS = {"annotator/tenancy.py", "web/backup.py", "web/restore.py"}
# Functions of the database that do what the role may not: each looks at the rows of the tenant in scope alone.
OWNERS_RIGHTS = ["marginalia_delete_documents", "marginalia_delete_record", "marginalia_redact_project"]

named = pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model.__name__)


@pytest.fixture(scope="module")
def worlds(django_db_setup, django_db_blocker):
    """Made once and committed: each test then runs in a transaction that is rolled back."""
    with django_db_blocker.unblock():
        cast = Cast.make()
        yield World.make(cast.acme, cast.alice), World.make(cast.globex, cast.charlie)
        connection.close()


@pytest.fixture
def acme(db, worlds):
    return worlds[0]


@pytest.fixture
def globex(db, worlds):
    return worlds[1]


def sql(statement, *values):
    """What PostgreSQL answers to this, with nothing of ours in between."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0] if cursor.description else cursor.rowcount


@pytest.fixture
def as_acme(acme, globex):
    """Acme's setting is on, and nothing else of ours."""
    sql("SELECT set_config('marginalia.tenant', %s, true)", str(acme.tenant.pk))
    yield acme
    sql("SELECT set_config('marginalia.tenant', '', true)")


class TestModels:
    def test_each_belongs_to_a_tenant_or_is_on_the_list(self):
        others = {m._meta.label for m in apps.get_models(include_auto_created=True) if not issubclass(m, TenantOwned)}

        assert others == GLOBAL_MODELS

    def test_each_table_is_a_models(self, db):
        with connection.cursor() as cursor:
            tables = set(connection.introspection.table_names(cursor, include_views=True))

        assert tables == {m._meta.db_table for m in apps.get_models(include_auto_created=True)} | GLOBAL_TABLES

    @named
    def test_outside_a_scope_everything_raises(self, acme, model):
        with tenant_scope(acme.tenant):
            row = model.objects.first()

        for use in (
            lambda: list(model.objects.all()), model.objects.exists, model.objects.count, model.objects.first,
            lambda: list(model.guarded.all()), model._base_manager.first, row.save, row.delete,
            row.refresh_from_db, model.objects.create, lambda: model.objects.bulk_create([row]),
        ):  # fmt: skip
            with pytest.raises(OutsideTenantScope):
                use()

    @named
    def test_anothers_rows_are_neither_seen_nor_written(self, acme, globex, model):
        with tenant_scope(globex.tenant):
            row = model.objects.first()
        before = globex.fingerprint()

        with tenant_scope(acme.tenant):
            assert not model.objects.filter(pk=row.pk).exists()
            assert not model._base_manager.filter(pk=row.pk).exists()
            for write in (row.save, row.delete, lambda: model.objects.bulk_create([row])):
                with pytest.raises(WrongTenant):
                    write()
            with pytest.raises(WrongTenant):
                model.objects.update(tenant=globex.tenant)

        assert globex.fingerprint() == before

    def test_a_forged_key_overwrites_nobodys_row(self, acme, globex):
        with tenant_scope(acme.tenant), pytest.raises(IntegrityError), transaction.atomic():
            Project(pk=globex.project.pk, name="forged").save()

    def test_a_row_cannot_point_into_another_tenant(self, acme, globex):
        with tenant_scope(acme.tenant), pytest.raises(IntegrityError), transaction.atomic():
            Document.objects.filter(pk=acme.document.pk).update(project=globex.project.pk)

    def test_scopes_of_two_tenants_do_not_nest(self, acme, globex):
        with tenant_scope(acme.tenant), pytest.raises(WrongTenant), tenant_scope(globex.tenant):
            pass

    def test_a_scope_ends_with_its_block(self, acme):
        with pytest.raises(ZeroDivisionError), tenant_scope(acme.tenant):
            _ = 1 / 0

        with pytest.raises(OutsideTenantScope):
            current_tenant()
        assert sql("SELECT coalesce(current_setting('marginalia.tenant', true), '')") == ""


class TestDatabase:
    """With the Python guard off: PostgreSQL alone."""

    def test_the_role_is_bound_by_row_level_security(self, db):
        assert sql("SELECT current_user") == "marginalia_app"
        assert not sql("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")

    @named
    def test_row_level_security_is_on_and_forced_and_has_one_policy(self, db, model):
        table = model._meta.db_table

        assert sql("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", table)
        assert sql("SELECT count(*) FROM pg_policy WHERE polrelid = %s::regclass", table) == 1
        policy = """SELECT polcmd = '*' AND polpermissive
                       AND pg_get_expr(polqual, polrelid) = pg_get_expr(polwithcheck, polrelid)
                       AND pg_get_expr(polqual, polrelid) ~ 'tenant_id = .*marginalia.tenant'
                    FROM pg_policy WHERE polrelid = %s::regclass"""
        assert sql(policy, table)

    @named
    def test_the_role_may_do_no_more_than_it_needs(self, db, model):
        rights = {"SELECT", "INSERT"} | (set() if model.APPEND_ONLY else {"UPDATE", "DELETE"})

        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            has = sql("SELECT has_table_privilege(%s, %s)", model._meta.db_table, right)
            assert has is (right in rights), right

    @named
    def test_links_between_tenant_tables_carry_the_tenant(self, db, model):
        links = [f for f in model._meta.fields if f.is_relation and issubclass(f.related_model, TenantOwned)]

        for link in links:
            composite = """SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated
                AND pg_get_constraintdef(oid) ~ %s AND conrelid = %s::regclass"""
            parent = link.related_model._meta.db_table
            wanted = rf"^FOREIGN KEY \(tenant_id, {link.column}\) REFERENCES {parent}\(tenant_id, id\)"
            assert sql(composite, wanted, model._meta.db_table) == 1, f"{model.__name__}.{link.name}"

    def test_nothing_else_runs_with_its_owners_rights(self, db):
        ours = "nspname = 'public'"
        namespace = "pg_namespace n ON n.oid = "

        names = sql(
            "SELECT array_agg(proname::text ORDER BY proname)"
            f" FROM pg_proc p JOIN {namespace} p.pronamespace WHERE {ours} AND prosecdef"
        )
        assert names == OWNERS_RIGHTS
        views = (
            f"SELECT count(*) FROM pg_class c JOIN {namespace} c.relnamespace WHERE {ours} AND relkind IN ('v', 'm')"
        )
        assert not sql(views)

    def test_what_does_looks_at_ones_own_rows_alone(self, acme, globex):
        before = globex.fingerprint()
        sql("SELECT set_config('marginalia.tenant', %s, true)", str(acme.tenant.pk))

        assert sql("SELECT marginalia_delete_documents(%s)", [globex.document.pk]) == 0
        sql("SELECT marginalia_redact_project(%s)", globex.project.pk)

        assert globex.fingerprint() == before

    def test_what_does_takes_nothing_while_it_is_still_there(self, as_acme):
        with pytest.raises(DatabaseError, match="still there"):
            sql("SELECT marginalia_redact_project(%s)", as_acme.project.pk)
        with pytest.raises(DatabaseError, match="has projects or members"):
            sql("SELECT marginalia_delete_record()")

    @pytest.mark.parametrize(
        "call", ["marginalia_delete_documents('{1}')", "marginalia_redact_project(1)", "marginalia_delete_record()"]
    )
    def test_what_does_wants_a_tenant(self, db, call):
        with pytest.raises(DatabaseError, match="no tenant is in scope"):
            sql(f"SELECT {call}")

    @named
    def test_without_a_setting_there_is_nothing(self, acme, globex, model):
        table = model._meta.db_table

        assert sql(f"SELECT count(*) FROM {table}") == 0
        with pytest.raises(DatabaseError, match="row-level security"):
            sql(f"INSERT INTO {table} (tenant_id) VALUES (%s)", acme.tenant.pk)

    @named
    def test_with_ones_setting_anothers_rows_are_out_of_reach(self, as_acme, globex, model):
        table, other = model._meta.db_table, globex.tenant.pk

        assert sql(f"SELECT count(*) FROM {table}") > 0
        assert sql(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", other) == 0
        with pytest.raises(DatabaseError, match="row-level security"):
            sql(f"INSERT INTO {table} (tenant_id) VALUES (%s)", other)
        if model.APPEND_ONLY:
            for statement in (f"UPDATE {table} SET tenant_id = tenant_id", f"DELETE FROM {table}"):
                with pytest.raises(DatabaseError, match="permission denied"):
                    sql(statement)
            return
        assert sql(f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = %s", other) == 0
        assert sql(f"DELETE FROM {table} WHERE tenant_id = %s", other) == 0
        with pytest.raises(DatabaseError, match="row-level security"):
            sql(f"UPDATE {table} SET tenant_id = %s", other)


CASES = list(cases())


def called_with(cases):
    return pytest.mark.parametrize(("method", "route", "body", "name"), cases, ids=[f"{c[0]}-{c[3]}" for c in cases])


case = called_with(CASES)
case_with_ids = called_with([case for case in CASES if "_id>" in case[1]])


class TestRoutes:
    def test_each_is_a_tenants_or_on_the_list(self):
        others = {route for route, _, _ in routes() if not route.startswith(TENANT_PREFIX)}

        assert others == GLOBAL_ROUTES

    def test_each_route_of_the_api_is_called(self):
        called = {route for _, route, _, _ in CASES}

        assert {route for route, _, _ in routes() if route.startswith(TENANT_PREFIX)} == called

    @case_with_ids
    def test_another_tenants_ids_are_not_there(self, acme, globex, method, route, body, name):
        before = globex.fingerprint()

        by_session = call(method, route, body, tenant=acme.tenant, ids=globex, session=acme.manager)
        assert by_session.status_code == 404 or (by_session.status_code == 405 and not route.startswith(API_PREFIX))
        if route.startswith(API_PREFIX):
            by_token = call(method, route, body, tenant=acme.tenant, ids=globex, secret=acme.secret)
            assert by_token.status_code == 404
            assert by_token.json()["error"]["code"] == "not_found"
        assert globex.fingerprint() == before

    @case
    def test_another_tenant_is_not_there(self, acme, globex, method, route, body, name):
        before = globex.fingerprint()

        assert call(method, route, body, tenant=globex.tenant, ids=globex, session=acme.manager).status_code == 404
        if route.startswith(API_PREFIX):
            told = call(method, route, body, tenant=globex.tenant, ids=globex, secret=acme.secret)
            assert told.status_code == 404
        assert globex.fingerprint() == before

    @case
    def test_a_stranger_is_asked_to_sign_in(self, globex, method, route, body, name):
        told = call(method, route, body, tenant=globex.tenant, ids=globex)

        assert told.status_code == (401 if route.startswith(API_PREFIX) else 302)

    @case
    def test_to_those_who_belong_there_it_is(self, globex, method, route, body, name):
        told = call(method, route, body, tenant=globex.tenant, ids=globex, session=globex.manager)

        assert (told.status_code == 404) == (name in EMPTY)
        assert told.status_code < 500 or name == "suggest"

    def test_each_page_answers_one_method_at_least(self, globex):
        for route in sorted({route for _, route, _, _ in CASES if not route.startswith(API_PREFIX)}):
            told = {
                call(method, route, b"", tenant=globex.tenant, ids=globex, session=globex.manager).status_code
                for method in ("GET", "POST")
            }
            assert told != {405}, route

    def test_ids_in_a_body(self, acme, globex):
        verdict = {"suggestion": globex.suggestion.pk, "item": "s0", "verdict": "reject"}
        body = BODIES["put_annotation"] | {"decisions": [verdict]}
        route = API_PREFIX + "documents/<int:document_id>/annotation"

        told = call("PUT", route, body, tenant=acme.tenant, ids=acme, secret=acme.secret)

        assert told.status_code == 422
        assert told.json()["error"]["details"][0]["reason"] == "there is no such suggestion for this document"


TASKS = {name: task for name, task in app.tasks.items() if name.startswith("trainer.")}
ARGUMENTS = IDS | {
    "document_ids": lambda world: [world.document.pk],
    "_before": lambda world: -1.0,
    "texts": lambda world: ["Ann lives in Oslo."],
    "reply_to": lambda world: "marginalia:reply:test",
}


class TestTasks:
    def test_all_are_found(self):
        assert trainer.tasks.train.name in TASKS
        assert {name for name in app.tasks if not name.startswith("celery.")} == set(TASKS)

    @pytest.mark.parametrize("name", sorted(TASKS))
    def test_the_tenant_comes_first(self, name):
        first = next(iter(inspect.signature(TASKS[name].run).parameters), None)

        assert (first == "tenant_id") != (name in GLOBAL_TASKS)

    @pytest.mark.parametrize("name", sorted(set(TASKS) - GLOBAL_TASKS))
    def test_another_tenants_ids_lead_nowhere(self, acme, globex, name):
        parameters = list(inspect.signature(TASKS[name].run).parameters)[1:]
        unknown = set(parameters) - set(ARGUMENTS)
        assert not unknown, f"give {unknown} an example in ARGUMENTS"
        before = globex.fingerprint()

        with suppress(ObjectDoesNotExist):
            TASKS[name].run(acme.tenant.pk, *(ARGUMENTS[parameter](globex) for parameter in parameters))

        assert globex.fingerprint() == before


def test_each_command_is_a_tenants_or_on_the_list():
    ours = {name: app for name, app in get_commands().items() if app in ("annotator", "trainer", "web")}
    others = {name for name, app in ours.items() if not isinstance(load_command_class(app, name), TenantCommand)}

    assert others == GLOBAL_COMMANDS


def sources():
    for package in ("annotator", "trainer", "web"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        (r"\.cursor\(|\.raw\(|RawSQL\(|\.extra\(", SQL_BY_HAND),
        (r"set_config|marginalia\.tenant'", SCOPE_SETTERS),
        (r"\.guarded\b|_base_manager\b", set()),
    ],
)
def test_what_could_reach_across_is_in_named_files_only(pattern, files):
    found = {name for name, source in sources() if re.search(pattern, source)}

    assert found == files
