"""The database role the application works under, which row-level security always binds."""

from __future__ import annotations

import psycopg2
from psycopg2 import errors, sql

APP_ROLE = "marginalia_app"


class RoleProblem(RuntimeError):
    """The application's database role is missing, or could see through row-level security."""


def ensure_app_role(database_url: str, role: str = APP_ROLE) -> None:
    """Make the role if need be (NOLOGIN, NOBYPASSRLS) and let the login user of the URL assume it."""
    connection = psycopg2.connect(database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [role])
            found = cursor.fetchone()
            if found is None:
                cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN NOBYPASSRLS").format(sql.Identifier(role)))
            elif found[0]:
                raise RoleProblem(f"The database role {role} must be NOSUPERUSER NOBYPASSRLS.")
            # Membership alone is not enough: since PostgreSQL 16 the maker of a role may not yet SET it.
            right = "SET" if connection.server_version >= 160000 else "MEMBER"
            cursor.execute("SELECT pg_has_role(current_user, %s, %s)", [role, right])
            granted = cursor.fetchone()
            if not (granted and granted[0]):
                cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    except errors.InsufficientPrivilege as error:
        raise RoleProblem(
            f"The login user of DATABASE_URL may not make or assume the role {role}. Once, as an "
            f"administrator of the server: CREATE ROLE {role} NOLOGIN; GRANT {role} TO <login user>; "
            f"({error.pgerror})"
        ) from error
    finally:
        connection.close()
