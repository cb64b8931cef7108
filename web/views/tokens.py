"""Tokens for programs: one's own to make and end, and for managers those of all, to end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotator import tokens
from annotator.accounts import Role
from annotator.errors import Refusal
from annotator.models import ApiToken
from web import access
from web.refused import told
from web.requests import TenantRequest

MADE = "token_made"  # in the session, until the page that shows it has been seen
DAYS = 90


@require_http_methods(["GET", "POST"])
def index(request: TenantRequest) -> HttpResponse:
    """The lists, and the form that makes one. A new secret is shown once, on the page after."""
    fault: Refusal | None = None
    if request.method == "POST":
        try:
            token, secret = _issued(request)
        except Refusal as refusal:
            fault = refusal
        else:
            request.session[MADE] = {"tenant": request.tenant.pk, "name": token.name, "secret": secret}
            return redirect("tokens", tenant=request.tenant.slug)
    return render(request, "web/tokens.html", _page(request, fault), status=fault.status if fault else 200)


def _issued(request: TenantRequest) -> tuple[ApiToken, str]:
    days = request.POST.get("days", "")
    return tokens.issue(
        request.user,
        role=request.POST.get("role", ""),
        name=request.POST.get("name", "").strip(),
        days=int(days) if days.isdecimal() and len(days) < 6 else 0,
        actor=request.user,
    )


def _page(request: TenantRequest, fault: Refusal | None) -> dict[str, Any]:
    made = request.session.pop(MADE, None) if request.method == "GET" else None
    others = tokens.listed() if access.may(request, Role.MANAGER) else []
    return {
        "mine": tokens.listed(request.user),
        "others": [token for token in others if token.user_id != request.user.pk],
        "made": made if made and made["tenant"] == request.tenant.pk else None,
        "roles": [role for role in Role if Role.covers(request.role, role)],
        "typed": request.POST if request.method == "POST" else {"days": DAYS},
        "fault": fault,
        "faults": fault.faults("form") if fault else {},
    }


@require_POST
def revoke(request: TenantRequest, token_id: int) -> HttpResponse:
    token = access.token_for(request, token_id)
    with told(request):
        tokens.revoke(token, actor=request.user)
        messages.success(request, _("The token %(name)s no longer works.") % {"name": token.name})
    return redirect("tokens", tenant=request.tenant.slug)
