"""Sign in by password or by a one-time link, sign out, and the way from there to one's work."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotator import people
from annotator.accounts import Membership, User
from web import throttle
from web.headers import secret_address

BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Who guesses has to wait; the wait is told, and nothing is looked up before it is over."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    context: dict[str, Any] = {"next": wanted, "username": request.POST.get("username", "")}
    context["ended"] = request.session.get(people.ENDED, [])
    if request.method != "POST":
        return render(request, "web/signin.html", context)
    seconds = throttle.wait_for(request, context["username"])
    if seconds:
        response = render(request, "web/signin.html", context | {"fault": throttle.told(seconds)}, status=429)
        response.headers["Retry-After"] = str(seconds)
        return response
    form = AuthenticationForm(request, request.POST)
    if form.is_valid():
        throttle.succeeded(request, context["username"])
        request.session.pop(people.ENDED, None)
        login(request, form.get_user())
        return redirect(_safe(request, wanted))
    throttle.failed(request, context["username"])
    fault = _("That name and password do not go together. Capitals matter in the password.")
    return render(request, "web/signin.html", context | {"fault": fault}, status=422)


@never_cache
@secret_address
@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, link: str) -> HttpResponse:
    """The link works once; whoever opens it again is told so. Opening alone does not use it up: programs that show
    what is behind a link open it, too, but press no button."""
    user = people.redeem(link) if request.method == "POST" else people.whose(link)
    if user is None:
        return render(request, "web/link_spent.html", status=410)
    if request.method != "POST":
        return render(request, "web/signin_link.html", {"whose": user})
    login(request, user, backend=BACKEND)
    return redirect("home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.info(request, _("You are signed out."))
    return redirect("signin")


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The tenants of a person; straight on where there is one."""
    user = cast(User, request.user)
    members = list(Membership.objects.filter(user=user).select_related("tenant").order_by("tenant__name"))
    if members:
        for tenant in people.newly_ended(user):
            messages.warning(request, _("You are no longer a member of %(name)s.") % {"name": tenant.name})
    if len(members) == 1:
        return redirect("projects", tenant=members[0].tenant.slug)
    return render(request, "web/home.html", {"members": members, "ended": people.ended(user)})


def _safe(request: HttpRequest, address: str) -> str:
    """Only ever on to this install itself."""
    here = {request.get_host()}
    return address if url_has_allowed_host_and_scheme(address, here, request.is_secure()) else "/"
