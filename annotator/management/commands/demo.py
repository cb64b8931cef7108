"""Make the demo tenant, or print the demo mails with their true labels."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.management.base import CommandParser

from annotator.demo import SEED, mails
from annotator.demo.setup import MAILS, PERSON, TENANT, set_up
from annotator.management.base import PlainCommand


class Command(PlainCommand):
    help = f"Make the tenant {TENANT!r} with a project of {MAILS:,} unlabelled mails, unless it is there already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--gold", action="store_true", help="only print the mails with their true labels, as JSONL")
        parser.add_argument("--count", type=int, default=MAILS, help=f"how many with --gold (default {MAILS})")
        parser.add_argument("--seed", type=int, default=SEED, help="another series with --gold")

    def handle(self, *_args: Any, **options: Any) -> str | None:
        if options["gold"]:
            for mail in mails(options["count"], seed=options["seed"]):
                self.stdout.write(orjson.dumps(mail).decode())
            return None
        if set_up():
            return f"Made the tenant {TENANT!r} with {MAILS:,} mails, and {PERSON!r}, its admin."
        return f"The tenant {TENANT!r} is there already."
