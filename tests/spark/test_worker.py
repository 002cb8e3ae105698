"""What a worker makes of Spark's chunks, without the stores."""

import pyarrow as pa
import pytest

from spark_apps.worker import gathered


def _chunks(*sizes: int, width: int = 10) -> list[pa.RecordBatch]:
    taken = iter(range(sum(sizes)))
    return [
        pa.record_batch(
            {"offset": [next(taken) for _ in range(size)], "value": ["x" * width] * size}, _SCHEMA
        )
        for size in sizes
    ]


_SCHEMA = pa.schema([("offset", pa.int64()), ("value", pa.string())])


@pytest.mark.parametrize("sizes", [(), (0,), (3,), (4, 4, 2), (0, 4, 0, 4), (9, 1), (1,) * 23])
def test_every_row_is_in_one_gathered_chunk_and_in_order(sizes: tuple[int, ...]) -> None:
    taken = list(gathered(_chunks(*sizes), rows=4, size=2**20))
    assert [offset for chunk in taken for offset in chunk["offset"].to_pylist()] == list(range(sum(sizes)))
    assert all(chunk.num_rows >= 4 for chunk in taken[:-1])
    assert all(chunk.num_rows for chunk in taken)


def test_large_messages_are_not_held_beside_more_than_their_size_allows() -> None:
    taken = list(gathered(_chunks(*(2,) * 8, width=1_000), rows=1_000, size=3_500))
    assert [chunk.num_rows for chunk in taken] == [4, 4, 4, 4]
