"""Airflow's public REST API, as one of its users."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from lethe.errors import ConfigurationError, StackError
from lethe.settings import AirflowSettings, Paths, secret

TIMEOUT_SECONDS = 30.0
# A busy database is told as a server's error, before anything was done: Airflow writes down what is asked first.
ATTEMPTS = 8
_until_answered = Retrying(
    retry=retry_if_result(lambda answer: answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR),
    wait=wait_random_exponential(multiplier=0.2, max=2.0),
    stop=stop_after_attempt(ATTEMPTS),
    retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
)


class AirflowApi:
    """A client that logs in as `user` (password in the secret `airflow-<user>`) when it is first used.

    Every call raises StackError when Airflow does not answer or refuses; paths are below /api/v2.
    """

    def __init__(
        self, user: str, paths: Paths | None = None, settings: AirflowSettings | None = None
    ) -> None:
        self._user = user
        self._paths = paths
        self._url = (settings or AirflowSettings()).url.rstrip("/")
        self._token: str | None = None

    def log_in(self) -> None:
        """Log in now. Raises ConfigurationError where Airflow refuses the password, StackError where it is away."""
        with self._reaching():
            self._token = self._new_token()

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """GET; the decoded answer."""
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """POST; the decoded answer."""
        return self._ask("POST", path, json=body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """PATCH; the decoded answer."""
        return self._ask("PATCH", path, json=body)

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str | None = None) -> str:
        """Start a run now, under a name of its own where none is given; its run id. One of this name stays as it is."""
        body = {"logical_date": None, "conf": conf} | ({"dag_run_id": run_id} if run_id else {})
        known = httpx.codes.CONFLICT if run_id else None
        answer = self._ask("POST", f"/dags/{dag_id}/dagRuns", known=known, json=body)
        return str(answer["dag_run_id"]) if answer else str(run_id)

    def run_state(self, dag_id: str, run_id: str) -> str:
        """queued, running, success or failed."""
        return str(self.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def dag_is_ready(self, dag_id: str) -> bool:
        """Whether the DAG has been parsed."""
        found = self.get("/dags", {"dag_id_pattern": dag_id, "exclude_stale": True})["dags"]
        return any(dag["dag_id"] == dag_id for dag in found)

    def _ask(self, method: str, path: str, known: int | None = None, **request: Any) -> Any:
        if self._token is None:
            self.log_in()
        headers = {"Authorization": f"Bearer {self._token}"}
        with self._reaching():
            answer = _until_answered(
                httpx.request,
                method,
                f"{self._url}/api/v2{path}",
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                **request,
            )
        if answer.status_code == known:
            return None
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            # Its text may repeat what was sent, so it stays out of the message.
            place = path.split("?", maxsplit=1)[0]
            raise StackError(
                f"airflow refused {method} {place} for {self._user}: status {answer.status_code}"
            )
        return answer.json() if answer.content else None

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPError as error:
            raise StackError(f"airflow does not answer at {self._url} ({type(error).__name__})") from error

    def _new_token(self) -> str:
        login = {"username": self._user, "password": secret(f"airflow-{self._user}", self._paths)}
        answer = httpx.post(f"{self._url}/auth/token", json=login, timeout=TIMEOUT_SECONDS)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise ConfigurationError(
                f"airflow refuses the login of {self._user}: see the secret airflow-{self._user}"
            )
        return str(answer.json()["access_token"])
