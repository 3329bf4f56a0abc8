#!/usr/bin/env bash
# Makes the database at the first start, as the official image does: a server on a socket only, the user and the database, then the real one.
set -euo pipefail
[ "${1#-}" = "$1" ] || set -- postgres "$@"
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres "$PGDATA" /var/run/postgresql
    exec gosu postgres "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?is needed at the first start}" "${POSTGRES_USER:=postgres}"
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA" || true
    # Like the official image: the arguments are words of a shell.
    eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") ${POSTGRES_INITDB_ARGS:-}"
    printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -o "$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)" -w start
    if [ "${POSTGRES_DB:=$POSTGRES_USER}" != postgres ]; then
        PGPASSWORD=$POSTGRES_PASSWORD createdb --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
    fi
    PGPASSWORD=$POSTGRES_PASSWORD pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
