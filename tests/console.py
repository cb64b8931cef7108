"""The commands of manage.py from one process that stays: for each alone, starting Django takes a second.

    python -m tests.console

takes a JSON object a line, with the `arguments` and the `stdin` of a command, and answers with its `code` and what it
`said`.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from django.core.management import execute_from_command_line


def carried_out(arguments: list[str], stdin: str) -> dict[str, object]:
    said = io.StringIO()
    sys.stdin = io.StringIO(stdin)
    with redirect_stdout(said), redirect_stderr(io.StringIO()) as complained:
        try:
            execute_from_command_line(["manage.py", *arguments])
            code: object = 0
        except SystemExit as end:
            code = end.code
    return {"code": code or 0, "said": said.getvalue(), "complained": complained.getvalue()}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
    for line in sys.stdin:
        print(json.dumps(carried_out(**json.loads(line))), flush=True)
