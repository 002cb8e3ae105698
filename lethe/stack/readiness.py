"""Waiting, within a bound, until a server answers."""

from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.errors import StackError
from lethe.settings import Paths
from lethe.stack.program import log_file

POLL_SECONDS = 0.25


def wait_until(answers: Callable[[], bool], program: str, paths: Paths, seconds: float) -> None:
    """Ask until `answers()` is true.

    Raises StackError, with the program's log, when it is not within `seconds`.
    """
    try:
        Retrying(
            retry=retry_if_result(lambda answered: not answered),
            stop=stop_after_delay(seconds),
            wait=wait_fixed(POLL_SECONDS),
        )(answers)
    except RetryError as error:
        raise StackError(
            f"{program} did not answer within {seconds:.0f} s; read {log_file(paths, program)}"
        ) from error
