"""The WSGI application that gunicorn serves."""

import importlib
import os
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from annotator import migrated
from web import patience

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
try:
    migrated.refuse_newer(settings.DATABASE_URL, settings.INSTALLED_APPS)
except migrated.NewerDatabase as problem:
    sys.exit(f"marginalia: {problem}")
patience.limit_waits()
application = get_wsgi_application()
# Now, while there is one process, and not in each of them at its first request.
importlib.import_module("web.urls")
