"""Logs are JSON lines."""

import io
import json
import logging

from lethe.jsonlog import JsonLines


def _logged(message: str, *arguments: object, **extra: object) -> dict[str, object]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines("tests"))
    logger = logging.Logger("lethe.test")
    logger.addHandler(handler)
    logger.warning(message, *arguments, extra=extra)
    (line,) = stream.getvalue().splitlines()
    return json.loads(line)  # type: ignore[no-any-return]


def test_a_record_is_one_object_with_its_extra_fields() -> None:
    line = _logged("took %d rows", 3, rows=3)
    assert line["message"] == "took 3 rows"
    assert line["level"] == "WARNING"
    assert line["program"] == "tests"
    assert line["rows"] == 3


def test_a_message_of_several_lines_stays_one_line() -> None:
    assert _logged("a\nb")["message"] == "a\nb"


def test_what_json_can_not_hold_is_written_as_text() -> None:
    assert _logged("x", value={1}.__class__)["value"] == "<class 'set'>"
