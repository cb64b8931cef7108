"""Files of imports and exports that no job knows: whoever took one in was killed before that was on record.

Nothing else would ever find them, a deletion neither.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from annotator.models import Job
from annotator.tenancy import current_tenant

AGE = timedelta(days=1)  # an upload is on record when all of it has come


def tidy() -> int:
    """Remove the tenant's; how many."""
    old = _older_than((timezone.now() - AGE).timestamp())
    if not old:
        return 0
    known = {_name(Path(path)) for path in Job.objects.exclude(path="").values_list("path", flat=True)}
    strays = [path for path in old if _name(path) not in known]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def _older_than(moment: float) -> list[Path]:
    found = []
    for folder in (settings.UPLOADS_DIR, settings.EXPORTS_DIR):
        for path in (Path(folder) / str(current_tenant().pk)).glob("*"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < moment:
                    found.append(path)
    return found


def _name(path: Path) -> str:
    """What all files of a job have in common: what came in, what was refused of it, what is half written."""
    return path.name.partition(".")[0]
