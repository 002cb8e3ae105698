"""Every error that Lethe raises on purpose.

A message says what was wrong, with which name, and what to do. It never holds a personal value:
subjects are named by subject_id, cases by case_id, lines of input by their number.
"""


class LetheError(Exception):
    """Base of all errors that are shown to a user as one line, without a traceback."""


class ConfigurationError(LetheError):
    """A setting, a credential or a file that Lethe needs is missing or wrong."""


class PrerequisiteError(LetheError):
    """The machine lacks something; the message names it and how to get it."""


class StackError(LetheError):
    """An embedded server did not start, answer or stop; the message names the log to read."""


class RegisterError(LetheError):
    """The register is not valid; the message gives file and line."""


class InputError(LetheError):
    """What a user gave (an argument, a file) can't be used; the message says where and why."""


class StoreError(LetheError):
    """A store refused or did not answer."""


class FencedError(StoreError):
    """A newer lease exists: this process must stop, and nothing it writes is accepted any more."""
