"""Bearer tokens for programs: made once, shown once, kept as a hash, never worth more than their owner's role."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from annotator import audit, people
from annotator.accounts import Membership, Role, User
from annotator.errors import Detail, Invalid
from annotator.models import ApiToken
from annotator.spans import storable_fault
from annotator.tenancy import current_tenant

PREFIX = "mgn_"
MAX_DAYS = 3650

# By hand, for every request by token comes through here; the ORM takes ten times as long to write it.
_HOLDER = """
SELECT u.*, t.id AS token_id, t.role AS given, m.role AS held, t.expires_at, t.used_at
FROM annotator_apitoken t
JOIN annotator_membership m ON m.tenant_id = t.tenant_id AND m.user_id = t.user_id
JOIN annotator_user u ON u.id = t.user_id
WHERE t.digest = %s AND t.tenant_id = %s AND u.is_active
  AND (u.password_changed_at IS NULL OR t.created_at > u.password_changed_at)
"""
# Nobody waits for a note: who finds the row locked leaves it to the next.
_USED = """
UPDATE annotator_apitoken SET used_at = now()
WHERE id = (SELECT id FROM annotator_apitoken WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED)
"""
USED_EVERY = timedelta(hours=1)


class Expired(Exception):
    """The token was good once."""


def issue(
    user: User, *, role: str | None = None, name: str = "token", days: int = 90, actor: User | None = None
) -> tuple[ApiToken, str]:
    """A new token of this person in the tenant in scope, and its secret, which cannot be had again.

    ``role`` is the person's own unless a lower one is wanted; a higher one is refused.
    """
    member = Membership.objects.filter(tenant=current_tenant(), user=user).first()
    if member is None:
        raise Invalid("no_member", f"{user.username} is no member of {current_tenant().slug}.")
    role = role or member.role
    faults = _faults(role, member.role, name, days)
    if faults:
        raise Invalid("invalid_token", f"{faults[0]['field']}: {faults[0]['reason']}", faults)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user, name=name, role=role, digest=digest(secret), expires_at=timezone.now() + timedelta(days=days)
    )
    audit.record(actor, "token.issue", name, owner=user.username, role=role, days=days)
    return token, secret


def _faults(role: str, held: str, name: str, days: int) -> list[Detail]:
    faults: list[Detail] = []
    if role not in Role.values:
        faults.append({"field": "role", "reason": f"must be one of {', '.join(Role.values)}"})
    elif not Role.covers(held, role):
        faults.append({"field": "role", "reason": f"{role} is more than this person's own role, {held}"})
    if not name.strip() or len(name) > 100 or storable_fault(name):
        faults.append({"field": "name", "reason": "must be 1 to 100 characters"})
    if not 1 <= days <= MAX_DAYS:
        faults.append({"field": "days", "reason": f"must be from 1 to {MAX_DAYS}"})
    return faults


def listed(user: User | None = None) -> list[ApiToken]:
    """A person's tokens in the tenant in scope, or everybody's, the last made first; ``works``: it still does."""
    rows = ApiToken.objects.select_related("user").order_by("-created_at", "-pk")
    found = list(rows.filter(user=user) if user else rows)
    now = timezone.now()
    for token in found:
        changed = token.user.password_changed_at
        token.works = token.expires_at > now and (changed is None or token.created_at > changed)  # type: ignore[attr-defined]
    return found


def revoke(token: ApiToken, *, actor: User) -> None:
    """The token stops at once. Invalid where it is somebody's whose role is above the actor's own."""
    if token.user_id != actor.pk:
        held = (
            Membership.objects.filter(tenant=current_tenant(), user=token.user).values_list("role", flat=True).first()
        )
        people.require_to_give(actor, held or Role.MANAGER)
    token.delete()
    audit.record(actor, "token.revoke", token.name, owner=token.user.username, role=token.role)


def digest(secret: str) -> str:
    # The secret has 256 random bits: there is nothing to guess, so a fast hash without salt is enough.
    return hashlib.sha256(secret.encode()).hexdigest()


def holder(secret: str) -> tuple[User, str] | None:
    """Whose token this is in the tenant in scope, and the role it gives; None if it is nobody's.

    The role is the lower one of the token's and the one its owner holds today. Raises Expired.
    """
    found: Any = next(iter(User.objects.raw(_HOLDER, [digest(secret), current_tenant().pk])), None)
    if found is None:
        return None
    now = timezone.now()
    if found.expires_at <= now:
        raise Expired
    if found.used_at is None or found.used_at < now - USED_EVERY:
        with connection.cursor() as cursor:
            cursor.execute(_USED, [found.token_id])
    return found, min(found.held, found.given, key=Role.values.index)
