#!/bin/sh
# Run once, by the administrator of a new database server: the application's owner is no superuser,
# and the role that it works under can do no more than read and write rows.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres <<'SQL'
\getenv password DATABASE_PASSWORD
CREATE ROLE marginalia LOGIN PASSWORD :'password';
CREATE ROLE marginalia_app NOLOGIN NOBYPASSRLS;
GRANT marginalia_app TO marginalia;
CREATE DATABASE marginalia OWNER marginalia;
-- A row that a statement failed at may hold people's texts; what stops the server itself is told in full.
ALTER DATABASE marginalia SET log_error_verbosity = 'terse';
SQL
