"""Payloads of quarantine: each opens in its own document, with its own key, and nowhere else."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from lethe.errors import DestroyedKeyError, KeyStateError, PayloadError, ProtectionError, PuncturedError
from lethe.protection import fields
from lethe.protection.day_keys import DayKeys
from lethe.protection.key_state import KeyState
from lethe.protection.payloads import Closed, Content, header_of, open_batch, under_day, under_subject
from lethe.protection.subject_keys import LeafNumbers, SubjectKeys, names_of
from tests.unit.docs.pages import page
from tests.unit.profiles.examples import CALM
from tests.unit.protection.installation import ANNA, BODO, PEPPER, paths_in

STATE = KeyState.new(bytes(range(16)))
KEYS = SubjectKeys(STATE, PEPPER)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = date(2026, 3, 10)
PLACE = "user_profiles:2:41"
CONTENT = Content(b"key", b'{"email": 1}', 1_773_144_000_000)
CONTENTS = st.builds(
    Content, st.none() | st.binary(max_size=80), st.binary(max_size=300), st.integers(-(2**63), 2**63 - 1)
)
PLACES = st.builds(
    "{}:{}:{}".format,
    st.sampled_from(["user_profiles", "user_consents"]),
    st.integers(0, 99),
    st.integers(0, 2**62),
)


@pytest.fixture(scope="module")
def day_keys(tmp_path_factory: pytest.TempPathFactory) -> DayKeys:
    keys = DayKeys(paths_in(tmp_path_factory.mktemp("keys")))
    keys.today(NOON)
    return keys


def of_anna(content: Content = CONTENT, place: str = PLACE, keys: SubjectKeys = KEYS) -> bytes:
    return under_subject(keys.one(ANNA, 0)).close(place, content)


def opened(day_keys: DayKeys, closed: Closed, keys: SubjectKeys = KEYS) -> Content:
    (found,) = open_batch(keys, day_keys, [closed])
    if isinstance(found, ProtectionError):
        raise found
    return found


@CALM
@given(CONTENTS, PLACES, st.integers(0, 2**32 - 1))
def test_what_is_closed_under_a_subject_is_opened(
    day_keys: DayKeys, content: Content, place: str, generation: int
) -> None:
    payload = under_subject(KEYS.one(ANNA, generation)).close(place, content)
    assert opened(day_keys, Closed(place, ANNA, payload)) == content
    assert (header_of(payload).root, header_of(payload).generation) == (1, generation)


@CALM
@given(CONTENTS, PLACES)
def test_what_is_closed_under_a_day_is_opened(day_keys: DayKeys, content: Content, place: str) -> None:
    payload = under_day(*day_keys.today(NOON)).close(place, content)
    assert opened(day_keys, Closed(place, None, payload)) == content
    assert header_of(payload).day == DAY


@CALM
@given(CONTENTS)
def test_the_length_tells_no_more_than_a_multiple_of_32(content: Content) -> None:
    length = len(content.to_bytes())
    assert length % 32 == 0
    assert 0 <= length - (16 + len(content.key or b"") + len(content.value)) < 32


def test_a_payload_opens_in_its_own_document_only(day_keys: DayKeys) -> None:
    ours, days = of_anna(), under_day(*day_keys.today(NOON)).close(PLACE, CONTENT)
    assert opened(day_keys, Closed(PLACE, ANNA, ours)) == CONTENT
    moved = [
        Closed("user_profiles:2:42", ANNA, ours),
        Closed("user_profiles:2:4", ANNA, ours),
        Closed("user_consents:2:41", ANNA, ours),
        Closed(PLACE, BODO, ours),
        Closed(PLACE, None, ours),
        Closed("user_profiles:2:42", None, days),
    ]
    for closed in moved:
        with pytest.raises(PayloadError):
            opened(day_keys, closed)


@CALM
@given(st.data())
def test_a_payload_that_was_altered_anywhere_does_not_open(day_keys: DayKeys, data: st.DataObject) -> None:
    payload = data.draw(st.sampled_from([of_anna(), under_day(*day_keys.today(NOON)).close(PLACE, CONTENT)]))
    at, bit = data.draw(st.integers(0, len(payload) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(payload)
    changed[at] ^= 1 << bit
    with pytest.raises(ProtectionError):
        opened(day_keys, Closed(PLACE, ANNA, bytes(changed)))


@CALM
@given(st.binary(max_size=120))
def test_bytes_that_are_no_payload_are_told_as_such(day_keys: DayKeys, data: bytes) -> None:
    with pytest.raises(ProtectionError):
        opened(day_keys, Closed(PLACE, ANNA, data))


def test_a_payload_cut_anywhere_does_not_open(day_keys: DayKeys) -> None:
    payload = of_anna()
    for length in range(len(payload)):
        with pytest.raises(PayloadError):
            opened(day_keys, Closed(PLACE, ANNA, payload[:length]))


def test_a_payload_and_a_blob_of_fields_under_one_key_never_pass_for_each_other(day_keys: DayKeys) -> None:
    subject = KEYS.one(ANNA, 0)
    (blob,) = fields.seal_batch([subject], "quarantine", "0123456789ab", [{"a": 1}])
    with pytest.raises(PayloadError, match="is not one"):
        opened(day_keys, Closed(PLACE, ANNA, blob))
    with pytest.raises(ProtectionError):
        fields.open_blob(KEYS, ANNA, "quarantine", of_anna())


def test_after_a_puncture_the_subjects_payloads_are_dead_and_others_live(day_keys: DayKeys) -> None:
    payloads = [of_anna(), under_subject(KEYS.one(BODO, 0)).close(PLACE, CONTENT)]
    after = SubjectKeys(STATE.puncture({1: LeafNumbers(PEPPER).of(names_of([ANNA], [0]))}), PEPPER)
    found = open_batch(after, day_keys, [Closed(PLACE, ANNA, payloads[0]), Closed(PLACE, BODO, payloads[1])])
    assert isinstance(found[0], PuncturedError)
    assert found[1] == CONTENT


def test_a_day_whose_key_is_destroyed_and_a_root_that_is_not_there_are_told(tmp_path: Path) -> None:
    keys = DayKeys(paths_in(tmp_path))
    payload = under_day(*keys.today(NOON)).close(PLACE, CONTENT)
    assert opened(keys, Closed(PLACE, None, payload)) == CONTENT
    keys.destroy_older_than(1, NOON + timedelta(days=1))
    with pytest.raises(DestroyedKeyError):
        opened(keys, Closed(PLACE, None, payload))
    newer = SubjectKeys(STATE.with_new_root(bytes(16)), PEPPER)
    with pytest.raises(KeyStateError, match="root 2"):
        opened(keys, Closed(PLACE, ANNA, of_anna(keys=newer)))


def test_one_that_cannot_be_opened_keeps_no_other_closed(day_keys: DayKeys) -> None:
    two_roots = SubjectKeys(STATE.with_new_root(bytes(16)), PEPPER)
    old, new = of_anna(keys=KEYS), of_anna(keys=two_roots)
    found = open_batch(two_roots, day_keys, [Closed(PLACE, ANNA, each) for each in (old, b"", new, old[:-1])])
    assert [isinstance(each, Content) for each in found] == [True, False, True, False]


def test_no_error_says_what_a_payload_holds_or_whose_it_is(day_keys: DayKeys) -> None:
    for closed in (Closed(PLACE, BODO, of_anna()), Closed(PLACE, None, of_anna()), Closed(PLACE, ANNA, b"Q")):
        with pytest.raises(ProtectionError) as refused:
            opened(day_keys, closed)
        assert not {ANNA, BODO, "email"} & set(str(refused.value).split())


def test_the_documentation_alone_is_enough_to_open_one() -> None:
    """Written from the words of docs/security.md, Payloads in quarantine, with nothing of Lethe's."""
    subject = KEYS.one(ANNA, 0)
    key, payload = subject.key, of_anna()
    nonce_at = 11 if payload[2:3] == b"s" else 7
    head, nonce, sealed = payload[:nonce_at], payload[nonce_at : nonce_at + 12], payload[nonce_at + 12 :]
    whose = bytes.fromhex(ANNA) if payload[2:3] == b"s" else b""
    text = AESGCM(key).decrypt(nonce, sealed, head + whose + b"quarantine" + PLACE.encode())
    timestamp, key_length = int.from_bytes(text[:8], signed=True), int.from_bytes(text[8:12], signed=True)
    value_length, value_at = int.from_bytes(text[12:16]), 16 + max(key_length, 0)
    assert (text[16:value_at], timestamp) == (CONTENT.key, CONTENT.timestamp_ms)
    assert text[value_at : value_at + value_length] == CONTENT.value
    with pytest.raises(InvalidTag):
        AESGCM(key).decrypt(nonce, sealed, head)


def test_the_documentation_shows_this_vector() -> None:
    seal = under_day(DAY, bytes(range(32)))
    payload = seal.close(PLACE, Content(b"k", b"{", 1), nonce=bytes(12))
    (shown,) = [block.text for block in page("docs/security.md").blocks if block.text.startswith("5101")]
    assert "".join(shown.split()) == payload.hex()
