"""A noisy day with every logger at DEBUG: no secret, signature, e-mail or phone number gets out."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.updates import Update
from onlive_provider.models.fields import APPOINTMENT
from tests.client.drivers import connect
from tests.loopback import CLOSE, ID, RESET, SECRET, Cut, FakeClock, LoopbackServer, Recorded, reply, settings_for

EMAIL, PHONE, STORED_EMAIL, STORED_PHONE = (
    "Ana.Garcia@example.com",
    "+34600111222",
    "luis@example.org",
    "+34 (911) 222-333",
)
CURRENT = {
    "id": ID,
    "updatedAt": "2025-03-09T11:00:00.000Z",
    "start": "2025-03-01T08:00:00.000Z",
    "state": "pending",
    "title": f"Luis {STORED_PHONE}",
    "guests": [{"email": STORED_EMAIL, "extraFields": {"phone": STORED_PHONE}}],
}
PAYLOAD = {
    "state": "confirmed",
    "title": f"Ana {PHONE}",
    "description": f"Call {EMAIL}",
    "guests": [{"email": EMAIL, "extraFields": {"phone": PHONE}}],
    "extraFields": {"contact": EMAIL},
    "agentComment": f"Reached at {PHONE}",
    "event": {"iCallUrl": f"https://meet.example.com/?guest={EMAIL}"},
}
SLOTS = ({"start": "2025-03-10T09:00:00.000Z", "end": "2025-03-10T09:30:00.000Z"},)


def tell_tale(status: int, **headers: str) -> Any:
    """Return an answer that repeats all that the request held, and the stored guest."""

    def answer(request: Recorded) -> bytes:
        everything = f"{EMAIL} {PHONE} {STORED_EMAIL} {STORED_PHONE}"
        document = {
            "statusCode": status,
            "message": f"Refused for {everything}",
            "errors": [
                {"field": f"guests[{EMAIL}]", "message": f"{PHONE} is taken by {STORED_EMAIL}"},
                f"tel:{PHONE}, mailto:{EMAIL}",
                {"field": "guests", "message": {"email": EMAIL, "phone": STORED_PHONE}},
            ],
        }
        return reply(status, document, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def scenarios() -> Iterator[list[Any]]:
    current = reply(200, CURRENT)
    yield [
        current,
        tell_tale(503),
        tell_tale(429, Retry_After="3"),
        tell_tale(409),
        CLOSE,
        current,
        reply(200, CURRENT),
    ]
    yield [RESET, tell_tale(500), current, tell_tale(502), current, RESET, tell_tale(403)]
    yield [tell_tale(401, Date="Sun, 09 Mar 2025 15:00:00 GMT")] * 2
    yield [current, reply(200, body=f"<html>{EMAIL} {PHONE}".encode()), current]
    yield [reply(302, headers={"Location": f"/login?guest={EMAIL}"}, body=f"{EMAIL}".encode())]
    yield [Cut(f"{EMAIL} {PHONE}\r\n".encode())] * 5
    yield [Cut(f"HTTP/1.1 200 {EMAIL}\r\nX: {PHONE}\r\n".encode())] * 5
    yield [Cut(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{EMAIL}\r\n".encode())] * 5
    yield [Cut(reply(200, CURRENT, headers={"Content-Length": f"1, {PHONE}", "Content-Encoding": EMAIL}))] * 5
    for header in ("Set-Cookie", "Content-Type", "X-Guest", "Connection", "Content-Encoding", "Retry-After", "Date"):
        for value in (
            f"x,{EMAIL}={PHONE}; Expires={PHONE}",
            f"a={STORED_EMAIL}; Max-Age={PHONE}, {STORED_PHONE}=x",
        ):
            yield [current, *[reply(503, CURRENT, headers={header: value}), current] * 5]
            yield [reply(200, CURRENT, headers={header: value})] * 5
    yield [Cut(f"HTTP/1.1 200 OK\r\n{EMAIL}\r\n: {PHONE}\r\nX\x00Y: {STORED_PHONE}\r\n\r\n".encode())] * 5
    yield [reply(200, {**CURRENT, "updatedAt": f"then {EMAIL}\n{PHONE}"})] * 2
    for status in (400, 401, 403, 404, 409, 418, 422, 500):
        yield [current, *[tell_tale(status), current] * 5]


@pytest.mark.parametrize("script", list(scenarios()))
def test_a_noisy_run_tells_nobody_a_secret_a_signature_an_e_mail_or_a_phone_number(
    script: list[Any], each_driver: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    with caplog.at_level(logging.DEBUG), LoopbackServer(*script) as server:
        settings = settings_for(server)
        wanted = Update(resource=APPOINTMENT, id=ID, payload=PAYLOAD, fallback_slots=SLOTS)
        with connect(settings, clock=FakeClock(), random=lambda: 0.5) as client:
            try:
                told.append(repr(client.update(wanted)))
            except errors.OnliveError as error:
                chain = "".join(traceback.format_exception(error))
                told += [str(error), repr(error), chain, repr(error.__dict__)]
        told += [repr(value) for value in (client, settings, wanted)]
    told += [f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records]
    text = "\n".join(told)
    assert len(server.requests) >= 1
    logger = {"threads": "asyncio", "event loop": "tests.client.drivers"}[each_driver]
    assert logger in {record.name for record in caplog.records}
    signatures = {re.sub(".*Signature=", "", request.header("Authorization") or "") for request in server.requests}
    for private in {SECRET, "Signature=", EMAIL, EMAIL.lower(), PHONE, STORED_EMAIL, STORED_PHONE, *signatures}:
        assert private not in text
    for part in ("Garcia@", "600111222", "luis@", "222-333", "(911"):
        assert part not in text
