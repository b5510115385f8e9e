"""The OpenAPI page, held against the running sandbox by schemathesis."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from onlive_provider.sandbox.app import create_app
from onlive_provider.sandbox.clock import system_clock
from onlive_provider.sandbox.server import Sandbox
from onlive_provider.sandbox.store import Store

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def running():
    with Sandbox() as sandbox:
        yield sandbox


schema = schemathesis.openapi.from_dict(create_app(Store(), system_clock).openapi())


class Signed:
    """Signs each prepared request, whatever schemathesis put into it."""

    def __init__(self, sandbox):
        self.sandbox = sandbox

    def __call__(self, request):
        path, _, query = request.path_url.partition("?")
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        lines = [request.method, path, _canonical(query)]
        lines += ["x-onlive-site-date:" + date, hashlib.sha256(body).hexdigest()]
        key = self.sandbox.secret_access_key.encode()
        signature = hmac.new(key, "\n".join(lines).encode(), "sha256").hexdigest()
        request.headers["x-onlive-site-date"] = date
        request.headers["Authorization"] = f"ONLIVESITE Credential:{self.sandbox.access_key_id}, Signature={signature}"
        return request


def _canonical(query):
    pairs = [part.replace("+", " ").partition("=") for part in query.split("&") if part]
    encoded = [
        (quote(unquote_to_bytes(name), safe=""), quote(unquote_to_bytes(value), safe="")) for name, _, value in pairs
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_the_one_that_the_openapi_page_promises(case, running):
    records = [record["id"] for record in running.records(case.path.split("/")[3])[-40:]] if "/v1/" in case.path else []
    for name, value in (case.path_parameters or {}).items():
        if isinstance(value, str) and records and value[:1] < "c":
            case.path_parameters[name] = records[sum(value.encode()) % len(records)]
    response = case.call(base_url=running.url, auth=Signed(running))
    case.validate_response(response, checks=CHECKS)
    assert response.status_code != 401


def test_the_page_names_the_errors_of_the_reference_for_each_operation(running, caller):
    paths = caller.send("GET", "/openapi.json", b"", {}).body["paths"]
    documented = {
        (method, path): set(operation["responses"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    appointment, service = "/api/v1/appointments/{appointmentId}", "/api/v1/services/{id}"
    assert documented == {
        ("get", appointment): {"200", "400", "401", "403", "404", "429"},
        ("put", appointment): {"200", "400", "401", "403", "404", "409", "422", "429"},
        ("get", "/api/v1/services"): {"200", "400", "401", "429"},
        ("get", service): {"200", "400", "401", "403", "404", "429"},
        ("put", service): {"200", "400", "401", "403", "404", "422", "429"},
        ("get", "/sandbox/notifications"): {"200"},
        ("get", "/sandbox/calls"): {"200"},
    }


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (
            "/api/v1/appointments/{appointmentId}",
            "title description start end guests reminders extraFields lang classification event state agentComment",
        ),
        (
            "/api/v1/services/{id}",
            "name duration timeBetween minTimeToSchedule maxTimeToSchedule incrementTime extraFields active"
            " deniedMultipleAppointment allowOverlapping hasICall dateRanges calendars image userGroupId typeId",
        ),
    ],
)
def test_the_page_lists_the_updatable_fields_of_the_reference(caller, path, names):
    operation = caller.send("GET", "/openapi.json", b"", {}).body["paths"][path]["put"]
    assert set(operation["requestBody"]["content"]["application/json"]["schema"]["properties"]) == set(names.split())


def test_the_page_names_both_headers_of_a_signature(caller):
    schemes = caller.send("GET", "/openapi.json", b"", {}).body["components"]["securitySchemes"]
    assert {scheme["name"] for scheme in schemes.values()} == {"Authorization", "x-onlive-site-date"}
