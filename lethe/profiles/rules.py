"""What validation takes from the register, in the form that a hot path wants it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lethe.register.model import Register

DAY_MS = 86_400_000
BACKSTOP_DAYS = 30  # stores keep a row this long past its retention (TTL), and nothing is written beyond it


@dataclass(frozen=True, slots=True)
class Rules:
    """The register's say in validation; build it once, not once a message."""

    minimum_age: int  # years; a younger subject is refused
    purposes: frozenset[str]  # that are declared
    policy_versions: frozenset[str]  # whose wording is on record
    retention_days: int | None  # of a profile, from its event time; None = as long as its purposes last
    known_paths: frozenset[str]  # dotted names of every field that the register declares

    reach_ms: int | None = field(init=False)  # how old an event may be to be written at all

    @classmethod
    def from_register(cls, register: "Register") -> "Rules":
        """The rules that a register states."""
        return cls(
            minimum_age=register.minimum_age,
            purposes=frozenset(register.purposes),
            policy_versions=frozenset(register.policy_versions),
            retention_days=register.profile_retention.days,
            known_paths=register.known_paths(),
        )

    def __post_init__(self) -> None:
        """Retention and the backstop's 30 days, once and not for each message."""
        days = self.retention_days
        object.__setattr__(self, "reach_ms", None if days is None else (days + BACKSTOP_DAYS) * DAY_MS)
