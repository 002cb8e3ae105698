"""Country names and regions."""

import json
from collections import Counter
from importlib.resources import files

import pycountry

from lethe.profiles.countries import Country, countries


def test_every_assigned_code_has_a_name_and_one_region() -> None:
    assert countries().keys() == {entry.alpha_2 for entry in pycountry.countries}
    text = files("lethe.profiles").joinpath("data/regions.json").read_text(encoding="utf-8")
    listed = Counter(
        code for part in json.loads(text).values() for codes in part.values() for code in codes.split()
    )
    assert set(listed.values()) == {1}
    assert listed.keys() == countries().keys()


def test_names_are_the_common_ones() -> None:
    assert countries()["TW"] == Country("TW", "Taiwan", "Asia", "Eastern Asia")
    assert countries()["BO"].name == "Bolivia"
    assert countries()["CY"].subregion == "Western Asia"
