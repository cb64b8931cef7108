"""The environment, read strictly; and where a running install is, for everything that comes beside it.

``make run`` writes the three values that it generates to ``<DATA_DIR>/runtime.json``; the environment wins over it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

FILE_NAME = "runtime.json"
ON, OFF = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
VARIABLES = ("SECRET_KEY", "DATABASE_URL", "REDIS_URL")
# The servers that docker-compose.yml brings along: their passwords are all that has to be given.
BUNDLED = {
    "DATABASE_URL": ("DATABASE_PASSWORD", "postgresql://marginalia:{}@postgres:5432/marginalia"),
    "REDIS_URL": ("REDIS_PASSWORD", "redis://:{}@redis:6379/0"),
}
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def data_dir(default: Path) -> Path:
    """The directory that everything of an install lies in."""
    return Path(os.environ.get("DATA_DIR") or default).expanduser().resolve()


def number(name: str, default: int) -> int:
    """A whole number from the environment."""
    value = os.environ.get(name) or str(default)
    if not value.isdecimal():
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.")
    return int(value)


def switch(name: str, default: bool = False) -> bool:
    """Yes or no from the environment."""
    value = os.environ.get(name) or str(int(default))
    if value.lower() not in ON | OFF:
        raise ImproperlyConfigured(f"{name}={value!r} is neither 1 nor 0.")
    return value.lower() in ON


def folder(name: str) -> Path | None:
    """A folder from the environment, which may have none."""
    value = os.environ.get(name)
    return Path(value).expanduser().absolute() if value else None


def level(name: str, default: str) -> str:
    """How much is logged, from the environment."""
    value = (os.environ.get(name) or default).upper()
    if value not in LEVELS:
        raise ImproperlyConfigured(f"{name}={value!r} is none of {', '.join(LEVELS)}.")
    return value


def write(data_dir: Path, values: dict[str, str]) -> None:
    """Replace the file in one step; it holds passwords, so only its owner may read it."""
    new = data_dir / f"{FILE_NAME}.new"
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file, indent=2)
    new.replace(data_dir / FILE_NAME)


def is_there(data_dir: Path) -> bool:
    """Whether an install runs here, or ended without tidying up."""
    return (data_dir / FILE_NAME).exists()


def remove(data_dir: Path) -> None:
    (data_dir / FILE_NAME).unlink(missing_ok=True)


def find(data_dir: Path) -> dict[str, str]:
    """Each of VARIABLES from the environment, else from the file; says what to do when one is missing."""
    path = data_dir / FILE_NAME
    try:
        written = json.loads(path.read_text())
    except FileNotFoundError:
        written = {}
    except (PermissionError, ValueError) as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error}") from error
    if not isinstance(written, dict):
        raise ImproperlyConfigured(f"{path} cannot be read: it is not a JSON object.")
    values = {name: os.environ.get(name) or written.get(name) or _bundled(name) for name in VARIABLES}
    missing = ", ".join(name for name, value in values.items() if not value)
    if missing:
        raise ImproperlyConfigured(
            f"{missing} not set, and no running install in {data_dir}. Set it in the environment, "
            "or start `make run` and use the same DATA_DIR."
        )
    return values


def _bundled(name: str) -> str:
    variable, url = BUNDLED.get(name, ("", ""))
    password = os.environ.get(variable, "")
    return url.format(quote(password, safe="")) if password else ""
