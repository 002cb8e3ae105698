"""Cassandra's audit log: who logged in or failed to, what was refused, and every change of schema, roles and rights.

Cassandra's own FileAuditLogger writes a line an event to logback, which keeps it in a file of its own, of a bounded
size. What it would write of a failed login is the name that was typed, which may be a password or a user id; and of a
refused statement its text, which may hold values. The file's pattern leaves both out: names but those of our roles, and
statements but their first words.
"""

from typing import Any

from lethe.stack.credentials import CASSANDRA_ROLES

FILE_PROPERTY = "lethe.cassandra.audit"  # where the embedded node keeps it
FILE_IN_CONTAINER = "/var/lib/cassandra/audit.log"
FILES, FILE_SIZE = 3, "20MB"

# Schema, roles and rights, logins and refusals. Neither reads nor writes: they would be a copy of the data.
CATEGORIES = ("DDL", "DCL", "AUTH")
OPTIONS: dict[str, Any] = {
    "enabled": True,
    "logger": [{"class_name": "FileAuditLogger"}],
    "included_categories": ",".join(CATEGORIES),
    # Its default leaves system keyspaces out, and with them refusals there. A list of keyspaces to include would drop
    # everything that belongs to none, as logins do.
    "excluded_keyspaces": "",
}

_KNOWN = "|".join(("admin", "cassandra", *CASSANDRA_ROLES, "stream_[0-9]+"))
# Pairs of a Java regular expression and what stands for it; logback takes no backslash between its quotes.
LEFT_OUT = (
    (
        f"(?s)operation:LOGIN FAILURE; (?!Provided username (?:{_KNOWN}) and/or password [*]+$).*",
        "operation:LOGIN FAILURE; name left out",
    ),
    ("(?s)(type:UNAUTHORIZED_ATTEMPT.*?[|]operation:[A-Za-z]+(?: [A-Z]+)?).*", "$1"),
    ("[^ -~]", " "),  # a line an event, whatever it holds
)


def appender() -> str:
    """The file, and the logger that writes to it alone, as logback's XML has them."""
    message = "%msg"
    for pattern, replacement in LEFT_OUT:
        message = f"%replace({message}){{'{pattern}', '{replacement}'}}"
    file = f"${{{FILE_PROPERTY}:-{FILE_IN_CONTAINER}}}"
    return f"""\
  <appender name="AUDIT" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>{file}</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>{file}.%i</fileNamePattern>
      <minIndex>1</minIndex>
      <maxIndex>{FILES}</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
      <maxFileSize>{FILE_SIZE}</maxFileSize>
      <checkIncrement>1 second</checkIncrement>
    </triggeringPolicy>
    <encoder>
      <pattern>%date{{ISO8601}} {message}%n</pattern>
    </encoder>
  </appender>
  <logger name="org.apache.cassandra.audit" level="INFO" additivity="false"><appender-ref ref="AUDIT"/></logger>
"""
