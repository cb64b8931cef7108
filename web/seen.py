"""Two people at one form: who saves second is told, and nothing of the first is overwritten unseen.

A form carries a digest of what it was made from. When that is not what stands any more, it is refused once, with what
was typed and what stands now; sent again from that page, it goes in.
"""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest
from django.utils.translation import gettext as _

from annotator.errors import Conflict

FIELD = "seen"


class ChangedMeanwhile(Conflict):
    """What the form was made from stands no more."""


def digest(*stands: object) -> str:
    """What stands, as a form carries it."""
    return hashlib.sha256(json.dumps(stands).encode()).hexdigest()[:20]


def require(request: HttpRequest, *stands: object) -> None:
    """Raise ChangedMeanwhile unless the form was made from what stands; ask it while the row is locked."""
    if request.POST.get(FIELD, digest(*stands)) != digest(*stands):
        said = _(
            "Somebody else saved this while you had it open. What you typed is still here; nothing of it is saved."
        )
        raise ChangedMeanwhile("changed_meanwhile", said)
