"""What each role may do in Airflow, in the words of its auth managers; the auth manager in plugins/ asks here.

What is not listed is refused. `admin` may do everything, `controller` decides requests, `dpo` reads all that they
leave behind, and `viewer` sees only DAGs that are about no person: of the others it is shown neither that a run exists
nor its configuration, which names the person.
"""

from collections.abc import Mapping

ADMIN, CONTROLLER, DPO, VIEWER = ROLES = ("admin", "controller", "dpo", "viewer")
# DAGs whose runs, logs and XComs are about no person. A new DAG is hidden from viewers until it stands here.
OPEN_DAGS = frozenset({"clean_supervision_runs", "supervise_stream"})

READ, START, CHANGE, DELETE = METHODS = ("GET", "POST", "PUT", "DELETE")
DAG = "DAG"  # the DAG itself, where Airflow names no part of it
PARTS = (
    *(DAG, "AUDIT_LOG", "CODE", "DEPENDENCIES", "HITL_DETAIL", "RUN"),
    *("TASK", "TASK_INSTANCE", "TASK_LOGS", "VERSION", "WARNING", "XCOM"),
)
ALL = frozenset(PARTS)
# Only `admin` deletes runs about people, which are evidence, and edits an XCom, which the next step acts on.
ON_DAGS: dict[str, dict[str, frozenset[str]]] = {
    ADMIN: dict.fromkeys(METHODS, ALL),
    CONTROLLER: {
        READ: ALL,
        START: frozenset({"RUN"}),
        CHANGE: frozenset({DAG, "HITL_DETAIL", "RUN", "TASK_INSTANCE"}),
        DELETE: frozenset({"RUN"}),
    },
    DPO: {READ: ALL},
    # The event log repeats the configuration of runs, and commands that name no DAG.
    VIEWER: {READ: ALL - {"AUDIT_LOG"}},
}
CONNECTION, VARIABLE, POOL, CONFIGURATION = "connection", "variable", "pool", "configuration"
ASSET, VIEW, CUSTOM_VIEW = "asset", "view", "custom view"
# What these do reaches open DAGs alone. Runs of supervision are deleted by a task that acts as `controller`.
OPEN_ONLY = {(VIEWER, READ), (CONTROLLER, DELETE)}
RESOURCES = (CONNECTION, VARIABLE, POOL, CONFIGURATION, ASSET, VIEW, CUSTOM_VIEW)
# Views are read-only states of the installation: health, providers, import errors. Custom views are plugins'.
ON_RESOURCES: dict[str, Mapping[str, frozenset[str]]] = {
    ADMIN: dict.fromkeys(RESOURCES, frozenset(METHODS)),
    CONTROLLER: {**dict.fromkeys((POOL, ASSET, VIEW), frozenset({READ})), CUSTOM_VIEW: frozenset(METHODS)},
    DPO: dict.fromkeys((POOL, ASSET, VIEW, CUSTOM_VIEW), frozenset({READ})),
    VIEWER: dict.fromkeys((POOL, ASSET, VIEW), frozenset({READ})),
}


def may_on_dag(role: str | None, method: str, part: str, dag_id: str | None) -> bool:
    """Whether a role may do this with a part of a DAG.

    `dag_id` None: a list over all DAGs, which Airflow then cuts to those that may be read one by one.
    """
    if part not in ON_DAGS.get(role or "", {}).get(method, frozenset()):
        return False
    is_list = dag_id is None and method == READ
    return (role, method) not in OPEN_ONLY or is_list or dag_id in OPEN_DAGS


def may_on_resource(role: str | None, method: str, resource: str) -> bool:
    """Whether a role may do this with something that belongs to no DAG."""
    return method in ON_RESOURCES.get(role or "", {}).get(resource, frozenset())
