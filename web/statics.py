"""Scripts and styles on the wire: small, and kept by browsers for good.

Their address holds a hash of all of them, `/static/<hash>/web/…`: whatever changes, all of it has a new address, and
scripts go on to import each other by relative ones. There is no step between an upgrade and its files: a web process
that starts lays them out in DATA_DIR, compressed, and without their comments: they would be a quarter of what is sent.
What pages of the versions before ask for lies there still.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from whitenoise.compress import Compressor
from whitenoise.middleware import WhiteNoiseMiddleware

# Those that have lines of their own. The lines stay, empty, so that a browser tells the numbers that the source has.
COMMENT = re.compile(rb"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)$", re.MULTILINE | re.DOTALL)
SOURCE = Path(__file__).parent / "static"
KEPT = 3


def version(source: Path = SOURCE) -> str:
    """A hash of every file's name and content."""
    seen = hashlib.sha256()
    for path in _files(source):
        content = path.read_bytes()
        seen.update(f"{path.relative_to(source)}\0{len(content)}\0".encode() + content)
    return seen.hexdigest()[:12]


def lay_out(root: Path, name: str, source: Path = SOURCE) -> None:
    """Have the files of this version under ``root``, each beside its compressed form; of older ones, the last few."""
    if not (root / name).is_dir():
        root.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=root))
        shutil.copytree(source, aside / name)
        compressor = Compressor(use_brotli=False, quiet=True)
        for path in _files(aside / name):
            if path.suffix in (".css", ".js"):
                path.write_bytes(without_comments(path.read_bytes()))
            if compressor.should_compress(path.name):
                list(compressor.compress(str(path)))
        # Another process may have been faster: what lies there is the same.
        if not (root / name).is_dir():
            _moved(aside / name, root / name)
        shutil.rmtree(aside)
    os.utime(root / name)
    complete = [path for path in root.iterdir() if not path.name.startswith(".")]
    for old in sorted(complete, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def without_comments(source: bytes) -> bytes:
    return COMMENT.sub(lambda found: b"\n" * found.group().count(b"\n"), source)


class Statics(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves what is laid out; with DEBUG, the sources as they are at the moment."""

    def __init__(self, get_response: Any) -> None:
        if not settings.DEBUG:
            lay_out(settings.STATIC_ROOT, settings.STATIC_VERSION)
        super().__init__(get_response)

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        """Nobody asks whether a file changed that never does, so nothing is said to ask with."""
        response: HttpResponseBase = WhiteNoiseMiddleware.serve(static_file, request)
        if not settings.DEBUG:
            for name in ("Last-Modified", "ETag"):
                response.headers.pop(name, None)
        return response

    def immutable_file_test(self, path: str, url: str) -> bool:  # noqa: ARG002
        return not settings.DEBUG


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _moved(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:
        if not target.is_dir():
            raise
