"""Airflow's own auth manager, with two users to whom it does not show everything."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class Doorkeeper(SimpleAuthManager):
    """``other-team`` sees only the DAG ``bulk``; ``no-xcom`` sees every DAG, but no XCom."""

    def is_authorized_dag(self, *, user: Any, access_entity: Any = None, details: Any = None, **more: Any) -> bool:
        if user.username == "other-team" and getattr(details, "id", None) != "bulk":
            return False
        if user.username == "no-xcom" and access_entity == DagAccessEntity.XCOM:
            return False
        return super().is_authorized_dag(user=user, access_entity=access_entity, details=details, **more)
