#!/bin/sh
# As root: gives the folder to redis and goes on as redis. Where nothing says otherwise, it listens on every address, as the official image does.
set -e
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user redis -exec chown redis '{}' +
    exec gosu redis "$0" "$@"
fi
exec "$@"
