"""Commands without an install to go with: one line that says why, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (None, "no running install"),
        ("[]", "runtime.json cannot be read: it is not a JSON object"),
        ('{"SECRET_KEY": ', "runtime.json cannot be read: Expecting value"),
    ],
)
def test_a_command_says_in_one_line_why_it_finds_no_install(tmp_path, written, why):
    if written is not None:
        (tmp_path / "runtime.json").write_text(written)
    own = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}

    done = subprocess.run(
        [sys.executable, "manage.py", "tenant", "acme"],
        cwd=ROOT, env=own | {"DATA_DIR": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
