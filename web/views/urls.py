"""The addresses of the pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponseBase
from django.urls import path
from django.urls.resolvers import URLPattern
from django.views.i18n import set_language

from web.requests import TenantRequest
from web.views import (
    account,
    compare,
    desk,
    documents,
    exports,
    imports,
    jobs,
    label_set,
    model,
    pace,
    people,
    project,
    projects,
    removal,
    settings,
    signin,
    skipped,
    terms,
    tokens,
    training,
    version,
)


def page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    """A page of a tenant. The middleware has made the slug ``request.tenant``; the view need not know it."""

    @wraps(view)
    def within(request: TenantRequest, tenant: str, **ids: Any) -> HttpResponseBase:  # noqa: ARG001
        return view(request, **ids)

    return path(f"t/<slug:tenant>/{route}", within, name=name)


urlpatterns = [
    path("", signin.home, name="home"),
    path("signin", signin.sign_in, name="signin"),
    path("signin/link/<str:link>", signin.by_link, name="signin-link"),
    path("signout", signin.sign_out, name="signout"),
    path("language", set_language, name="language"),
    path("account/password", account.password, name="password"),
    path("account/time-zone", account.time_zone, name="time-zone"),
    path("join/<slug:slug>/<str:secret>", account.join, name="join"),
    page("", projects.index, "projects"),
    page("people", people.index, "people"),
    page("people/<int:member_id>", people.member, "member"),
    page("people/<int:member_id>/remove", people.remove, "member-remove"),
    page("invitations/<int:invitation_id>/revoke", people.revoke, "invitation-revoke"),
    page("tokens", tokens.index, "tokens"),
    page("tokens/<int:token_id>/revoke", tokens.revoke, "token-revoke"),
    page("projects/new", projects.new, "project-new"),
    page("projects/<int:project_id>/", project.show, "project"),
    page("projects/<int:project_id>/labels", label_set.index, "labels"),
    page("projects/<int:project_id>/labels/<int:label_id>", label_set.one, "label"),
    page("projects/<int:project_id>/terms", terms.show, "terms"),
    page("projects/<int:project_id>/guidelines", settings.guidelines, "guidelines"),
    page("projects/<int:project_id>/settings", settings.show, "project-settings"),
    page("projects/<int:project_id>/delete", removal.project, "project-delete"),
    page("projects/<int:project_id>/model", model.show, "model"),
    page("projects/<int:project_id>/model/changes", compare.show, "compare"),
    page("projects/<int:project_id>/training", training.live, "training"),
    page("projects/<int:project_id>/model-state", training.state, "model-state"),
    page("projects/<int:project_id>/train", training.start, "train"),
    page("projects/<int:project_id>/pace", pace.show, "pace"),
    page("projects/<int:project_id>/import", imports.upload, "import"),
    page("projects/<int:project_id>/export", exports.choose, "export"),
    page("projects/<int:project_id>/documents", documents.index, "documents"),
    page("projects/<int:project_id>/skipped", skipped.show, "skipped"),
    page("projects/<int:project_id>/desk", desk.desk, "desk"),
    page("documents/<int:document_id>/answers", documents.answers, "document-answers"),
    page("documents/<int:document_id>/delete", removal.document, "document-delete"),
    page("documents/<int:document_id>", desk.document, "document"),
    page("jobs/<int:job_id>", jobs.show, "job"),
    page("jobs/<int:job_id>/file", jobs.download, "job-file"),
    page("jobs/<int:job_id>/undo", removal.undo, "job-undo"),
    page("jobs/<int:job_id>/refused", jobs.refusals, "job-refused"),
    page("runs/<int:run_id>/cancel", training.cancel, "run-cancel"),
    page("versions/<int:version_id>", version.show, "version"),
    page("versions/<int:version_id>/promote", version.promote, "version-promote"),
]
