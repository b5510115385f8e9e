"""The plugin that lets Airflow's API server show reports, to whom it shows the XComs of their DAG run.

Airflow imports plugins in nearly all of its processes, so the web application is made when the first request comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from onlive_provider.links import HAS_ROUTE, URL_PREFIX

_Message = MutableMapping[str, Any]


class ReportApp:
    """The ASGI application, made at its first request."""

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        await _app()(scope, receive, send)


class OnliveReportPlugin(AirflowPlugin):
    """Serves reports below ``/onlive`` on Airflow 3.1 and newer; does nothing on older ones."""

    name = "onlive"
    # On Airflow 2.11 the base class has no such attribute, and nobody reads it.
    fastapi_apps: list[Any] = (
        [{"app": ReportApp(), "url_prefix": URL_PREFIX, "name": "Onlive reports"}] if HAS_ROUTE else []
    )


@cache
def _app() -> Any:
    from onlive_provider.plugins.route import make_app

    return make_app()
