#!/usr/bin/env bash
# RABBITMQ_DEFAULT_USER and _PASS become settings, as 3.9 and later do by themselves in the official image; root goes on as rabbitmq.
set -euo pipefail
if [ "$(id -u)" = 0 ] && [[ "$1" == rabbitmq* ]]; then
    chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
    exec gosu rabbitmq "$0" "$@"
fi
if [ "$1" = rabbitmq-server ] && [ -n "${RABBITMQ_DEFAULT_USER:-}" ]; then
    printf 'loopback_users = none\ndefault_user = %s\ndefault_pass = %s\n' "$RABBITMQ_DEFAULT_USER" "${RABBITMQ_DEFAULT_PASS:?}" \
        >/etc/rabbitmq/conf.d/10-defaults.conf
fi
exec "$@"
