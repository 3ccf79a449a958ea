#!/bin/sh
# Runs once, on an empty database folder, while the server listens on its own socket alone: sets the password that
# `init` made and asks for it on every TCP connection from now on.
set -eu
psql --quiet --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
  --set=name="$POSTGRES_USER" --set=password="$(cat /etc/portside/database-password)" <<'SQL'
ALTER USER :"name" WITH PASSWORD :'password';
SQL
sed -i '/^host/s/trust$/scram-sha-256/' "$PGDATA/pg_hba.conf"
