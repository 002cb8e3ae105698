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


class CertificateError(LetheError):
    """A certificate can't be issued, or is not one: what it would say, or says, is not shown to be so."""


class StoreError(LetheError):
    """A store refused or did not answer."""


class FencedError(StoreError):
    """A newer lease exists: this process must stop, and nothing it writes is accepted any more."""


class ProtectionError(LetheError):
    """Base of what can go wrong with keys and with what they encrypt."""


class KeyStateError(ProtectionError):
    """The key state is missing, altered, held by another process, or does not have what is asked of it."""


class PuncturedError(ProtectionError):
    """The subject's key has been destroyed: nobody can read what it encrypted any more."""


class DestroyedKeyError(ProtectionError):
    """A key of a file (of an epoch, of a day) is not there: it has been destroyed, or never was made."""


class FieldCipherError(ProtectionError):
    """A blob of encrypted fields is not one, is of a format that is not known, or does not belong where it stands."""


class PayloadError(ProtectionError):
    """A payload in quarantine is not one, is of a format that is not known, or does not belong where it stands."""


class SealedFieldError(ProtectionError):
    """A sealed field of a case is not one, is of a format that is not known, or does not belong where it stands."""


class SignatureError(LetheError):
    """A signed document is not what was signed, or not by the key that was given."""


class TrailError(LetheError):
    """The audit trail is not what was appended to it, or not what was signed."""


class AccessError(LetheError):
    """The Airflow user that a command acts as may not do what was asked."""


class CaseError(LetheError):
    """A case does not allow this move: not in its state, or not with what it was given."""
