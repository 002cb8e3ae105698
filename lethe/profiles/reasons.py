"""Why a message is refused: the closed set of names that quarantine, logs and the dashboard show."""

from enum import StrEnum


class Reason(StrEnum):
    """In the order in which they are checked: the first that holds stands."""

    TOO_LARGE = "too_large"
    PRODUCER_DELETION = "producer_deletion"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    BAD_LOGIN_UUID = "bad_login_uuid"
    KEY_MISMATCH = "key_mismatch"
    BAD_EVENT_TIME = "bad_event_time"
    EVENT_TIME_AHEAD = "event_time_ahead"
    BAD_EMAIL = "bad_email"
    BAD_BIRTH_DATE = "bad_birth_date"
    BIRTH_IN_FUTURE = "birth_in_future"
    BIRTH_OVER_120_YEARS = "birth_over_120_years"
    BAD_REGISTERED_DATE = "bad_registered_date"
    REGISTERED_IN_FUTURE = "registered_in_future"
    REGISTERED_BEFORE_BIRTH = "registered_before_birth"
    BAD_NATIONALITY = "bad_nationality"
    BAD_CONSENTS = "bad_consents"
    UNKNOWN_PURPOSE = "unknown_purpose"  # of a message on user_consents only
    UNDER_AGE = "under_age"
    PAST_RETENTION = "past_retention"
