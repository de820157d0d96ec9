#!/bin/sh
# A database of the name and for the user that the official image's variables name, open to the container's network.
set -e
mkdir -p "$PGDATA" /run/postgresql
chown -R postgres:postgres "$PGDATA" /run/postgresql
as() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    as initdb --auth-local=trust --auth-host=scram-sha-256 -D "$PGDATA"
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    as pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    as psql --username postgres --command "create role $POSTGRES_USER login superuser password '$POSTGRES_PASSWORD'" \
        --command "create database $POSTGRES_DB owner $POSTGRES_USER"
    as pg_ctl -D "$PGDATA" -w stop
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -D "$PGDATA" -c "listen_addresses=*"
