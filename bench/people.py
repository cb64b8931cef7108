"""Make a tenant with a manager and annotators beside a running install: `DATA_DIR=… python -m bench.people SLUG 8`.

Prints their tokens as a JSON list, the manager's first: one process instead of two commands a person.
"""

from __future__ import annotations

import json
import os
import sys

import django


def main(slug: str, count: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "web.settings")
    django.setup()
    from annotator import people, tokens
    from annotator.accounts import Role
    from annotator.tenancy import tenant_scope

    tenant, _ = people.add_tenant(slug)
    roles = {f"{slug}-manager": Role.MANAGER} | {f"{slug}-{i}": Role.ANNOTATOR for i in range(1, count + 1)}
    with tenant_scope(tenant):
        secrets = [tokens.issue(people.add_member(name, role)[0].user)[1] for name, role in roles.items()]
    print(json.dumps(secrets))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
