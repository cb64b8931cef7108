"""Invitations: a link that makes whoever has it a member, once, within a week. No mail is sent; people hand it over.

The link names its tenant, so that its secret is looked for in that tenant's scope alone.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from annotator import audit, people
from annotator.accounts import Membership, Role, Tenant, User
from annotator.errors import Conflict, Detail, Invalid
from annotator.models import Invitation
from annotator.said import Said
from annotator.spans import storable_fault
from annotator.tenancy import current_tenant, tenant_scope
from annotator.tokens import digest

DAYS = 7
PATH = "/join/"


class Spent(Exception):
    """The link was used or taken back, is too old, or never was one."""


def invite(name: str, role: str, *, email: str = "", actor: User) -> tuple[Invitation, str]:
    """A place for somebody, and the path of the link to it, which cannot be had again.

    Raises Invalid where the name or address will not do, or where the role is more than the actor's own.
    """
    name, email = name.strip(), email.strip()
    errors = _faults(name, email)
    if errors:
        raise Invalid("invalid_invitation", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
    people.require_to_give(actor, role)
    secret = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        name=name,
        email=email,
        role=role,
        digest=digest(secret),
        invited_by=actor,
        expires_at=timezone.now() + timedelta(days=DAYS),
    )
    audit.record(actor, "member.invite", name, role=role, invitation=invitation.pk)
    return invitation, f"{PATH}{current_tenant().slug}/{secret}"


def _faults(name: str, email: str) -> list[Detail]:
    errors: list[Detail] = []
    if not name or len(name) > 150 or storable_fault(name):
        errors.append({"field": "name", "reason": Said("must be 1 to 150 characters")})
    if email:
        try:
            validate_email(email)
        except ValidationError:
            errors.append({"field": "email", "reason": Said("must be an address like ann@example.org")})
    return errors


def revoke(invitation: Invitation, *, actor: User) -> None:
    """The link stops working. Conflict if somebody has used it already."""
    open_ones = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None)
    if not open_ones.update(revoked_at=timezone.now()):
        raise Conflict("invitation_over", Said("This invitation was used or taken back already."))
    audit.record(actor, "member.revoke", invitation.name, invitation=invitation.pk)


def waiting() -> list[Invitation]:
    """Those of the tenant in scope who have not come yet, the last invited first; expired ones among them."""
    rows = Invitation.objects.filter(used_at=None, revoked_at=None).select_related("invited_by")
    return list(rows.order_by("-created_at"))


def find(slug: str, secret: str) -> tuple[Tenant, Invitation]:
    """The door of an invitation: what this link leads to. Raises Spent."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise Spent
    with tenant_scope(tenant):
        invitation = Invitation.objects.filter(digest=digest(secret)).select_related("invited_by").first()
    if invitation is None or not invitation.open:
        raise Spent
    return tenant, invitation


def join_as_new(slug: str, secret: str, username: str, password: str) -> User:
    """Make the person and the membership, both or neither. Raises Spent, or Invalid naming the field."""
    tenant, _ = find(slug, secret)
    with tenant_scope(tenant):
        invitation = _take(secret)
        user = people.new_person(username.strip(), invitation.email, password)
        _enter(invitation, user)
    return user


def join(slug: str, secret: str, user: User) -> Tenant:
    """Make somebody who has an account a member. A member already keeps a higher role. Raises Spent."""
    tenant, _ = find(slug, secret)
    with tenant_scope(tenant):
        _enter(_take(secret), user)
    return tenant


def _take(secret: str) -> Invitation:
    """The row is locked, so that of two who open the link at the same moment one gets in."""
    invitation = Invitation.objects.select_for_update().filter(digest=digest(secret)).first()
    if invitation is None or not invitation.open:
        raise Spent
    return invitation


def _enter(invitation: Invitation, user: User) -> None:
    try:
        people.require_to_give(invitation.invited_by, invitation.role)
    except Invalid as error:
        # Who invited has left, or may no longer give that role.
        raise Spent from error
    member = Membership.objects.filter(tenant=current_tenant(), user=user).first()
    if member is None or not Role.covers(member.role, invitation.role):
        people.add_member(user.username, invitation.role, actor=invitation.invited_by)
    invitation.used_at, invitation.used_by = timezone.now(), user
    invitation.save(update_fields=["used_at", "used_by"])
    audit.record(user, "member.join", user.username, role=invitation.role, invitation=invitation.pk)
