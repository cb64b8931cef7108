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
SQL
