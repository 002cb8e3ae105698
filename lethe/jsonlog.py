"""Logs as JSON lines on stderr: one object a record, which the process supervisor keeps and rotates.

`extra={…}` becomes fields of the object. No personal value is ever logged: subjects are named by subject_id.
"""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "message",
    "asctime",
    "taskName",
}


class JsonLines(logging.Formatter):
    """time (RFC 3339, UTC), level, logger, program, message, the extra fields, and a traceback where there is one."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "program": self._program,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(program: str, level: int = logging.INFO) -> None:
    """Send this process' logs to stderr as JSON lines; done again, it changes nothing."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(program))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every reconnection in words that may quote what was sent.
    for chatty in ("cassandra", "py4j", "pymongo"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
