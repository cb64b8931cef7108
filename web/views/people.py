"""The people of a tenant: members with their roles, invitations, and taking either back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from annotator import invitations, people
from annotator.accounts import Membership, Role
from annotator.errors import Refusal
from annotator.models import Annotation, ApiToken, Claim
from web import access
from web.refused import told
from web.requests import TenantRequest

LINK = "invitation_link"  # in the session, until the page that shows it has been seen


@require_http_methods(["GET", "POST"])
def index(request: TenantRequest) -> HttpResponse:
    """The list, and the form that invites. A new link is shown once, on the page after."""
    access.require(request, Role.MANAGER)
    fault: Refusal | None = None
    if request.method == "POST":
        try:
            name, role = request.POST.get("name", ""), request.POST.get("role", "")
            made, path = invitations.invite(name, role, email=request.POST.get("email", ""), actor=request.user)
        except Refusal as refusal:
            fault = refusal
        else:
            request.session[LINK] = {
                "tenant": request.tenant.pk,
                "name": made.name,
                "url": request.build_absolute_uri(path),
            }
            return redirect("people", tenant=request.tenant.slug)
    return render(request, "web/people.html", _page(request, fault), status=fault.status if fault else 200)


def _page(request: TenantRequest, fault: Refusal | None) -> dict[str, Any]:
    link = request.session.pop(LINK, None) if request.method == "GET" else None
    roles = [role for role in Role if Role.covers(request.role, role)]
    return {
        "members": people.members(),
        "roles": roles,
        "role_values": [role.value for role in roles],
        "waiting": invitations.waiting(),
        "link": link if link and link["tenant"] == request.tenant.pk else None,
        "days": invitations.DAYS,
        "fault": fault,
        "faults": fault.faults("form") if fault else {},
        "typed": request.POST,
    }


@require_http_methods(["GET", "POST"])
def member(request: TenantRequest, member_id: int) -> HttpResponse:
    """One member: another role, or the way out."""
    found = access.member_for(request, member_id, Role.MANAGER)
    if request.method == "POST":
        with told(request):
            people.change_role(found, request.POST.get("role", ""), actor=request.user)
            messages.success(request, _("%(name)s has another role now.") % {"name": found.user.username})
            return redirect("people", tenant=request.tenant.slug)
        return redirect("member", tenant=request.tenant.slug, member_id=member_id)
    roles = [role for role in Role if Role.covers(request.role, role)]
    covered = Role.covers(request.role, found.role)
    return render(request, "web/member.html", {"member": found, "roles": roles, "covered": covered})


@require_http_methods(["GET", "POST"])
def remove(request: TenantRequest, member_id: int) -> HttpResponse:
    """Says what happens to this very person and their work; one more click, and it does."""
    found = access.member_for(request, member_id, Role.MANAGER)
    if request.method == "POST":
        with told(request):
            people.remove_member(found, actor=request.user)
            messages.success(
                request, _("%(name)s is no longer a member. Their work stays.") % {"name": found.user.username}
            )
            return redirect("people", tenant=request.tenant.slug)
        return redirect("member", tenant=request.tenant.slug, member_id=member_id)
    context = {
        "member": found,
        "covered": Role.covers(request.role, found.role),
        "answers": Annotation.objects.filter(annotator=found.user).exclude(state=Annotation.State.DRAFT).count(),
        "at_hand": Claim.objects.filter(annotator=found.user).count(),
        "tokens": ApiToken.objects.filter(user=found.user).count(),
        "elsewhere": Membership.objects.filter(user=found.user).exclude(pk=found.pk).exists(),
    }
    return render(request, "web/member_remove.html", context)


@require_POST
def revoke(request: TenantRequest, invitation_id: int) -> HttpResponse:
    invitation = access.invitation_for(request, invitation_id, Role.MANAGER)
    with told(request):
        invitations.revoke(invitation, actor=request.user)
        messages.success(request, _("The link for %(name)s no longer works.") % {"name": invitation.name})
    return redirect("people", tenant=request.tenant.slug)
