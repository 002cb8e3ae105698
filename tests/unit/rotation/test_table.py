"""The slices of the ring: every token once."""

from itertools import pairwise

import pytest

from lethe.rotation.passes import SLICES
from lethe.rotation.table import Slice


@pytest.mark.parametrize("of", [1, 3, SLICES])
def test_the_slices_hold_each_token_once(of: int) -> None:
    slices = [Slice(number, of) for number in range(of)]
    assert (slices[0].after, slices[-1].until) == (-(2**63), 2**63 - 1)
    assert all(one.until == next_one.after for one, next_one in pairwise(slices))
    widths = {part.until - part.after for part in slices}
    assert max(widths) - min(widths) <= 1
