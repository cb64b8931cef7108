"""Tenants and the people in them: members, their roles, and links that sign somebody in once."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.utils import timezone
from django.utils.http import base36_to_int

from annotator import audit, queue, zones
from annotator.accounts import Membership, Role, Tenant, User
from annotator.errors import Conflict, Detail, Invalid
from annotator.models import Annotation, ApiToken, Claim
from annotator.said import Said
from annotator.tenancy import current_tenant, tenant_scope

LINK_SECONDS = 3600
ENDED = "membership_ended"  # in what is left of a session: the names of those tenants
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
        raise _no_role()
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


def _no_role() -> Invalid:
    return Invalid("invalid_role", Said("The role must be one of %(these)s.", these=", ".join(Role.values)))


def require_to_give(actor: User, role: str) -> None:
    """Raise Invalid unless the actor may give this role in the tenant in scope: nobody gives one above their own."""
    if role not in Role.values:
        raise _no_role()
    held = Membership.objects.filter(tenant=current_tenant(), user=actor).values_list("role", flat=True).first()
    if held is None or not Role.covers(held, Role.MANAGER) or not Role.covers(held, role):
        told = Said("Only somebody with the role %(role)s or a higher one can give it.", role=Said(role))
        raise Invalid("role_too_high", told)


def change_role(member: Membership, role: str, *, actor: User) -> None:
    """Give a member another role. Invalid if either is above the actor's own; Conflict for the last admin."""
    for one in (member.role, role):
        require_to_give(actor, one)
    _keep_somebody(member, unless=role)
    add_member(member.user.username, role, actor=actor)


def remove_member(member: Membership, *, actor: User) -> None:
    """End a membership: sessions and tokens stop, documents at hand go back into the queue; the work stays.

    Whom it concerns is told: by the session that is left of theirs, and when they sign in again.
    """
    require_to_give(actor, member.role)
    _keep_somebody(member)
    user = member.user
    for claim in Claim.objects.filter(annotator=user).select_related("document").order_by("document"):
        queue.release(claim.document, user)
    ApiToken.objects.filter(user=user).delete()
    member.delete()
    user.ended[str(member.tenant_id)] = False
    user.save(update_fields=["ended"])
    if not Membership.objects.filter(user=user).exists():
        _end_sessions(user)
    audit.record(actor, "member.remove", user.username, role=member.role)


def _keep_somebody(member: Membership, *, unless: str = "") -> None:
    """Conflict if nobody would be left with the highest role that somebody holds. Locks the members."""
    rows = Membership.objects.select_for_update().filter(tenant=current_tenant())
    roles = {row.pk: row.role for row in rows.order_by("pk")}
    highest = max(roles.values(), key=Role.values.index)
    if unless != highest and [pk for pk, role in roles.items() if role == highest] == [member.pk]:
        told = Said(
            "%(name)s is the last %(role)s here: make somebody else %(role)s first.",
            name=member.user.username,
            role=Said(highest),
        )
        raise Conflict("last_admin", told)


def _end_sessions(user: User) -> None:
    """Sessions carry the person's key inside, so each that still runs is looked at. What is left of one signs nobody
    in, and says why."""
    left = {ENDED: [tenant.name for tenant in ended(user)]}
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user.pk):
            session.session_data = SessionStore().encode(left)
            session.save(update_fields=["session_data"])


def ended(user: User) -> list[Tenant]:
    """The tenants that this person was removed from and does not belong to."""
    tenants = Tenant.objects.filter(pk__in=[int(key) for key in user.ended])
    return list(tenants.exclude(memberships__user=user).order_by("name"))


def newly_ended(user: User) -> list[Tenant]:
    """Those of them that they have not been told of; from now on they have."""
    found = [tenant for tenant in ended(user) if not user.ended[str(tenant.pk)]]
    if found:
        user.ended |= {str(tenant.pk): True for tenant in found}
        user.save(update_fields=["ended"])
    return found


def members() -> list[Membership]:
    """Those of the tenant in scope with ``last_active``: when they signed in or answered last, whichever is later.

    Answers in projects that hide people's times do not count.
    """
    answered = dict(
        Annotation.objects.filter(project__show_times=True)
        .values_list("annotator")
        .annotate(Max("updated_at"))
        .order_by()
    )
    rows = list(Membership.objects.filter(tenant=current_tenant()).select_related("user").order_by("user__username"))
    for member in rows:
        known = [when for when in (member.user.last_login, answered.get(member.user_id)) if when is not None]
        member.last_active = max(known, default=None)  # type: ignore[attr-defined]
    return rows


def new_person(username: str, email: str, password: str) -> User:
    """Somebody unknown to the install. Invalid names each field that will not do."""
    user = User(username=username, email=email)
    errors: list[Detail] = []
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        errors += [{"field": field, "reason": reasons[0]} for field, reasons in error.message_dict.items()]
    try:
        validate_password(password, user)
    except ValidationError as error:
        errors.append({"field": "password", "reason": error.messages[0]})
    if errors:
        raise Invalid("invalid_person", f"{errors[0]['field']}: {errors[0]['reason']}", errors)
    user.set_password(password)
    user.save()
    return user


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


def set_time_zone(user: User, name: str) -> None:
    """In which zone this person is told times and days. Raises Invalid for a name that is none."""
    if zones.known(name) is None:
        raise Invalid("invalid_time_zone", zones.UNKNOWN, [{"field": "time_zone", "reason": zones.UNKNOWN}])
    user.time_zone = name
    user.save(update_fields=["time_zone"])


def note_time_zone(user: User, name: str) -> None:
    """What this person's browser says, until they say something else themselves."""
    if User.objects.filter(pk=user.pk, time_zone="").update(time_zone=name):
        user.time_zone = name


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


def whose(link: str) -> User | None:
    """Whose link this is, and it stays good; None if it is forged, old, used already, or its owner is shut out."""
    key, _, token = link.partition("-")
    if not (key.isascii() and key.isdecimal() and len(key) < 19):
        return None
    user = User.objects.filter(pk=int(key), is_active=True).first()
    if user is None or not _link.check_token(user, token) or _link.age(token) > LINK_SECONDS:
        return None
    return user


def redeem(link: str) -> User | None:
    """Whose link this is, using it up; None where ``whose`` says so, or somebody else was quicker."""
    user = whose(link)
    return user if user is not None and _sign_in_once(user, timezone.now()) else None


def _sign_in_once(user: User, now: datetime) -> bool:
    """Of two who use the same link at the same moment, one gets in."""
    used = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=now)
    user.last_login = now
    return bool(used)
