"""Who may do what in Airflow: users and login are the simple auth manager's, rights are `lethe.stack.airflow_rights`.

The simple auth manager's own roles are four steps of one stair: whoever reads everything may also start runs, and every
role reads the configuration of runs, where an erasure names its person.
"""

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import (
    AccessView,
    AssetAliasDetails,
    AssetDetails,
    ConfigurationDetails,
    ConnectionDetails,
    DagAccessEntity,
    DagDetails,
    PoolDetails,
    TeamDetails,
    VariableDetails,
)
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser as User
from airflow.api_fastapi.common.types import MenuItem

from lethe.stack import airflow_rights as rights
from lethe.stack.airflow_rights import may_on_dag, may_on_resource

# What stands in the menu only for who may read it.
MENU = {
    MenuItem.CONFIG: rights.CONFIGURATION,
    MenuItem.CONNECTIONS: rights.CONNECTION,
    MenuItem.VARIABLES: rights.VARIABLE,
}


class AuthManager(SimpleAuthManager):
    """Four roles, each with its own rights; a role that it does not know may do nothing."""

    def is_authorized_dag(
        self,
        *,
        method: str,
        user: User,
        access_entity: DagAccessEntity | None = None,
        details: DagDetails | None = None,
    ) -> bool:
        """Whether the user may do this with a part of a DAG, or with a list over all."""
        part = rights.DAG if access_entity is None else access_entity.value
        return may_on_dag(user.role, str(method), part, details.id if details else None)

    def is_authorized_configuration(
        self, *, method: str, user: User, details: ConfigurationDetails | None = None
    ) -> bool:
        """Airflow's own settings."""
        return may_on_resource(user.role, str(method), rights.CONFIGURATION)

    def is_authorized_connection(
        self, *, method: str, user: User, details: ConnectionDetails | None = None
    ) -> bool:
        """Credentials of stores."""
        return may_on_resource(user.role, str(method), rights.CONNECTION)

    def is_authorized_variable(
        self, *, method: str, user: User, details: VariableDetails | None = None
    ) -> bool:
        """Airflow's variables."""
        return may_on_resource(user.role, str(method), rights.VARIABLE)

    def is_authorized_pool(self, *, method: str, user: User, details: PoolDetails | None = None) -> bool:
        """Pools of slots."""
        return may_on_resource(user.role, str(method), rights.POOL)

    def is_authorized_asset(self, *, method: str, user: User, details: AssetDetails | None = None) -> bool:
        """Assets, of which Lethe has none."""
        return may_on_resource(user.role, str(method), rights.ASSET)

    def is_authorized_asset_alias(
        self, *, method: str, user: User, details: AssetAliasDetails | None = None
    ) -> bool:
        """Aliases of assets."""
        return may_on_resource(user.role, str(method), rights.ASSET)

    def is_authorized_team(self, *, method: str, user: User, details: TeamDetails | None = None) -> bool:
        """Teams, of which Lethe has none."""
        return user.role == rights.ADMIN

    def is_authorized_view(self, *, access_view: AccessView, user: User) -> bool:
        """A read-only state of the installation."""
        return may_on_resource(user.role, rights.READ, rights.VIEW)

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: User) -> bool:
        """A page of a plugin."""
        return may_on_resource(user.role, str(method), rights.CUSTOM_VIEW)

    def filter_authorized_menu_items(self, menu_items: list[MenuItem], *, user: User) -> list[MenuItem]:
        """The menu without what the user would be refused."""
        return [item for item in menu_items if self._may_open(item, user)]

    def _may_open(self, item: MenuItem, user: User) -> bool:
        if item is MenuItem.AUDIT_LOG:
            return may_on_dag(user.role, rights.READ, "AUDIT_LOG", None)
        return may_on_resource(user.role, rights.READ, MENU.get(item, rights.VIEW))

    @staticmethod
    def _is_admin(user: Any) -> bool:
        return bool(user.role == rights.ADMIN)
