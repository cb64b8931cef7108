"""Words that the database holds and pages say: marked here for translation, said by `{% translate role %}`."""

from __future__ import annotations

from django.utils.translation import gettext_noop

ROLES = (gettext_noop("annotator"), gettext_noop("reviewer"), gettext_noop("manager"), gettext_noop("admin"))
STATES = (
    gettext_noop("queued"),
    gettext_noop("running"),
    gettext_noop("succeeded"),
    gettext_noop("failed"),
    gettext_noop("cancelled"),
)
