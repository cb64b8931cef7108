"""Which tenant are we working for? The scope, and the base of every row that belongs to one.

Inside ``tenant_scope(tenant)`` there is one transaction whose PostgreSQL setting ``marginalia.tenant`` names the
tenant; row-level security shows that tenant's rows and nothing else. Outside, managers raise and the database
shows nothing. There is no scope of all tenants: work for the whole install is one scope after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar

from django.db import connection, models, transaction

from annotator.accounts import Tenant

M = TypeVar("M", bound=models.Model)

_current: ContextVar[Tenant | None] = ContextVar("tenant", default=None)


class OutsideTenantScope(RuntimeError):
    """A tenant-owned table was touched with no tenant in scope."""


class WrongTenant(RuntimeError):
    """A row of one tenant was about to be written in another tenant's scope."""


def current_tenant() -> Tenant:
    """The tenant in scope; raises OutsideTenantScope where there is none."""
    tenant = _current.get()
    if tenant is None:
        raise OutsideTenantScope("No tenant in scope: enter tenant_scope(tenant) first.")
    return tenant


@contextmanager
def tenant_scope(tenant: Tenant) -> Iterator[Tenant]:
    """One transaction for one tenant. Scopes of the same tenant nest (as savepoints), of another do not."""
    outer = _current.get()
    if outer is not None and outer.pk != tenant.pk:
        raise WrongTenant(f"Already in the scope of {outer.slug}: cannot enter that of {tenant.slug}.")
    with transaction.atomic():
        if outer is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('marginalia.tenant', %s, true)", [str(tenant.pk)])
        token = _current.set(tenant)
        try:
            yield tenant
        finally:
            _current.reset(token)
        if outer is None and connection.savepoint_ids:
            # The transaction outlives the scope (as in tests). After an error the savepoint takes it back.
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('marginalia.tenant', '', true)")


class TenantQuerySet(models.QuerySet[M]):
    """Rows of the tenant in scope."""

    def update(self, **kwargs: Any) -> int:
        if "tenant" in kwargs or "tenant_id" in kwargs:
            raise WrongTenant("A row never moves to another tenant.")
        return super().update(**kwargs)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[M]:
        objs = list(objs)
        for obj in objs:
            obj.stamp_tenant()
        return super().bulk_create(objs, *args, **kwargs)


class TenantManager(models.Manager[M]):
    """Filters by the tenant in scope and raises outside any."""

    def get_queryset(self) -> TenantQuerySet[M]:
        return TenantQuerySet[M](self.model, using=self._db).filter(tenant_id=current_tenant().pk)


class GuardedManager(models.Manager[M]):
    """The base manager (links, refresh, cascades): hides nothing more than PostgreSQL does, but wants a scope."""

    def get_queryset(self) -> TenantQuerySet[M]:
        current_tenant()
        return TenantQuerySet[M](self.model, using=self._db)


class TenantOwned(models.Model):
    """Base of every table that belongs to a tenant. ``APPEND_ONLY`` rows are never changed nor deleted."""

    APPEND_ONLY: ClassVar[bool] = False

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, editable=False, db_index=False)

    objects = TenantManager()
    guarded = GuardedManager()

    class Meta:
        abstract = True
        base_manager_name = "guarded"
        default_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.stamp_tenant()
        if self._state.adding:
            # A forged primary key must not overwrite somebody's row.
            kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.stamp_tenant()
        return super().delete(*args, **kwargs)

    def stamp_tenant(self) -> None:
        """Make the row the scope's own, or raise WrongTenant if it is somebody else's."""
        tenant = current_tenant()
        if self.tenant_id is None:
            self.tenant = tenant
        if self.tenant_id != tenant.pk:
            raise WrongTenant(f"This {self._meta.verbose_name} belongs to another tenant.")
