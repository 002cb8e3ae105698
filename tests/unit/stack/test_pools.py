"""The pools that DAGs name are made, and have the slots that they should have."""

import json
from pathlib import Path
from typing import Any

from lethe.stack.airflow import POOLS, make_pools

SHAPE = Path(__file__).resolve().parents[2] / "dags" / "shape.json"


class Api:
    """Airflow's pools, in memory."""

    def __init__(self, **pools: int) -> None:
        self.pools = {"default_pool": 128, **pools}

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        assert (path, params) == ("/pools", {"limit": 100})
        return {"pools": [{"name": name, "slots": slots} for name, slots in self.pools.items()]}

    def post(self, path: str, body: dict[str, Any]) -> Any:
        assert path == "/pools"
        assert body["name"] not in self.pools
        self.pools[body["name"]] = body["slots"]

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        assert path == f"/pools/{body['pool']}"
        self.pools[body["pool"]] = body["slots"]


def test_a_pool_is_made_corrected_or_left_alone() -> None:
    for api in (Api(), Api(lethe_spark=7), Api(lethe_spark=1)):
        make_pools(api)
        assert api.pools == {"default_pool": 128, "lethe_spark": 1}


def test_every_pool_that_a_dag_names_is_made() -> None:
    dags = json.loads(SHAPE.read_text())["dags"]
    named = {task["pool"] for dag in dags.values() for task in dag["tasks"].values()}
    assert named <= {"default_pool", *POOLS}
