#!/bin/sh
# Starts the container's Redis: append-only, and with the password from a file. The settings go
# in through standard input, so the password stands in no command line and in no other file.
set -eu

password=$(cat "${REDIS_PASSWORD_FILE:-/run/secrets/redis_password}")
if [ "${#password}" -lt 16 ]; then
    echo "redis: the password in redis_password must have 16 characters or more" >&2
    exit 1
fi
case $password in
    *[!A-Za-z0-9_.~-]*)
        echo "redis: the password may hold only letters, digits and _ . ~ -" >&2
        exit 1
        ;;
esac

exec redis-server - <<SETTINGS
port ${REDIS_PORT:-6379}
bind ${REDIS_BIND:-*}
protected-mode yes
requirepass $password
dir ${REDIS_DATA_DIR:-/data}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
SETTINGS
