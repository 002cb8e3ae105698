#!/usr/bin/env bash
# Whether the node answers a client: OPTIONS is the one request that needs no login (native protocol v4, s4.1.3).
set -euo pipefail

exec 3<>/dev/tcp/cassandra/9042
printf '\4\0\0\0\5\0\0\0\0' >&3
# The answer: version 4 as a response, no flags, stream 0, opcode 6 (SUPPORTED).
answer=$(head -c 5 <&3 | od -An -v -tx1 | tr -d ' \n')
[[ $answer == 8400000006 ]]
