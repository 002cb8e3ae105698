"""What the stream tells of its batches, against what the model says of the messages."""

from collections import Counter

from lethe.profiles.contract import CONSENTS_TOPIC
from tests.integration.live import LiveStack
from tests.model import Model, place


def assert_totals_equal(stack: LiveStack, model: Model) -> None:
    """What the stream tells of its batches: each message counted once, where it was read once."""
    totals = stack.db("auditor").stream_health.find_one({"_id": "totals"}) or {}
    quarantined = model.quarantine_by_reason()
    suppressed = len(model.suppressed())
    ignored = sum(reading.ignored for reading in model.readings.values())
    alone = [reading for reading in model.readings.values() if reading.message.topic == CONSENTS_TOPIC]
    consents = sum(
        not reading.ignored and reading.reason is None and place(reading) not in model.suppressed()
        for reading in alone
    )
    rest = len(model.readings) - sum(quarantined.values()) - suppressed - ignored - consents
    assert {
        "rows_in": totals.get("rows_in"),
        "quarantined": totals.get("quarantined", {}),
        "suppressed": totals.get("suppressed"),
        "control": totals.get("control"),
        "consents": totals.get("consents"),
        "stored or superseded": totals.get("stored", 0) + totals.get("superseded", 0),
    } == {
        "rows_in": len(model.readings),
        "quarantined": quarantined,
        "suppressed": suppressed,
        "control": ignored,
        "consents": consents,
        "stored or superseded": rest,
    }


def assert_totals_add_up(stack: LiveStack) -> None:
    """The totals are the sum of the batches that were told, however often a batch was begun."""
    health = stack.db("auditor").stream_health
    names = ("rows_in", "stored", "superseded", "suppressed", "control", "consents", "withdrawals")
    sums: Counter[str] = Counter()
    for batch in health.find({"batch_id": {"$exists": True}}):
        sums.update(
            {name: batch[name] for name in names} | {"quarantined": sum(batch["quarantined"].values())}
        )
    totals = health.find_one({"_id": "totals"}) or {}
    told = {name: totals.get(name) for name in names} | {
        "quarantined": sum(totals.get("quarantined", {}).values())
    }
    assert told == {name: sums[name] for name in told}
