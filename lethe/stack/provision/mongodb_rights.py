"""What each MongoDB user may do: by collection, and nothing that is not listed here."""

from lethe.stores.mongodb import Document

COLLECTIONS = (
    "contributions",
    "aggregate_shards",
    "subject_counts",
    "suppression",
    "counters",
    "quarantine",
    "audit_trail",
    "audit_head",
    "lease",
    "stream_health",
    "erasures",
    "cases",
    "holds",
    "published_users_by_nationality",
    "published_average_age",
    "published_status",
    "publication_state",
    "rotations",
)
VIEWS = ("users_by_nationality", "average_age")
PUBLISHED = tuple(name for name in COLLECTIONS if name.startswith("published_"))

READ = ("find",)
MOVE = ("find", "update")
APPEND = ("find", "insert")
KEEP = ("find", "insert", "update")
MOVES = ("find", "insert", "remove")  # a document has another name then: it is another document
ALL = ("find", "insert", "update", "remove")

# Whoever appends to the audit trail moves its head; nobody changes an entry, and `archivist` alone removes what is past
# its retention.
APPENDS = {"audit_trail": APPEND, "audit_head": MOVE}

RIGHTS: dict[str, dict[str, tuple[str, ...]]] = {
    "stream": {
        "contributions": ALL,
        "aggregate_shards": ALL,
        "subject_counts": KEEP,
        "quarantine": ALL,
        "stream_health": ALL,
        "suppression": READ,
        "counters": READ,
        "lease": MOVE,
        **APPENDS,
    },
    "fence": {"lease": KEEP, "stream_health": READ},
    "eraser": {
        "contributions": ALL,
        "aggregate_shards": ALL,
        "subject_counts": KEEP,
        "suppression": ALL,
        "counters": ALL,
        "quarantine": ALL,
        "erasures": ALL,
        "cases": MOVE,
        "holds": READ,
        "stream_health": READ,
        # Where no driver runs, the eraser takes the lease itself; the server asks for `insert` in every upsert.
        "lease": KEEP,
        **APPENDS,
    },
    "auditor": dict.fromkeys((*COLLECTIONS, *VIEWS), READ),
    "scanner": dict.fromkeys((*COLLECTIONS, *VIEWS), READ),
    "publisher": {
        "aggregate_shards": READ,
        "subject_counts": READ,
        **dict.fromkeys(VIEWS, READ),
        **dict.fromkeys((*PUBLISHED, "publication_state"), ALL),
    },
    "dashboard": {"stream_health": READ, **dict.fromkeys(PUBLISHED, READ)},
    "quarantine": {"quarantine": ("find", "remove"), **APPENDS},
    # Opens cases, or joins those that are open; it neither places a hold nor lifts it, nor does the eraser.
    "intake": {"cases": KEEP, **APPENDS},
    # What people decide of cases; nobody removes a case or a hold before its retention is over.
    "casework": {"cases": MOVE, "holds": KEEP, **APPENDS},
    "rotator": {
        "contributions": MOVES,
        "suppression": READ,
        "quarantine": READ,
        "stream_health": READ,
        "rotations": KEEP,
        # Where no driver runs, the rotation takes the lease itself, as the eraser does.
        "lease": KEEP,
        **APPENDS,
    },
    "archivist": {"audit_trail": ("find", "insert", "remove"), "audit_head": MOVE},
    # What supervision remembers lies beside the driver's own state.
    "supervision": {"stream_health": KEEP},
    "operator": dict.fromkeys((*COLLECTIONS, *VIEWS), READ),
    # Exact figures, never what they are counted from.
    "analyst": dict.fromkeys(VIEWS, READ),
}
# A person with a shell asks what there is before asking for it; so does who looks for what nobody has declared.
BROWSES = ("operator", "scanner")
# Reads every collection of the database, also those that are not ours yet.
READS_ALL = ("scanner",)


def privileges(role: str, database: str) -> list[Document]:
    """A role's rights as `createRole` takes them."""
    result: list[Document] = [
        {"resource": {"db": database, "collection": name}, "actions": list(actions)}
        for name, actions in RIGHTS[role].items()
    ]
    everywhere = [
        *(["listCollections"] if role in BROWSES else []),
        *(READ if role in READS_ALL else ()),
    ]
    if everywhere:
        result.append({"resource": {"db": database, "collection": ""}, "actions": everywhere})
    return result
