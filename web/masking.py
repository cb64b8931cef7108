"""What still opens a door is never written to a log: links that sign in or invite, tokens, passwords in addresses.

Lines are masked as they are written, wherever they come from: a path in a warning of Django's or in gunicorn's access
log, an exception's words, a message of a library.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Callable
from typing import IO, Any

MASK = "…"
_SECRETS = re.compile(
    r"""(?xi)
    ( (?:/|%2F)signin(?:/|%2F)link(?:/|%2F)            # one signs in by it
    | (?:/|%2F)join(?:/|%2F)[a-z0-9-]+(?:/|%2F)        # one joins by it
    | \bmgn_ | \bbearer[ ]+                            # a program's token
    | \bsessionid= | \bmarginalia_session_\d+=
    )[^\s"'<>&?\#,;)]+
    | (?<=://)([^:/@\s]*):[^@\s]+(?=@)                 # the password of a service
    """
)


def masked(line: str) -> str:
    """The line without what works."""
    return _SECRETS.sub(lambda found: f"{found[1]}{MASK}" if found[1] else f"{found[2]}:{MASK}", line)


def masking(render: Callable[..., str]) -> Callable[..., str]:
    """A last structlog processor that masks what another one renders."""
    return lambda *given: masked(render(*given))


class MaskingFormatter(logging.Formatter):
    """Masks what another one formats."""

    def __init__(self, other: logging.Formatter) -> None:
        super().__init__()
        self.other = other

    def format(self, record: logging.LogRecord) -> str:
        return masked(self.other.format(record))


def is_kept(output: IO[Any]) -> bool:
    """Whether what is printed there is likely to be kept: a file, or the journal, and no terminal."""
    number = output.fileno()
    return not (os.isatty(number) or stat.S_ISFIFO(os.fstat(number).st_mode))
