"""Consents through the running stream: alone or in a profile, early or late, withdrawn, given by a guardian."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.live_stream import LiveStream
from tests.integration.messages import LONG, Bytes, profile, sendable, simulated, text_of
from tests.integration.totals import assert_totals_equal

PEOPLE = 5_000 if LONG else 600
CHILD = {"date": (datetime.now(UTC) - timedelta(days=14 * 365)).date().isoformat()}


def ago(minutes: float) -> str:
    return text_of(datetime.now(UTC) - timedelta(minutes=minutes))


def said(purpose: str, minutes_ago: float, *, granted: bool = True, **more: Any) -> dict[str, Any]:
    at = ago(minutes_ago)
    return {"purpose": purpose, "granted": granted, "at": at, "policy_version": "2026-06", **more}


def alone(user_id: str, consent: dict[str, Any]) -> Bytes:
    return user_id.encode(), json.dumps({"user_id": user_id, **consent}).encode()


def new() -> str:
    return str(uuid.uuid4())


def row(stream: LiveStream, user_id: str) -> dict[str, Any] | None:
    query = "SELECT * FROM profiles WHERE subject_id = %s"
    found = stream.stack.cassandra("auditor").execute(query, (stream.model.subject_id(user_id),)).one()
    return found._asdict() if found else None


def contribution(stream: LiveStream, user_id: str) -> dict[str, Any]:
    return stream.contribution(stream.model.subject_id(user_id)) or {}


def test_a_withdrawal_takes_a_person_out_of_the_figures_and_drops_what_rested_on_it(
    running: LiveStream,
) -> None:
    person = new()
    running.send([sendable(profile(person, consents=[said("analytics", 60)]))])
    running.check()
    assert contribution(running, person)["counted"]
    assert (row(running, person) or {})["gender"] == "female"
    running.send_consents([alone(person, said("analytics", 5, granted=False))])
    running.check()
    held = row(running, person) or {}
    assert not contribution(running, person)["counted"]
    assert (held["gender"], held["region"], held["nationality"]) == (None, None, "NL")
    assert held["consents"] in ({}, None)


def test_a_late_grant_counts_a_person_again_and_waits_for_other_fields(running: LiveStream) -> None:
    person = new()
    running.send([sendable(profile(person, consents=[]))])
    running.check()
    assert not contribution(running, person)["counted"]
    running.send_consents([alone(person, said("analytics", 5))])
    running.check()
    held = contribution(running, person)
    assert (held["counted"], held["nationality"], held["gender"]) == (True, "NL", None)
    assert (row(running, person) or {})["region"] is None
    running.send([sendable(profile(person, hours_ago=0, consents=[]))])
    running.check()
    assert contribution(running, person)["gender"] == "female"
    assert (row(running, person) or {})["region"] == "Europe"


def test_a_consent_may_come_before_the_profile_and_an_older_withdrawal_changes_nothing(
    running: LiveStream,
) -> None:
    person = new()
    running.send_consents([alone(person, said("analytics", 30))])
    running.check()
    assert row(running, person) is None
    running.send([sendable(profile(person, consents=[said("analytics", 60, granted=False)]))])
    running.check()
    assert contribution(running, person)["counted"]


def test_a_superseded_profile_still_says_what_its_subject_withdrew(running: LiveStream) -> None:
    person = new()
    running.send([sendable(profile(person, hours_ago=1, consents=[said("analytics", 60)]))])
    running.check()
    late = profile(person, hours_ago=2, consents=[said("analytics", 5, granted=False)])
    running.send([sendable(late)])
    running.check()
    assert not contribution(running, person)["counted"]


def test_a_child_is_kept_out_until_a_guardian_consents_and_goes_with_that_consent(
    running: LiveStream,
) -> None:
    child = new()
    running.send([sendable(profile(child, hours_ago=2, dob=CHILD, consents=[said("analytics", 60)]))])
    running.check()
    assert row(running, child) is None
    running.send_consents([alone(child, said("analytics", 30, by_guardian=True))])
    running.send([])
    running.check()
    running.send([sendable(profile(child, hours_ago=1, dob=CHILD, consents=[]))])
    running.check()
    assert row(running, child) is not None
    running.send_consents([alone(child, said("analytics", 1, granted=False, by_guardian=True))])
    running.check()
    assert row(running, child) is None
    assert contribution(running, child)["ended"]


def test_an_update_that_shows_a_stored_person_under_age_ends_the_row_and_an_older_one_does_not_return(
    running: LiveStream,
) -> None:
    person = new()
    running.send([sendable(profile(person, hours_ago=3))])
    running.check()
    running.send([sendable(profile(person, hours_ago=1, dob=CHILD))])
    running.check()
    assert row(running, person) is None
    running.send([sendable(profile(person, hours_ago=2))])
    running.check()
    assert row(running, person) is None


def test_faulty_consents_lie_in_quarantine_and_stop_nothing(running: LiveStream) -> None:
    person = new()
    faulty = [
        (person.encode(), b"{"),
        (person.encode(), b"[]"),
        alone(person, said("undeclared", 5)),
        alone(person, said("analytics", -30)),
        (new().encode(), alone(person, said("analytics", 5))[1]),
        (person.encode(), None),
    ]
    running.send_consents(faulty)
    running.check()
    reasons = {
        each["reason"] for each in running.stack.db("auditor").quarantine.find({"topic": "user_consents"})
    }
    assert reasons == {"not_json", "not_an_object", "unknown_purpose", "bad_consents", "key_mismatch"}


def test_made_up_people_with_consents_of_their_own_end_as_the_model_says(running: LiveStream) -> None:
    simulation = simulated(PEOPLE, seed=7, changes=0.4, faulty=0.03, consent_changes=0.4)
    messages = list(simulation)
    running.send((each.key, each.value) for each in messages if each.topic == "user_profiles")
    running.check()
    running.send_consents((each.key, each.value) for each in messages if each.topic == "user_consents")
    running.check()


def test_each_message_was_counted_once(running: LiveStream) -> None:
    assert_totals_equal(running.stack, running.model)


def test_an_erased_persons_consents_go_and_a_grant_after_it_is_no_profile(running: LiveStream) -> None:
    person = new()
    running.send([sendable(profile(person, consents=[said("analytics", 60), said("marketing", 60)]))])
    running.check()
    told = running.erase(person)
    assert told["before"]["cassandra.consents"] == 2
    assert told["after"]["cassandra.consents"] == 0
    running.send_consents([alone(person, said("analytics", 60, granted=False))])
    running.check()
    running.send_consents([alone(person, said("analytics", 0))])
    running.check()
    assert row(running, person) is None
    running.send([sendable(profile(person, hours_ago=0, consents=[]))])
    running.check()
    assert contribution(running, person)["counted"]


def test_the_time_from_a_withdrawal_to_its_effect_is_published(running: LiveStream) -> None:
    totals = running.stack.db("auditor").stream_health.find_one({"_id": "totals"}) or {}
    assert totals["withdrawals"] >= 3
    assert 0 < totals["withdrawal_ms"] / totals["withdrawals"] < 60_000


def test_reading_both_topics_again_from_their_beginning_changes_nothing(running: LiveStream) -> None:
    running.forget_position()
    running.start()
    running.check()
