"""The exact figures, computed from the sharded aggregates at the moment they are read.

Ages change with the calendar and not with the data, so none is stored: the age of a birth month on a day is whole
years from the month's first day (UTC). These are exact counts, for the controller's own use; what is published
is made from them by the publisher.
"""

from typing import Any

from lethe.stores.mongodb import Document

SOURCE = "aggregate_shards"
BY_NATIONALITY = "users_by_nationality"
AVERAGE_AGE = "average_age"


def _birth_month_part(start: int, length: int) -> Document:
    """A number out of a birth month "YYYY-MM"."""
    return {"$toInt": {"$substrBytes": ["$months.k", start, length]}}


def _age_today() -> Document:
    """Whole years from the birth month's first day to today: a month later in the year has not come yet."""
    years = {"$subtract": [{"$year": "$$NOW"}, _birth_month_part(0, 4)]}
    is_ahead = {"$lt": [{"$month": "$$NOW"}, _birth_month_part(5, 2)]}
    return {"$subtract": [years, {"$cond": [is_ahead, 1, 0]}]}


def _figures(group: Any) -> list[Document]:
    """Users and their average age, one document for each value of the expression `group`."""
    return [
        {"$project": {"nationality": 1, "months": {"$objectToArray": "$months"}}},
        {"$unwind": "$months"},
        {
            "$project": {
                "nationality": 1,
                "users": "$months.v",
                "years": {"$multiply": ["$months.v", _age_today()]},
            }
        },
        {"$group": {"_id": group, "users": {"$sum": "$users"}, "years": {"$sum": "$years"}}},
        {"$match": {"users": {"$gt": 0}}},
        {"$project": {"users": 1, "average_age": {"$divide": ["$years", "$users"]}}},
    ]


def users_by_nationality_pipeline() -> list[Document]:
    """On `aggregate_shards`: {_id: ISO code, users, average_age}; a nationality that nobody has is not there."""
    return _figures("$nationality")


def average_age_pipeline() -> list[Document]:
    """On `aggregate_shards`: {_id: "all", users, average_age}; no document where nobody is counted."""
    return _figures({"$literal": "all"})
