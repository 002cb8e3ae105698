"""The command that the results name: what measures the same again, without the folders that it was given."""

import json
from argparse import Namespace
from pathlib import Path

from benchmarks.run import RESULTS, _short_form


def test_the_command_of_a_short_form_has_its_sizes_alone() -> None:
    given = Namespace(
        profiles=30_000, batch=10_000, rounds=1, folder=Path("/srv/a"), results=Path("/srv/b.json")
    )
    assert _short_form(given) == "python -m benchmarks.run --profiles 30000 --batch 10000 --rounds 1"


def test_the_published_command_names_no_folder_of_the_machine_that_measured() -> None:
    assert "/" not in json.loads(RESULTS.read_text())["command"]
