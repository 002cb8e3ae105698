"""The example of docs/publication.md is what the rules do."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lethe.governance.publication import Cell, Figure, publish, total

PAGE = Path(__file__).resolve().parents[3] / "docs" / "publication.md"
START = datetime(2026, 11, 24, 12, tzinfo=UTC)
K = 10


def steps() -> list[tuple[dict[str, int], str, int]]:
    """People by nationality, what is published, and the total, of each row of the table."""
    lines = PAGE.read_text().split("## An example")[1].split("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head, _, *body = rows
    codes = head[2:6]
    return [(dict(zip(codes, map(int, row[2:6]), strict=True)), row[6], int(row[7])) for row in body]


def test_the_example_of_the_page_is_what_the_rules_do() -> None:
    people: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    standing: list[Figure] = []
    told = steps()
    assert len(told) == 7
    for number, (now, published, everybody) in enumerate(told):
        for code, users in now.items():
            changes[code] += abs(users - people[code])
        people.update({code: users - people[code] for code, users in now.items()})
        cells = {code: Cell({"1986-05": users}, changes[code]) for code, users in now.items()}
        standing = publish(standing, cells, K, START + timedelta(seconds=5 * number))
        assert ", ".join(f"{figure.name} {figure.users}" for figure in standing) == published
        overall = total(standing, K)
        assert overall is not None
        assert overall[0] == everybody
