"""Erasures as runs of `erase_subject`: ask for them through Airflow's public API, and follow them to their end.

A request is known by its case; no user id goes to Airflow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.errors import StackError

DAG_ID = "erase_subject"
RECORD_TASK = "record"
ENDED = frozenset({"success", "failed"})
POLL_SECONDS = 1.0


class Api(Protocol):
    """Airflow's public API; paths are below /api/v2, answers are decoded JSON."""

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """Read."""

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str | None = None) -> str:
        """Start a run; its id."""


@dataclass(frozen=True, slots=True)
class Request:
    """One erasure that was asked for. `told`: what its record tells, {} until it has ended well."""

    case_id: str
    state: str
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The run that works on the case: one, however often it is asked for."""
        return f"lethe__{self.case_id}"

    @property
    def has_failed(self) -> bool:
        """Whether its run ended without an erasure."""
        return self.state == "failed"

    def document(self) -> dict[str, Any]:
        """For machines: case, state of the run and, where it has ended well, outcome, counts by store, certificate."""
        before, after = self.told.get("before"), self.told.get("after")
        return {
            "case_id": self.case_id,
            "state": self.state,
            "outcome": self.told.get("outcome"),
            "found": before,
            "erased": {store: before[store] - after[store] for store in before} if before and after else None,
            "certificate": self.told.get("certificate"),
        }

    def line(self) -> str:
        """For people."""
        if self.told:
            before, after = (_counts(self.told[name]) for name in ("before", "after"))
            told = f"case {self.case_id}: {self.told['outcome']}; before: {before}; after: {after}"
            return f"{told}; certificate {self.told['certificate']}" if self.told["certificate"] else told
        if self.state == "success":
            return f"case {self.case_id} was refused: `lethe case show` tells why"
        where = f"case {self.case_id}, run {self.run_id} of {DAG_ID}"
        return f"{where} failed: see it in Airflow" if self.has_failed else f"requested: {where}"


def _counts(by_store: Mapping[str, int]) -> str:
    return ", ".join(f"{store} {count}" for store, count in sorted(by_store.items()))


@dataclass(frozen=True, slots=True)
class Erasures:
    """Erasures through one connection to Airflow. Every method raises StackError when it does not answer."""

    api: Api

    def request(self, case_id: str) -> Request:
        """Have a case worked on. Asked again, also after a lost answer, it is the same run."""
        request = Request(case_id, "queued")
        self.api.trigger(DAG_ID, {"case_id": case_id}, request.run_id)
        return request

    def look(self, request: Request) -> Request:
        """The request as it stands now."""
        if request.state in ENDED:
            return request
        path = f"/dags/{DAG_ID}/dagRuns/{request.run_id}"
        state = str(self.api.get(path)["state"])
        if state != "success":
            return replace(request, state=state)
        task = f"{path}/taskInstances/{RECORD_TASK}"
        if self.api.get(task)["state"] == "skipped":
            return replace(request, state=state)
        entry = self.api.get(f"{task}/xcomEntries/return_value", {"deserialize": True})
        return replace(request, state=state, told=entry["value"])

    def wait(self, requests: Sequence[Request], seconds: float) -> list[Request]:
        """The requests once all have ended. Raises StackError when they have not within `seconds`."""
        latest = list(requests)

        def all_ended() -> bool:
            latest[:] = [self.look(request) for request in latest]
            return all(request.state in ENDED for request in latest)

        try:
            Retrying(
                retry=retry_if_result(lambda ended: not ended),
                stop=stop_after_delay(seconds),
                wait=wait_fixed(POLL_SECONDS),
            )(all_ended)
        except RetryError as error:
            left = sum(request.state not in ENDED for request in latest)
            raise StackError(
                f"{left} of {len(latest)} erasures have not ended within {seconds:.0f} s; they go on in Airflow"
            ) from error
        return latest
