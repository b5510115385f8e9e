"""The sandbox's own endpoints: the page that people look at, what it draws, and the logs that tests count."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from onlive_provider.sandbox import answers
from onlive_provider.sandbox import documentation as docs
from onlive_provider.sandbox.clock import Clock, to_text
from onlive_provider.sandbox.store import Store

LAST_ENTRIES = 40
"""How many entries of each log the page is given."""

_FILES = {
    "/": ("index.html", "text/html"),
    "/docs": ("docs.html", "text/html"),
    "/sandbox/page.css": ("page.css", "text/css"),
    "/sandbox/page.js": ("page.js", "text/javascript"),
    "/sandbox/copy.js": ("copy.js", "text/javascript"),
    "/sandbox/docs.js": ("docs.js", "text/javascript"),
    "/sandbox/dom.js": ("dom.js", "text/javascript"),
    "/sandbox/logs.js": ("logs.js", "text/javascript"),
    "/sandbox/timeline.js": ("timeline.js", "text/javascript"),
    "/sandbox/week.js": ("week.js", "text/javascript"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def add_page(app: FastAPI, store: Store, clock: Clock, *, merge_objects: bool) -> None:
    """Add the page and the sandbox's own endpoints; none of them needs a signature.

    :param merge_objects: shown on the page.
    """
    for path, (name, media_type) in _FILES.items():
        _add_file(app, path, name, media_type)

    @app.get(
        "/sandbox/notifications",
        summary="Every notification that a write sent",
        tags=["sandbox"],
        responses=docs.answers(answers.NotificationLog),
    )
    async def notifications() -> Response:
        return JSONResponse({"items": store.log("notifications")})

    @app.get(
        "/sandbox/calls",
        summary="Every call of the API",
        tags=["sandbox"],
        responses=docs.answers(answers.CallLog),
    )
    async def calls() -> Response:
        return JSONResponse({"items": store.log("calls")})

    @app.get("/sandbox/state", include_in_schema=False)
    async def state(known: str = "") -> Response:
        """Answer what the page draws, or 204 when that is what the page has.

        :param known: the ``version`` that the page drew last.
        """
        if known == str(store.version):
            return Response(status_code=204, headers=_HEADERS)
        return JSONResponse(_state(store, clock, merge_objects=merge_objects), headers=_HEADERS)


def _state(store: Store, clock: Clock, *, merge_objects: bool) -> dict[str, Any]:
    organization = store.organizations()[0]
    organization_id = organization["id"]
    notifications, calls = store.log("notifications"), store.log("calls")
    return {
        "version": store.version,
        "now": to_text(clock()),
        "organization": {"id": organization_id, "name": organization["name"]},
        "objectUpdates": "merge" if merge_objects else "replace",
        "services": store.records("services", organization_id),
        "appointments": store.records("appointments", organization_id),
        "calendars": store.calendars(organization_id),
        "notifications": notifications[-LAST_ENTRIES:],
        "notificationCount": len(notifications),
        "calls": calls[-LAST_ENTRIES:],
        "callCount": len(calls),
    }


def _add_file(app: FastAPI, path: str, name: str, media_type: str) -> None:
    content = files("onlive_provider.sandbox").joinpath("static", name).read_bytes()

    @app.get(path, include_in_schema=False)
    async def serve() -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)
