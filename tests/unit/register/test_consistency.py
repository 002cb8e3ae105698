"""What is wrong between entries: each rule has a register that breaks it, and is told alone, with its line.

In the edited registers `# here` marks the line that must be told.
"""

from pathlib import Path

import pytest
from cassandra.metadata import cql_keywords_reserved

from lethe.register.consistency import RESERVED
from tests.unit.register.registers import edited, line_of, problems

GENDER = """\
  gender:
    category: gender
    protection: plain
    purposes: [analytics]
    recipients: [analysts]
    stores: [kafka.user_profiles, cassandra.profiles, mongodb.contributions]
    retention: profile
    allowed: [female, male, other]
"""
STATE = """\
  location.state:
    category: area
    protection: plain
    purposes: [account]
    recipients: [customer_service]
    stores: [kafka.user_profiles, cassandra.profiles]
    retention: profile
    column: state
"""
POSTCODE = """\
    protection: generalise
    purposes: [account]
    recipients: []
    stores: [kafka.user_profiles]
    why: Only its area is stored (postcode_area)
"""
AREA = "  postcode_area:\n    from: [location.postcode]\n"


def edit(text: str, *changes: tuple[str, str]) -> tuple[str, str]:
    """A text of the shipped register, and what becomes of it."""
    after = text
    for old, new in changes:
        assert after.count(old) == 1
        after = after.replace(old, new)
    return text, after


FIELDS = {
    "fields.gender.purposes[1]: 'curiosity' is not declared under purposes": [
        edit(GENDER, ("[analytics]", "[analytics, curiosity] # here"))
    ],
    "fields.gender.recipients[0]: 'neighbours' is not declared under recipients": [
        edit(GENDER, ("[analysts]", "[neighbours] # here"))
    ],
    "fields.gender.stores[2]: 'mongodb.attic' is not declared under stores": [
        edit(GENDER, ("mongodb.contributions]", "mongodb.attic] # here"))
    ],
    "fields.gender.category: 'sex' is not declared under categories": [
        edit(GENDER, ("category: gender", "category: sex # here"))
    ],
    "fields.gender.retention: 'ages' is not declared under retentions": [
        edit(GENDER, ("retention: profile", "retention: ages # here"))
    ],
    "fields.gender.purposes: stored in cassandra.profiles, mongodb.contributions for no purpose": [
        edit(GENDER, ("[analytics]", "[] # here"))
    ],
    "fields.gender: stored in cassandra.profiles, mongodb.contributions with no retention": [
        edit(GENDER, ("    retention: profile\n", ""), ("gender:\n", "gender: # here\n"))
    ],
    "fields.\"location.state\".retention: 'quarantine', but cassandra.profiles keeps a whole row for 'profile'": [
        edit(STATE, ("retention: profile", "retention: quarantine # here"))
    ],
    "fields.email_domain.from[0]: 'mail' is not a field of the message": [
        edit("    from: [email]\n", ("email", "mail"), ("]", "] # here"))
    ],
    "fields.age_band.from[1]: 'birth_month' is not a field of the message": [
        edit("    from: [dob.date, event_time]\n", ("event_time]", "birth_month] # here"))
    ],
    "fields.postcode_area.stores: a derived field stands in no topic": [
        edit(AREA, (AREA, f"{AREA}    stores: [kafka.user_profiles, cassandra.profiles] # here\n")),
        edit(
            "    category: area\n    protection: generalise\n    purposes: [account]\n    recipients: "
            "[customer_service]\n    stores: [cassandra.profiles]\n",
            ("    stores: [cassandra.profiles]\n", ""),
        ),
    ],
    "fields.gender: a message field stands in the topic that brings it: add kafka.user_profiles to stores": [
        edit(GENDER, ("kafka.user_profiles, ", ""), ("gender:\n", "gender: # here\n"))
    ],
    "fields.gender.stores: a store is named twice": [
        edit(
            GENDER,
            ("cassandra.profiles, mongodb.contributions]", "cassandra.profiles, cassandra.profiles] # here"),
        )
    ],
    "fields.gender.protection: drop, and yet stored in cassandra.profiles, mongodb.contributions": [
        edit(GENDER, ("plain", "drop # here"), ("[analytics]", "[]"))
    ],
    'fields."dob.age".protection: drop, and yet with a purpose': [
        edit(
            "  dob.age: { category: age, protection: drop, purposes: [], ",
            ("purposes: []", "purposes: [account] # here\n   "),
            ("protection: drop,", "\n    protection: drop,"),
        )
    ],
    'fields."location.postcode".protection: generalise: only a field derived from it is stored beyond the topic': [
        edit(
            POSTCODE,
            ("generalise", "generalise # here"),
            ("[kafka.user_profiles]", "[kafka.user_profiles, cassandra.profiles]\n    retention: profile"),
        )
    ],
    'fields."location.postcode".protection: generalise, but no field is derived from it; say drop, or add one': [
        edit(POSTCODE, ("generalise", "generalise # here")),
        edit(AREA, ("location.postcode", "location.state")),
    ],
    'fields."location.state".protection: plain, but stored nowhere; say drop, or add a store': [
        edit(STATE, ("plain", "plain # here"), (", cassandra.profiles", ""))
    ],
    "fields.gender.protection: plain, but its category 'contact' names a person by itself; say encrypt": [
        edit(GENDER, ("category: gender", "category: contact"), ("plain", "plain # here"))
    ],
    "fields.gender.protection: plain, but its category 'gender' is special (Art. 9, 10); say encrypt": [
        edit(GENDER, ("plain", "plain # here")),
        edit('  gender: { what: "Gender, as stated" }\n', (" }", ", special: true }")),
    ],
    "fields.\"location.state\": column 'gender' of cassandra.profiles is that of gender already": [
        edit(STATE, ("column: state", "column: gender"), ("location.state:", "location.state: # here"))
    ],
    "fields.\"location.state\": column 'consents' of cassandra.profiles is one of Lethe's own already": [
        edit(STATE, ("column: state", "column: consents"), ("location.state:", "location.state: # here"))
    ],
    "fields.\"location.state\": column 'token' is reserved by Cassandra; give it another by `column`": [
        edit(STATE, ("column: state", "column: token"), ("location.state:", "location.state: # here"))
    ],
    "fields.State: 'State' can't name a column; give it another by `column`": [
        edit(STATE, ("    column: state\n", ""), ("location.state:", "State: # here"))
    ],
}

OTHERS = {
    "purposes.operation: basis legitimate_interests needs `interest`: which one is pursued": [
        edit("  operation:\n    what", ("operation:", "operation: # here")),
        edit("    interest: A system", ("interest: A", "law: A")),
    ],
    "purposes.rights: basis legal_obligation needs `law`: which one obliges": [
        edit("  rights:\n    what", ("rights:", "rights: # here")),
        edit("    law: GDPR", ("law", "interest")),
    ],
    "retentions.published: needs either `period` or `criteria`": [
        edit('  published: { criteria: "Until the next publication replaces them" }', ("{ c", "{} # here c"))
    ],
    "retentions.health: a period needs `counts_from`: the field or moment it counts from": [
        edit("  health: { period: P1D, counts_from: at,", (" counts_from: at,", " # here\n   "))
    ],
    "retentions.quarantine.counts_from: 'arrival' is neither a field of mongodb.quarantine or of the message, "
    "nor one of last_write, leaving, message_timestamp, run_end": [
        edit("  quarantine: { period: P7D, counts_from: at,", ("from: at,", "from: arrival, # here\n   "))
    ],
    "stores.\"mongodb.quarantine\".retention: 'ages' is not declared under retentions": [
        edit("    retention: quarantine\n", ("quarantine", "ages # here"))
    ],
    "stores.\"mongodb.subject_counts\".subjects[0]: 'cats' is not declared under subjects": [
        edit(
            "    what: How many subjects are stored, and how many are counted\n    subjects: [users]\n",
            ("[users]", "[cats] # here"),
        )
    ],
    "stores.\"mongodb.suppression\".fields.ends.category: 'rope' is not declared under categories": [
        edit("      ends: { category: position,", ("position,", "rope, # here\n       "))
    ],
    "stores.\"airflow.metadata\".found_by: 'dag_run.config' is not among the store's own fields": [
        edit("    found_by: dag_run.conf\n", ("dag_run.conf", "dag_run.config # here"))
    ],
    'stores."mongodb.subject_counts".found_by: a store with `reference: none` finds nobody': [
        edit(
            "    what: How many subjects are stored, and how many are counted\n",
            ("    what", "    found_by: _id # here\n    what"),
        )
    ],
    "stores.\"cassandra.profiles\": Lethe writes 'source_offset' there; declare it under fields": [
        edit("  cassandra.profiles:\n", (":", ": # here")),
        edit(
            "      source_offset: { category: position, type: long }\n      consents:",
            ("source_offset", "offset"),
        ),
    ],
    'stores."cassandra.profiles": its key is subject_id: say `found_by: subject_id`': [
        edit("  cassandra.profiles:\n    what: The latest profile of each subject\n", (":\n", ": # here\n")),
        edit("    found_by: subject_id\n    purposes: [account]\n", ("subject_id", "consents")),
    ],
    'stores."cassandra.profiles".retention: profiles are kept for a period, not by criteria': [
        edit(
            "    retention: profile\n    backed_up: true\n    fields: # besides every field below whose stores name "
            "this table\n",
            ("profile\n", "profile # here\n"),
        ),
        edit("  profile: { period: P3Y, counts_from: event_time, ", ("period: P3Y", "criteria: Long")),
    ],
    "role: a processor names the controllers that it acts for: add `acts_for`": [
        edit("role: controller\n", ("controller", "processor # here"))
    ],
    "acts_for: only a processor acts for others: say `role: processor`": [
        edit(
            "role: controller\n",
            ("\n", "\nacts_for: [{ name: A, address: B, email: c@d.example }] # here\n"),
        )
    ],
    "transfers[0].recipient: 'moon' is not declared under recipients": [
        edit("transfers: [] #", ("[] #", "[{ recipient: moon, to: The Moon, safeguards: none }] # here"))
    ],
}


@pytest.mark.parametrize("what", [*FIELDS, *OTHERS])
def test_what_does_not_agree_is_told_with_its_line(tmp_path: Path, what: str) -> None:
    file = edited(tmp_path, *(FIELDS | OTHERS)[what])
    assert problems(file) == [f"{line_of(file, '# here')}: {what}"]


def test_a_consent_without_any_wording_is_told_for_each_purpose(tmp_path: Path) -> None:
    text = (edited(tmp_path)).read_text(encoding="utf-8")
    start, end = text.index('policy_versions:\n  "2026-01"'), text.index("recipients:\n")
    file = edited(tmp_path, (text[start:end], "policy_versions: {}\n"))
    assert [line.split(": ", 1)[1] for line in problems(file)] == [
        f"purposes.{name}: basis consent needs a wording: declare it under policy_versions"
        for name in ("analytics", "marketing")
    ]


def test_a_store_that_the_stream_needs_can_not_be_left_out(tmp_path: Path) -> None:
    text = (edited(tmp_path)).read_text(encoding="utf-8")
    start, end = text.index("  mongodb.contributions:\n"), text.index("  mongodb.aggregate_shards:\n")
    file = edited(tmp_path, (text[start:end], ""))
    told = [line.split(": ", 1)[1] for line in problems(file)]
    assert "stores: mongodb.contributions is missing, and the stream writes or reads it" in told
    assert "fields.gender.stores[2]: 'mongodb.contributions' is not declared under stores" in told


def test_no_word_is_called_reserved_that_is_not() -> None:
    assert cql_keywords_reserved >= RESERVED
