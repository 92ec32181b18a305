#!/bin/bash
# The role as which ingest comes, bound by row-level security; the migrations grant it what it needs.
# The image runs this at its first start. Run by hand it sets the password anew.
set -euo pipefail
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="${POSTGRES_DB:-$POSTGRES_USER}" <<'SQL'
\getenv password POSTGRES_API_PASSWORD
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'timingle_api') AS is_missing \gset
\if :is_missing
    CREATE ROLE timingle_api;
\endif
ALTER ROLE timingle_api LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
SQL
