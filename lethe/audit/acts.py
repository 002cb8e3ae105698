"""The signed act by which entries leave the trail: what tells an end that was due from a beginning that was cut off.

It lies in the trail as the result of an entry of its own, and holds what is needed to go on from where it ended: the
hash of the last entry that left, and the tree's complete subtrees up to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lethe.audit.tree import Tree
from lethe.errors import SignatureError
from lethe.evidence import signing
from lethe.evidence.signing import Signer
from lethe.moments import time_text
from lethe.register.durations import shortest

KIND: Final = "lethe audit drop"
CLOCKS: Final = timedelta(minutes=5)  # by how much clocks may differ


@dataclass(frozen=True, slots=True)
class Act:
    """Entries below `until`, all of before `cutoff`, left after a `period` (ISO 8601); hashes in hex but `peaks`."""

    until: int
    head: str
    peaks: tuple[bytes, ...]
    cutoff: datetime
    period: str
    at: datetime

    @property
    def is_early(self) -> bool:
        """Whether the act took what its own period keeps."""
        return self.cutoff > self.at - shortest(self.period) + CLOCKS

    def was_due(self, checkpoint_at: str) -> bool:
        """Whether a checkpoint of before the act's last entry is old enough: entries after it were dropped too."""
        return datetime.fromisoformat(checkpoint_at) <= self.cutoff + CLOCKS

    def signed(self, signer: Signer) -> dict[str, Any]:
        """The act as the trail holds it."""
        return signer.sign(
            {
                "kind": KIND,
                "version": 1,
                "until": self.until,
                "root": Tree(self.until, list(self.peaks)).root().hex(),
                "head": self.head,
                "peaks": [peak.hex() for peak in self.peaks],
                "cutoff": time_text(self.cutoff),
                "period": self.period,
                "at": time_text(self.at),
            }
        )


def read(document: Mapping[str, Any], key: Ed25519PublicKey) -> Act:
    """The act that a stored entry holds. Raises SignatureError where it is not what was signed."""
    result = document.get("result")
    act: Any = result.get("act") if isinstance(result, Mapping) else None
    if not isinstance(act, Mapping) or act.get("kind") != KIND:
        raise SignatureError("act of dropping: there is none in its entry")
    signing.verify(act, key)
    peaks = tuple(bytes.fromhex(peak) for peak in act["peaks"])
    cutoff, at = (datetime.fromisoformat(act[name]).astimezone(UTC) for name in ("cutoff", "at"))
    return Act(int(act["until"]), act["head"], peaks, cutoff, act["period"], at)
