"""MongoDB's contributions and suppression ledger as a rotation reads and changes them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from lethe.rotation.record import Rotation
from lethe.rotation.rows import Decision, Document, changes
from lethe.stores.mongodb import Client, in_transaction


@dataclass(frozen=True, slots=True)
class MongoDocuments:
    """One slice's way to them; what its transactions move is counted in the slice's own document."""

    client: Client
    rotation: Rotation
    part: int

    def generations(self, subject_ids: Sequence[str]) -> dict[str, int]:
        """How often each subject was erased, of those who ever were, as of now."""
        found = self.rotation.db.suppression.find({"_id": {"$in": list(subject_ids)}}, {"generation": 1})
        return {entry["_id"]: int(entry["generation"]) for entry in found}

    def change(
        self, names: Sequence[str], decide: Callable[[Mapping[str, Document]], list[Decision]]
    ) -> list[Decision]:
        """In one transaction: find the documents of these names, decide, and do what was decided.

        A document that another transaction changes meanwhile is a conflict: then all of it is done again.
        """
        contributions = self.rotation.db.contributions

        def work(session: ClientSession) -> list[Decision]:
            found = contributions.find({"_id": {"$in": list(names)}}, session=session)
            decisions = decide({document["_id"]: document for document in found})
            removed, inserted = changes(decisions)
            if inserted:
                contributions.delete_many({"_id": {"$in": removed}}, session=session)
                contributions.insert_many(inserted, ordered=False, session=session)
                self.rotation.count_moved(self.part, len(inserted), session)
            return decisions

        return in_transaction(self.client, work)
