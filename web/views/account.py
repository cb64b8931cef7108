"""One's own account: the password; and joining a workplace by an invitation, with an account or without one."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from annotator import invitations, people
from annotator import zones as time_zones
from annotator.accounts import Membership, Role, User
from annotator.errors import Detail, Invalid, Refusal
from web import throttle, zones
from web.headers import secret_address

BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Another password, or a first one for somebody who came by a link. Other sessions of this person end."""
    user = cast(User, request.user)
    form_class = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
    wait = throttle.wait_for(request, user.username) if request.method == "POST" else 0
    form = form_class(user, request.POST or None)
    if request.method == "POST" and not wait:
        if form.is_valid():
            update_session_auth_hash(request, form.save())
            messages.success(
                request, _("Your password is changed. Elsewhere you are signed out, and your tokens have ended.")
            )
            return redirect("password")
        if "old_password" in form.errors:
            throttle.failed(request, user.username)
    status = 429 if wait else 422 if form.errors else 200
    return _account(request, form, wait=throttle.told(wait) if wait else "", status=status)


@login_required
@never_cache
@require_POST
def time_zone(request: HttpRequest) -> HttpResponse:
    """In which zone this person is told days and times."""
    user = cast(User, request.user)
    try:
        people.set_time_zone(user, request.POST.get("time_zone", ""))
    except Refusal as refusal:
        form_class = PasswordChangeForm if user.has_usable_password() else SetPasswordForm
        return _account(request, form_class(user), zone_fault=refusal.said, status=refusal.status)
    messages.success(request, _("Times are shown in %(zone)s from now on.") % {"zone": user.time_zone})
    return redirect("password")


def _account(
    request: HttpRequest, form: SetPasswordForm[User], *, wait: str = "", zone_fault: str = "", status: int = 200
) -> HttpResponse:
    here, stands = zones.of_browser(request), cast(User, request.user).time_zone or "UTC"
    context: dict[str, Any] = {"form": form, "wait": wait, "zone": stands, "zone_fault": zone_fault}
    context |= {"zones": time_zones.names(), "elsewhere": here if here != stands else ""}
    return render(request, "web/password.html", context, status=status)


@never_cache
@secret_address
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, slug: str, secret: str) -> HttpResponse:
    """What an invitation leads to: choose a name and a password, or take one's own account along."""
    try:
        invitations.find(slug, secret)
        if request.method == "POST":
            return _join(request, slug, secret)
    except invitations.Spent:
        return render(request, "web/link_spent.html", {"invitation": True}, status=410)
    except Refusal as refusal:
        return _page(request, slug, secret, refusal)
    return _page(request, slug, secret, None)


def _join(request: HttpRequest, slug: str, secret: str) -> HttpResponse:
    if request.user.is_authenticated:
        invitations.join(slug, secret, request.user)
    else:
        typed = request.POST
        if typed.get("password") != typed.get("again"):
            again: Detail = {"field": "again", "reason": _("The two passwords differ.")}
            raise Invalid("passwords_differ", again["reason"], [again])
        user = invitations.join_as_new(slug, secret, typed.get("username", ""), typed.get("password", ""))
        login(request, user, backend=BACKEND)
    messages.success(request, _("Welcome. You are in."))
    return redirect("projects", tenant=slug)


def _page(request: HttpRequest, slug: str, secret: str, fault: Refusal | None) -> HttpResponse:
    tenant, invitation = invitations.find(slug, secret)
    member = None
    if request.user.is_authenticated:
        member = Membership.objects.filter(tenant=tenant, user=request.user).first()
    context = {
        "tenant": tenant,
        "invitation": invitation,
        "member": member,
        "nothing_new": member is not None and Role.covers(member.role, invitation.role),
        "fault": fault,
        "faults": fault.faults("form") if fault else {},
        "username": request.POST.get("username", ""),
    }
    return render(request, "web/join.html", context, status=fault.status if fault else 200)
