"""Tenants and the people in them: members, their roles, and links that sign somebody in once."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils import timezone
from django.utils.http import base36_to_int

from annotator import audit
from annotator.accounts import Membership, Role, Tenant, User
from annotator.errors import Invalid
from annotator.tenancy import current_tenant, tenant_scope

LINK_SECONDS = 3600
LINK_PATH = "/signin/link/"


def add_tenant(slug: str, name: str = "") -> tuple[Tenant, bool]:
    """The tenant of that slug, and whether it is new; one that is there already is left as it is."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is not None:
        return tenant, False
    tenant = Tenant(slug=slug, name=name or slug)
    tenant.full_clean()
    tenant.save()
    with tenant_scope(tenant):
        audit.record(None, "tenant.create", slug)
    return tenant, True


def add_member(
    username: str, role: str, *, email: str = "", password: str | None = None, actor: User | None = None
) -> tuple[Membership, bool]:
    """Make somebody a member of the tenant in scope with that role, and say whether anything changed.

    A person who is unknown to the install is made; without a password they sign in by a link. The password
    and address of somebody who exists are left alone: they may belong to other tenants too.
    """
    if role not in Role.values:
        raise Invalid("invalid_role", f"The role must be one of {', '.join(Role.values)}.")
    user = User.objects.filter(username=username).first() or _new_user(username, email, password)
    tenant = current_tenant()
    member, made = Membership.objects.get_or_create(tenant=tenant, user=user, defaults={"role": role})
    before = "" if made else member.role
    if before == role:
        return member, False
    member.role = role
    member.save(update_fields=["role"])
    audit.record(actor, "member.role", username, role=role, before=before)
    return member, True


def _new_user(username: str, email: str, password: str | None) -> User:
    user = User(username=username, email=email)
    if password is None:
        user.set_unusable_password()
    else:
        validate_password(password, user)
        user.set_password(password)
    user.full_clean()
    user.save()
    return user


class _LoginLink(PasswordResetTokenGenerator):
    """One-time by construction: the hash covers the last sign-in, which using the link moves on."""

    key_salt = "annotator.people.login-link"

    def _make_hash_value(self, user: User, timestamp: int) -> str:  # type: ignore[override]
        # Whole seconds would leave the link good for the rest of the second in which it was used.
        return f"{user.pk}{user.password}{user.last_login and user.last_login.isoformat()}{timestamp}"

    def age(self, token: str) -> int:
        return self._num_seconds(self._now()) - base36_to_int(token.partition("-")[0])


_link = _LoginLink()


def login_path(user: User) -> str:
    """The path of a page that signs this person in, once, within an hour."""
    return f"{LINK_PATH}{user.pk}-{_link.make_token(user)}"


def redeem(link: str) -> User | None:
    """Whose link this is, using it up; None if it is forged, old, used already, or its owner is shut out."""
    key, _, token = link.partition("-")
    if not (key.isascii() and key.isdecimal() and len(key) < 19):
        return None
    user = User.objects.filter(pk=int(key), is_active=True).first()
    if user is None or not _link.check_token(user, token) or _link.age(token) > LINK_SECONDS:
        return None
    return user if _sign_in_once(user, timezone.now()) else None


def _sign_in_once(user: User, now: datetime) -> bool:
    """Of two who use the same link at the same moment, one gets in."""
    used = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=now)
    user.last_login = now
    return bool(used)
