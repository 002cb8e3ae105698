#!/usr/bin/env bash
# Whether the broker answers a client: ApiVersions is the one request that needs no login.
set -euo pipefail

exec 3<>/dev/tcp/kafka/9092
# Size 10, api key 18, version 0, correlation id 7, no client id.
printf '\0\0\0\12\0\22\0\0\0\0\0\7\377\377' >&3
# The answer: its size, the correlation id, error code 0.
answer=$(head -c 10 <&3 | od -An -v -tx1 | tr -d ' \n')
[[ ${answer:8:12} == 000000070000 ]]
