"""The plugin of Airflow's API server: reports, for whom it shows the XComs of their DAG run, and tests without a port.

Airflow imports plugins in nearly all of its processes, so the web application is made when the first request comes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_3_PLUS

from onlive_provider.links import HAS_ROUTE, URL_PREFIX
from onlive_provider.plugins.port import Message, NoPortMiddleware, Receive, Send


class ReportApp:
    """The ASGI application, made at its first request."""

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await _app()(scope, receive, send)


class OnliveReportPlugin(AirflowPlugin):
    """Serves reports below ``/onlive`` on Airflow 3.1 and newer; on 3.3 and newer the Test button needs no port."""

    name = "onlive"
    # On Airflow 2.11 the base class has no such attribute, and nobody reads it.
    fastapi_apps: list[Any] = (
        [{"app": ReportApp(), "url_prefix": URL_PREFIX, "name": "Onlive reports"}] if HAS_ROUTE else []
    )
    fastapi_root_middlewares: list[Any] = (
        [{"middleware": NoPortMiddleware, "name": "Onlive Connections without a port"}] if AIRFLOW_V_3_3_PLUS else []
    )


@cache
def _app() -> Any:
    from onlive_provider.plugins.route import make_app

    return make_app()
