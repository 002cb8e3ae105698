"""Free ports on loopback, for systems that tests bring up beside each other."""

import socket
from collections.abc import Iterable

SPREAD = 60  # ports of one system, from its base on


def free_base(bases: range = range(28_000, 32_700, 100), offsets: Iterable[int] = range(SPREAD)) -> int:
    """The first base whose ports (base + each offset) are all free now; bases lie below the range that clients get."""
    wanted = list(offsets)
    for base in bases:
        try:
            for offset in wanted:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise RuntimeError(f"no {len(wanted)} free ports on loopback from {bases.start} to {bases.stop}")
