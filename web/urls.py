"""All addresses: health, the API of a tenant, and the pages."""

from __future__ import annotations

from django.urls import include, path

from web import health
from web.api.api import api
from web.views.urls import urlpatterns as pages

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("t/<slug:tenant>/api/v1/", api.urls),
    path("", include(pages)),
]

handler400 = "web.api.handlers.bad_request"
handler403 = "web.api.handlers.permission_denied"
handler404 = "web.api.handlers.page_not_found"
handler500 = "web.api.handlers.server_error"
