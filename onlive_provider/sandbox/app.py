"""The sandbox as a web application: the API's endpoints, signed, and the sandbox's own, which need no signature."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from onlive_provider import __version__
from onlive_provider.sandbox import answers, page
from onlive_provider.sandbox import documentation as docs
from onlive_provider.sandbox.api import Api, check_id
from onlive_provider.sandbox.clock import Clock, shift, to_text
from onlive_provider.sandbox.errors import ApiError
from onlive_provider.sandbox.fault_injection import FAULT
from onlive_provider.sandbox.faults import NO_FAULT, Fault
from onlive_provider.sandbox.limits import CallLimits
from onlive_provider.sandbox.signature import verify
from onlive_provider.sandbox.signature_profile import SignatureProfile
from onlive_provider.sandbox.store import Kind, Store

_API = "/api/"


def create_app(
    store: Store,
    clock: Clock,
    *,
    limits: CallLimits | None = None,
    merge_objects: bool = True,
    normalize: bool = False,
    profile: SignatureProfile | None = None,
) -> FastAPI:
    """Build the application.

    :param store: what it serves.
    :param clock: the server's time: it judges signatures, stamps records and fills the ``Date`` header.
    :param limits: None for no limits.
    :param merge_objects: True keeps the keys of ``extraFields`` and ``event`` that an update does not name.
    :param normalize: True stores records as a server does that adds members of its own.
    :param profile: what is signed and how; None for the default.
    """
    signed = profile or SignatureProfile({})
    app = _Application(
        title="Onlive sandbox",
        version=__version__,
        description="A local Onlive API: two update endpoints and what is needed to read what they change.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api = Api(store, clock, merge_objects=merge_objects, normalize=normalize)

    async def authenticate(request: Request) -> str:
        access_key_id = verify(
            method=request.method,
            path=request.scope["raw_path"],
            query=request.scope["query_string"],
            headers=request.headers,
            body=await request.body(),
            now=clock(),
            secret_of=store.secret_of,
            profile=signed,
        )
        if limits is not None:
            limits.take(access_key_id, request.method, clock())
        return store.organization_of(access_key_id)

    _add_appointments(app, api, authenticate)
    _add_services(app, api, authenticate)
    page.add_page(app, store, clock, merge_objects=merge_objects)

    @app.middleware("http")
    async def log_and_date(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        now = clock()
        fault = _fault(request)
        if not fault.meets(response.status_code):
            fault = NO_FAULT
        if request.url.path.startswith(_API):
            call = {
                "at": to_text(now),
                "method": request.method,
                "path": request.url.path,
                "status": fault.told(response.status_code),
            }
            store.add_to_log("calls", [call | ({"fault": fault.number} if fault.number else {})])
        response.headers["Date"] = _date(now, fault)
        return response

    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    return app


class _Application(FastAPI):
    """FastAPI, with the API's two signature headers on its OpenAPI page."""

    def openapi(self) -> dict[str, Any]:
        schema = super().openapi()
        schema["components"]["securitySchemes"] = docs.SECURITY_SCHEMES
        return schema


Authenticate = Callable[[Request], Awaitable[str]]


def _add_appointments(app: FastAPI, api: Api, authenticate: Authenticate) -> None:
    path = "/api/v1/appointments/{appointmentId}"

    @app.get(
        path,
        summary="Get one appointment",
        tags=["appointments"],
        responses=docs.answers(answers.Appointment, 400, 401, 403, 404, 429),
        openapi_extra=docs.operation(docs.path_id("appointmentId")),
    )
    async def read_appointment(request: Request) -> Response:
        organization_id = await authenticate(request)
        return JSONResponse(api.read("appointments", organization_id, request.path_params["appointmentId"]))

    @app.put(
        path,
        summary="Update one appointment",
        tags=["appointments"],
        responses=docs.answers(answers.Appointment, 400, 401, 403, 404, 409, 422, 429),
        openapi_extra=docs.operation(docs.path_id("appointmentId"), body=docs.APPOINTMENT_UPDATE),
    )
    async def update_appointment(request: Request) -> Response:
        organization_id = await authenticate(request)
        appointment_id = request.path_params["appointmentId"]
        payload = await _read_payload(request, "appointments", appointment_id)
        return _write(request, partial(api.update_appointment, organization_id, appointment_id, payload))


def _add_services(app: FastAPI, api: Api, authenticate: Authenticate) -> None:
    path = "/api/v1/services/{id}"

    @app.get(
        "/api/v1/services",
        summary="List services, page by page",
        tags=["services"],
        responses=docs.answers(answers.ServicePage, 400, 401, 429),
        openapi_extra=docs.operation(*docs.LIST_PARAMETERS),
    )
    async def list_services(request: Request) -> Response:
        organization_id = await authenticate(request)
        return JSONResponse(api.list_services(organization_id, request.query_params))

    @app.get(
        path,
        summary="Get one service",
        tags=["services"],
        responses=docs.answers(answers.Service, 400, 401, 403, 404, 429),
        openapi_extra=docs.operation(docs.path_id("id")),
    )
    async def read_service(request: Request) -> Response:
        organization_id = await authenticate(request)
        return JSONResponse(api.read("services", organization_id, request.path_params["id"]))

    @app.put(
        path,
        summary="Update one service",
        tags=["services"],
        responses=docs.answers(answers.Service, 400, 401, 403, 404, 422, 429),
        openapi_extra=docs.operation(docs.path_id("id"), body=docs.SERVICE_UPDATE),
    )
    async def update_service(request: Request) -> Response:
        organization_id = await authenticate(request)
        service_id = request.path_params["id"]
        payload = await _read_payload(request, "services", service_id)
        return _write(request, partial(api.update_service, organization_id, service_id, payload))


def _write(request: Request, update: Callable[..., dict[str, Any]]) -> Response:
    """Make an update, and answer it; a fault may want it later or not at all."""
    apply = _fault(request).apply
    answer = update(keep=apply is True)
    if not isinstance(apply, bool):
        asyncio.get_running_loop().call_later(apply, _make_late, update)
    return JSONResponse(answer)


def _make_late(update: Callable[..., dict[str, Any]]) -> None:
    with suppress(ApiError):  # What was stored in the meantime may refuse it, and nobody is there to be told.
        update()


def _fault(request: Request) -> Fault:
    fault: Fault = request.scope.get(FAULT, NO_FAULT)
    return fault


def _date(now: datetime, fault: Fault) -> str:
    """Write the ``Date`` header: the server's time, unless a fault wants another."""
    if isinstance(fault.date, str):
        return fault.date
    return format_datetime(shift(now, (fault.date or 0) / 60), usegmt=True)


async def _read_payload(request: Request, kind: Kind, record_id: str) -> dict[str, Any]:
    """Read an update's body, or raise the API's 400."""
    check_id(kind, record_id)
    message = "Invalid input data" if kind == "appointments" else "Invalid input"
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ApiError(400, message, [("Content-Type", "Must be application/json")])
    try:
        payload = json.loads(await request.body())
        # What cannot be written back as JSON text in UTF-8 (NaN, 1e999, half a surrogate pair) is refused as well.
        json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise ApiError(400, message, [("body", "Must be valid JSON")]) from None
    if not isinstance(payload, dict):
        raise ApiError(400, message, [("body", "Must be a JSON object")])
    return payload


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = ApiError(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    return await _answer_api_error(request, refused)
