"""What a simulation says the stores must hold is what the model makes of the same messages."""

import json
from datetime import date, datetime, timedelta
from itertools import islice
from random import Random

import pytest

from lethe.producers.consents import Choice
from lethe.producers.expectation import Expectation, figure
from lethe.producers.sent import Facts, Kind, Sent
from lethe.producers.simulation import Simulation
from lethe.profiles.reasons import Reason
from tests.model import Model
from tests.unit.producers.topic import NOW, RULES, records

PEPPER = bytes(32)


def expectation(sent: list[Sent]) -> Expectation:
    found = Expectation()
    for message in sent:
        found.take(message)
    return found


def modelled(sent: list[Sent], rounds: str = "together") -> Model:
    """The model of messages that were processed all at once, by topic, or in any batches."""
    oracle = Model(PEPPER, NOW, minimum_age=RULES.minimum_age, policy_versions=RULES.policy_versions)
    random, number = Random(5), {"user_profiles": 0, "user_consents": 0}
    if rounds == "consents last":
        number["user_consents"] = 1
    for record in records(sent):
        if rounds == "batches":
            number[record.topic] += random.random() < 0.02
        oracle.feed(record, round=number[record.topic])
    return oracle


def assert_equals_the_model(sent: list[Sent], seed: int, oracle: Model) -> None:
    expected = expectation(sent).document(seed, NOW)
    assert expected["stored"] == len(oracle.rows())
    assert expected["not_counted"] == oracle.not_counted()
    assert expected["counted"] == expected["stored"] - expected["not_counted"]
    assert expected["quarantined"] == oracle.quarantine_by_reason()
    found = oracle.users_by_nationality(date.fromisoformat(expected["as_of"]))
    assert {
        code: (cell["users"], cell["average_age"]) for code, cell in expected["users_by_nationality"].items()
    } == ({code: pytest.approx(cell) for code, cell in found.items()})
    everybody = oracle.average_age()
    assert everybody is not None
    assert tuple(expected["average_age"].values()) == pytest.approx(everybody)
    assert expected["birth_months"] == birth_months(oracle)
    outcomes = expected["outcomes"]
    assert outcomes.pop("rows_in") == len(sent) == len(oracle.readings) == sum(outcomes.values())
    assert outcomes["quarantined"] == len(oracle.quarantine())


@pytest.mark.parametrize("seed", [1, 2, 3, 11, 2026])
@pytest.mark.parametrize(
    ("locales", "changes", "cut"), [((), 0.25, None), (("NL", "JP"), 0.9, None), ((), 0.9, 333)]
)
def test_it_equals_the_model_of_the_same_messages(
    seed: int, locales: tuple[str, ...], changes: float, cut: int | None
) -> None:
    simulation = Simulation(300, NOW, RULES, seed=seed, locales=locales, faulty=0.15, changes=changes)
    sent = list(islice(simulation, cut))
    assert_equals_the_model(sent, seed, modelled(sent))


@pytest.mark.parametrize("seed", [1, 2, 3, 11])
@pytest.mark.parametrize("rounds", ["together", "consents last", "batches"])
@pytest.mark.parametrize("consent_changes", [0.1, 0.9])
def test_with_consents_that_change_alone_it_does_so_whichever_topic_is_read_first(
    seed: int, rounds: str, consent_changes: float
) -> None:
    plan = Simulation(250, NOW, RULES, seed=seed, faulty=0.15, changes=0.5, consent_changes=consent_changes)
    sent = list(plan)
    oracle = modelled(sent, rounds)
    assert_equals_the_model(sent, seed, oracle)
    assert len(oracle.ended()) == sum(message.kind is Kind.CHILD_ENDED for message in sent)


def birth_months(oracle: Model) -> dict[str, dict[str, int]]:
    cells: dict[str, dict[str, int]] = {}
    for figures in oracle.contributions().values():
        if figures:
            months = cells.setdefault(figures["nationality"], {})
            months[figures["birth_month"]] = months.get(figures["birth_month"], 0) + 1
    return cells


def test_people_to_erase_are_counted_and_do_not_return_by_sending_again() -> None:
    plan = Simulation(300, NOW, RULES, faulty=0.1, consent_changes=0.3)
    chosen = expectation(list(plan)).erasable(3)
    sent = list(plan)
    oracle = modelled(sent)
    assert len(set(chosen)) == 3
    for user_id in chosen:
        assert oracle.contributions()[oracle.subject_id(user_id)]
        oracle.erase(user_id, int(NOW.timestamp() * 1_000_000), {})
    month_later = NOW + timedelta(days=30)
    later = modelled([])
    later.erasures = oracle.erasures
    again = Simulation(300, month_later, RULES, faulty=0.1, consent_changes=0.3)
    for record in records(again, int(month_later.timestamp() * 1000)):
        later.feed(record, month_later)
    assert len(later.rows()) > 250
    assert later.rows().keys().isdisjoint(oracle.subject_id(user_id) for user_id in chosen)


def test_a_later_event_that_came_earlier_stands() -> None:
    assert expectation([told(2, "NL"), told(1, "FR")]).birth_months() == {"NL": {"1990-05": 1}}
    assert expectation([told(2, "NL"), told(2, "FR")]).birth_months() == {"FR": {"1990-05": 1}}


def told(event_ms: int, nationality: str, *choices: Choice) -> Sent:
    facts = Facts("a", event_ms, nationality, "1990-05")
    return Sent(b"a", b"{}", Kind.FIRST, facts, choices=choices or (Choice(0, False),))


def test_the_greatest_choice_of_all_messages_stands() -> None:
    withdrawal, grant, unknown = Choice(5, True), Choice(5, False), Choice(9, False, False)
    assert expectation([told(1, "NL", grant)]).birth_months() == {"NL": {"1990-05": 1}}
    for one, other in ((grant, withdrawal), (withdrawal, grant), (grant, unknown)):
        assert expectation([told(2, "NL", one), told(1, "NL", other)]).birth_months() == {}
    later = expectation([told(2, "NL", withdrawal), told(1, "NL", Choice(6, False))])
    assert later.birth_months() == {"NL": {"1990-05": 1}}


def test_what_has_ended_comes_back_by_a_later_event_alone() -> None:
    end = Sent(b"a", b"{}", Kind.CHILD_ENDED, reason=Reason.UNDER_AGE, ends_ms=3)
    assert expectation([told(2, "NL"), end]).standing == {}
    assert expectation([told(2, "NL"), end, told(2, "FR")]).standing == {}
    assert expectation([told(2, "NL"), end, told(3, "FR")]).standing.keys() == {"a"}
    assert expectation([told(4, "NL"), end]).standing.keys() == {"a"}
    assert expectation([end, told(2, "NL")]).standing.keys() == {"a"}


def test_an_age_counts_from_the_first_day_of_the_month_of_birth() -> None:
    months = {"1990-11": 1, "1990-12": 1}
    assert figure(months, date(2026, 11, 30)) == {"users": 2, "average_age": 35.5}
    assert figure(months, date(2026, 12, 1)) == {"users": 2, "average_age": 36.0}


def test_nothing_sent_is_nothing_expected() -> None:
    document = Expectation().document(1, NOW)
    assert document["average_age"] is None
    assert document["stored"] == 0
    assert datetime.fromisoformat(document["now"]) == NOW
    json.dumps(document)
