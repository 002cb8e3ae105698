"""docs/operations.md names what the code knows: verdicts, steps, outcomes, logs."""

from lethe.requests.record import STEPS
from lethe.settings import SupervisionSettings
from lethe.stack.status import ORDER
from lethe.stream.verdict import Verdict, back_off_seconds
from tests.unit.docs.pages import codes, page

PAGE = page("docs/operations.md")


def test_every_verdict_is_explained() -> None:
    assert [codes(row["verdict"])[0] for row in PAGE.table("supervise_stream")] == list(Verdict)


def test_the_waits_between_drivers_are_those_of_the_code() -> None:
    limits = SupervisionSettings()
    waits = [f"{back_off_seconds(failed, limits):.0f}" for failed in range(1, 7)]
    assert f"waits {waits[0]} s from" in " ".join(PAGE.file.read_text(encoding="utf-8").split())
    assert f"then {', '.join(waits[1:5])}, and {waits[5]} s" in " ".join(
        PAGE.file.read_text(encoding="utf-8").split()
    )


def test_every_step_of_an_erasure_is_explained_in_its_order() -> None:
    assert [codes(row["task"])[0] for row in PAGE.table("erase_subject")] == [
        *("intake", "decide", *STEPS, "certify", "record")
    ]


def test_the_log_of_every_program_is_named() -> None:
    logs = {log for row in PAGE.table("Logs") for log in codes(row["file"])}
    assert {f"{program}.log" for program in ORDER} <= logs
