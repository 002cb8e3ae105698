#!/usr/bin/env bash
# Kafka's container. Formats the storage once, with the administrator's SCRAM credential in it (KIP-900), so that no
# listener ever needs another mechanism. The password stands in a file of this container's memory, and on no command
# line.
set -euo pipefail
umask 077

readonly tools=/opt/kafka/bin
readonly given=/etc/lethe/kafka/server.properties
readonly data=/var/lib/kafka/data
readonly memory=/run/kafka
readonly iterations=8192
readonly module=org.apache.kafka.common.security.scram.ScramLoginModule

password=$(</run/secrets/kafka-admin)
{
    cat "$given"
    for listener in client host controller; do
        printf 'listener.name.%s.scram-sha-512.sasl.jaas.config=%s required username="admin" password="%s";\n' \
            "$listener" "$module" "$password"
    done
} >"$memory/server.properties"

# Aside and then into place whole: a kill leaves either no storage or a complete one.
if [[ ! -e $data/log ]]; then
    rm -rf "$data/log.new"
    {
        cat "$memory/server.properties"
        printf 'log.dirs=%s\n' "$data/log.new"
    } >"$memory/format.properties"
    printf '%s\n' format -t "$("$tools/kafka-storage.sh" random-uuid)" -c "$memory/format.properties" \
        --add-scram "SCRAM-SHA-512=[name=\"admin\",password=\"$password\",iterations=$iterations]" \
        >"$memory/format.arguments"
    "$tools/kafka-storage.sh" "@$memory/format.arguments" >/dev/null
    rm "$memory/format.properties" "$memory/format.arguments"
    sync "$data/log.new"
    mv "$data/log.new" "$data/log"
fi
unset password

exec "$tools/kafka-server-start.sh" "$memory/server.properties"
