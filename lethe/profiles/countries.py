"""Country names and regions by nationality code.

Names and codes are ISO 3166-1 as pycountry ships it. It knows no regions: `data/regions.json` holds the
United Nations' M49 regions and sub-regions (Taiwan, which M49 does not list, stands in Eastern Asia).
"""

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import pycountry


class Country(NamedTuple):
    """One ISO 3166-1 entry."""

    code: str  # alpha-2
    name: str  # English, the common one where ISO's own is a formal one
    region: str  # M49, e.g. "Europe"
    subregion: str  # M49, e.g. "Western Europe"


@cache
def countries() -> dict[str, Country]:
    """Every officially assigned alpha-2 code; read once a process."""
    places = {
        code: (region, subregion)
        for region, subregions in _regions().items()
        for subregion, codes in subregions.items()
        for code in codes.split()
    }
    found = {}
    for entry in pycountry.countries:
        name = getattr(entry, "common_name", entry.name)
        found[entry.alpha_2] = Country(entry.alpha_2, name, *places[entry.alpha_2])
    return found


def _regions() -> dict[str, dict[str, str]]:
    """Region -> sub-region -> codes, separated by spaces."""
    text = files("lethe.profiles").joinpath("data/regions.json").read_text(encoding="utf-8")
    regions: dict[str, dict[str, str]] = json.loads(text)
    return regions
