"""Who may call: the signature, its header and its date."""

from __future__ import annotations

from datetime import timedelta

import pytest

UNAUTHORIZED = {"statusCode": 401, "message": "Invalid or missing authorization credentials"}


def _later(clock, **span):
    return (clock() + timedelta(**span)).strftime("%Y%m%dT%H%M%SZ")


def test_a_signed_call_is_answered(caller, upcoming):
    assert caller.get(f"/api/v1/appointments/{upcoming['id']}").status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "ONLIVESITE",
        "Bearer onlive-sandbox",
        "ONLIVESITE Credential=onlive-sandbox, Signature={signature}",
        "ONLIVESITE Credential:onlive-sandbox,Signature={signature}",
        "ONLIVESITE Credential:onlive-sandbox, Signature:{signature}",
        "ONLIVESITE Credential:onlive-sandbox, Signature={upper}",
        "ONLIVESITE Credential:onlive-sandbox, Signature=",
        "ONLIVESITE Credential:onlive-sandbox, Signature={signature}, more",
        "onlivesite Credential:onlive-sandbox, Signature={signature}",
    ],
)
def test_a_missing_or_misformed_authorization_is_refused(caller, clock, sign, authorization):
    date = clock().strftime("%Y%m%dT%H%M%SZ")
    right = sign("GET", "/api/v1/services", "", b"", date, "onlive-sandbox", "onlive-sandbox-secret")
    signature = right["Authorization"].rpartition("=")[2]
    if authorization:
        authorization = authorization.format(signature=signature, upper=signature.upper())
    answer = caller.get("/api/v1/services", headers={"Authorization": authorization})
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


def test_an_unknown_access_key_is_refused(caller):
    answer = caller.get("/api/v1/services", key=("nobody", "onlive-sandbox-secret"))
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


def test_a_wrong_secret_is_refused(caller):
    answer = caller.get("/api/v1/services", key=("onlive-sandbox", "guess"))
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


def test_another_keys_secret_is_refused(caller):
    answer = caller.get("/api/v1/services", key=("onlive-sandbox", "onlive-other-secret"))
    assert answer.status == 401


@pytest.mark.parametrize("date", [None, "", "2026-03-11T12:00:00Z", "20260311T120000", "20260311T126000Z", "now"])
def test_a_missing_or_malformed_date_is_refused(caller, date):
    answer = caller.get("/api/v1/services", headers={"x-onlive-site-date": date})
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("minutes", [-15, 15])
def test_a_date_fifteen_minutes_off_is_accepted(caller, clock, sign, minutes):
    date = _later(clock, minutes=minutes)
    headers = sign("GET", "/api/v1/services", "", b"", date, "onlive-sandbox", "onlive-sandbox-secret")
    assert caller.send("GET", "/api/v1/services", b"", headers).status == 200


@pytest.mark.parametrize("seconds", [-15 * 60 - 1, 15 * 60 + 1])
def test_a_date_further_off_is_refused(caller, clock, sign, seconds):
    date = _later(clock, seconds=seconds)
    headers = sign("GET", "/api/v1/services", "", b"", date, "onlive-sandbox", "onlive-sandbox-secret")
    answer = caller.send("GET", "/api/v1/services", b"", headers)
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"path": "/api/v1/services/"},
        {"query": "page=2"},
        {"body": b"{}"},
        {"date": "20260311T120001Z"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_part_of_a_request_is_signed(caller, sign, changed):
    signed = {"method": "GET", "path": "/api/v1/services", "query": "", "body": b"", "date": "20260311T120000Z"}
    headers = sign(**{**signed, **changed}, access_key_id="onlive-sandbox", secret="onlive-sandbox-secret")
    headers["x-onlive-site-date"] = signed["date"]
    assert caller.send("GET", "/api/v1/services", b"", headers).status == 401


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("page=1&limit=5", "limit=5&page=1"),
        ("search=Test+drive", "search=Test%20drive"),
        ("search=%c3%a9", "search=%C3%A9"),
        ("search=a:b", "search=a%3Ab"),
        ("search", "search="),
        ("search=~a-b_c.d", "search=~a-b_c.d"),
        ("limit=5&&page=1", "limit=5&page=1"),
        ("search=b%3D1", "search=b%3D1"),
    ],
)
def test_a_query_is_signed_in_its_canonical_spelling(caller, clock, sign, sent, canonical):
    date = clock().strftime("%Y%m%dT%H%M%SZ")
    headers = sign("GET", "/api/v1/services", canonical, b"", date, "onlive-sandbox", "onlive-sandbox-secret")
    assert caller.send("GET", "/api/v1/services?" + sent, b"", headers).status == 200


def test_the_path_is_signed_as_it_was_sent(caller, clock, sign, upcoming):
    date = clock().strftime("%Y%m%dT%H%M%SZ")
    path = "/api/v1/appointments/%30" + upcoming["id"][1:]
    headers = sign("GET", path, "", b"", date, "onlive-sandbox", "onlive-sandbox-secret")
    assert caller.send("GET", path, b"", headers).status in {200, 404}


def test_an_unsigned_call_learns_nothing_about_records(caller, upcoming):
    for path in (f"/api/v1/appointments/{upcoming['id']}", "/api/v1/appointments/x", "/api/v1/services/x"):
        for method in ("GET", "PUT"):
            assert caller.send(method, path, b"", {}).body == UNAUTHORIZED


def test_the_date_header_shows_the_servers_clock(caller, clock):
    clock.forward(hours=3)
    answer = caller.send("GET", "/api/v1/services", b"", {})
    assert answer.headers["date"] == "Wed, 11 Mar 2026 15:00:00 GMT"
