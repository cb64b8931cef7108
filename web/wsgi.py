"""The WSGI application that gunicorn serves."""

import importlib
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
application = get_wsgi_application()
# Now, while there is one process, and not in each of them at its first request.
importlib.import_module("web.urls")
