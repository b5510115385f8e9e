"""What goes out over a real socket, and how every kind of answer and fault is met."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import threading
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.protocol import MAX_ANSWER_BYTES
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials, SigningProfile
from onlive_provider.client.sync import SleepingClock
from tests.client.drivers import connect
from tests.client.independent_signature import independent_signature, string_to_sign
from tests.loopback import (
    CLOSE,
    ID,
    NOON,
    RESET,
    SECRET,
    SILENCE,
    Cut,
    FakeClock,
    LoopbackServer,
    Recorded,
    fresh_credentials,
    reply,
    settings_for,
)

SERVICE = {"id": ID, "name": "Test drive", "extraFields": {}, "updatedAt": "2025-03-09T11:00:00.000Z"}
OK = reply(200, SERVICE)
GZIP = {"Content-Encoding": "gzip"}

pytestmark = pytest.mark.usefixtures("each_driver")


def client_for(server: LoopbackServer, clock: FakeClock | None = None, **changes: Any) -> Any:
    return connect(settings_for(server, **changes), clock=clock or FakeClock(), random=lambda: 0.5)


def http_date(seconds: float) -> str:
    from email.utils import formatdate

    return formatdate(seconds, usegmt=True)


def expected_authorization(request: Recorded, settings: Settings) -> str:
    text = string_to_sign(
        method=request.method,
        target=request.target,
        host=request.header("Host") or "",
        date=request.header("x-onlive-site-date") or "",
        access_key_id=settings.credentials.access_key_id,
        body=request.body,
        template=settings.profile.string_to_sign,
    )
    signature = independent_signature(
        text, SECRET, settings.profile.signature_hash, settings.profile.signature_encoding
    )
    return f"ONLIVESITE Credential:{settings.credentials.access_key_id}, Signature={signature}"


class TestTheBytesOnTheWire:
    def test_a_put_holds_exactly_the_patch(self) -> None:
        with LoopbackServer(OK) as server, client_for(server) as client:
            client.put_service(ID, {"name": "Prueba ñ", "image": None, "dateRanges": [], "extraFields": {}})
        (request,) = server.requests
        assert request.raw.startswith(f"PUT /api/v1/services/{ID} HTTP/1.1\r\n".encode())
        assert request.body == '{"name":"Prueba ñ","image":null,"dateRanges":[],"extraFields":{}}'.encode()
        assert request.header("Content-Type") == "application/json"
        assert request.header("Content-Length") == str(len(request.body))
        assert request.header("Transfer-Encoding") is None

    def test_a_get_has_no_body(self) -> None:
        with LoopbackServer(OK, OK) as server, client_for(server) as client:
            assert client.get_appointment(ID) == SERVICE
            assert client.get_service(ID) == SERVICE
        assert [request.target for request in server.requests] == [
            f"/api/v1/{kind}/{ID}" for kind in ("appointments", "services")
        ]
        for request in server.requests:
            assert request.raw.endswith(b"\r\n\r\n")
            assert request.header("Content-Type") is None
            assert request.header("Content-Length") is None

    @pytest.mark.parametrize(
        "profile",
        [
            SigningProfile(),
            SigningProfile(r"{method} {host}\n{date}", signature_hash="sha512", signature_encoding="base64"),
            SigningProfile(r"100% %s {access_key_id};{date};{query};{body}", signature_hash="sha1"),
        ],
    )
    def test_the_signature_is_what_an_independent_implementation_makes_of_the_raw_request(
        self, profile: SigningProfile
    ) -> None:
        with LoopbackServer(OK, reply(200, {"items": []})) as server:
            settings = settings_for(server, profile=profile)
            with connect(settings, clock=FakeClock()) as client:
                client.put_service(ID, {"name": "Prueba ñ"})
                list(client.iter_services(search="a b+c~d/e%f ñ", name="x=y&z"))
        assert len(server.requests) == 2
        for request in server.requests:
            assert request.header("Authorization") == expected_authorization(request, settings)
            assert request.header("x-onlive-site-date") == "20250309T120000Z"

    @pytest.mark.parametrize("host", ["onlive.test", "onlive.test.", "onlive.test:8080", "[::2]", "[::2]:8080"])
    def test_the_host_goes_out_as_it_was_signed(self, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        profile = SigningProfile(r"{host}\n{date}")
        with LoopbackServer(OK) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            settings = settings_for(proxy, base_url=f"http://{host}", allow_http=True, profile=profile)
            with connect(settings, clock=FakeClock()) as client:
                client.get_service(ID)
        (request,) = proxy.requests
        assert request.header("Host") == host
        assert request.header("Authorization") == expected_authorization(request, settings)

    def test_the_query_goes_out_encoded_and_sorted_as_it_was_signed(self) -> None:
        with LoopbackServer(reply(200, {"items": []})) as server, client_for(server) as client:
            list(client.iter_services(search="a b+c~d/e%f", name="ü"))
        assert server.requests[0].query == "limit=20&name=%C3%BC&page=1&search=a%20b%2Bc~d%2Fe%25f"

    def test_every_attempt_is_signed_afresh_with_its_own_time(self) -> None:
        clock = FakeClock()
        with LoopbackServer(*[reply(503)] * 3, OK) as server:
            settings = settings_for(server)
            with connect(settings, clock=clock, random=lambda: 0.999) as client:
                clock.move(0.6)
                client.get_service(ID)
        dates = [request.header("x-onlive-site-date") for request in server.requests]
        assert dates == ["20250309T120000Z", "20250309T120001Z", "20250309T120002Z", "20250309T120004Z"]
        signatures = [request.header("Authorization") for request in server.requests]
        assert len(set(signatures)) == 4
        assert signatures == [expected_authorization(request, settings) for request in server.requests]

    def test_no_netrc_replaces_the_authorization(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login wrong password wrong\nmachine 127.0.0.1 login wrong password wrong\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        with LoopbackServer(OK) as server, client_for(server) as client:
            client.get_service(ID)
        assert (server.requests[0].header("Authorization") or "").startswith("ONLIVESITE Credential:AKID")

    def test_no_cookie_is_kept(self) -> None:
        cookie = reply(200, SERVICE, headers={"Set-Cookie": "session=1; Path=/"})
        with LoopbackServer(cookie, OK) as server, client_for(server) as client:
            client.get_service(ID)
            client.get_service(ID)
        assert [request.header("Cookie") for request in server.requests] == [None, None]

    def test_one_pooled_connection_serves_many_calls(self) -> None:
        with LoopbackServer(OK, OK, OK) as server, client_for(server) as client:
            for _ in range(3):
                client.get_service(ID)
        assert server.connections == 1


class TestWhatIsRetried:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
    def test_a_read_is_retried_after_these_statuses(self, status: int) -> None:
        with LoopbackServer(reply(status), reply(status), OK) as server, client_for(server) as client:
            assert client.get_service(ID) == SERVICE
        assert len(server.requests) == 3

    @pytest.mark.parametrize(
        ("method", "status"),
        [
            *product(["GET", "PUT"], [400, 401, 402, 403, 404, 405, 409, 410, 412, 418, 422]),
            *product(["GET"], [501, 505, 520, 599]),
        ],
    )
    def test_any_other_status_costs_one_attempt(self, method: str, status: int) -> None:
        clock = FakeClock()
        with (
            LoopbackServer(reply(status, {"message": "No"})) as server,
            client_for(server, clock) as client,
            pytest.raises(errors.OnliveStatusError) as refused,
        ):
            client.get_service(ID) if method == "GET" else client.put_service(ID, {"name": "x"})
        assert server.methods == [method]
        assert clock.waits == []
        assert (refused.value.status, refused.value.attempts, refused.value.elapsed) == (status, 1, 0.0)

    def test_a_connect_failure_is_retried_and_a_write_is_not_looked_up(self) -> None:
        with LoopbackServer() as server:
            settings = settings_for(server, max_attempts=3)
        clock = FakeClock()
        with (
            connect(settings, clock=clock, random=lambda: 0.5) as client,
            pytest.raises(errors.OnliveConnectError, match=r"\(3 attempts in 0.8 s\)") as failed,
        ):
            client.put_service(ID, {"name": "x"})
        assert clock.waits == [0.25, 0.5]
        assert (failed.value.attempts, failed.value.retryable) == (3, True)
        assert re.search(r"the server could not be reached: \w+Error: .*\[Errno 111\]", str(failed.value))

    @pytest.mark.parametrize("fault", [SILENCE, RESET, CLOSE, Cut(b"HTTP/1"), Cut(b"garbage\r\n\r\n")])
    def test_a_read_without_an_answer_is_retried(self, fault: Any) -> None:
        with LoopbackServer(fault, OK) as server, client_for(server, timeout=0.2) as client:
            assert client.get_service(ID) == SERVICE
        assert server.methods == ["GET", "GET"]

    @pytest.mark.parametrize(
        "cut_off",
        [
            Cut(reply(200, headers={"Content-Length": "999"}, body=b'{"id": "1610')),
            Cut(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"id": "1\r\n'),
            Cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
            Cut(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
            Cut(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nabcdef"),
        ],
    )
    def test_a_read_whose_answer_breaks_off_is_retried(self, cut_off: Cut) -> None:
        with LoopbackServer(cut_off, OK) as server, client_for(server) as client:
            assert client.get_service(ID) == SERVICE
        assert server.methods == ["GET", "GET"]

    def test_a_read_that_never_gets_an_answer_says_so(self) -> None:
        with (
            LoopbackServer(*[CLOSE] * 2) as server,
            client_for(server, max_attempts=2) as client,
            pytest.raises(errors.OnliveNoAnswerError, match="Nothing was written by this call"),
        ):
            client.get_service(ID)
        assert server.methods == ["GET", "GET"]

    def test_a_connection_that_was_reset_is_called_so(self) -> None:
        with (
            LoopbackServer(RESET) as server,
            client_for(server, max_attempts=1) as client,
            pytest.raises(errors.OnliveNoAnswerError, match=r"no answer came back: .*Connection reset by peer"),
        ):
            client.get_service(ID)

    def test_the_time_allowed_for_an_answer_is_the_setting(self) -> None:
        with (
            LoopbackServer(SILENCE) as server,
            client_for(server, timeout=0.2, max_attempts=1) as client,
            pytest.raises(errors.OnliveNoAnswerError, match=r"Timeout\w*: .*timeout=0\.2"),
        ):
            client.get_service(ID)

    def test_a_connect_timeout_is_a_connect_failure_and_a_write_is_not_looked_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as crowd:
            address = listener.getsockname()
            for _ in range(3):  # The queue of a server that accepts nobody is full after one or two.
                caller = crowd.enter_context(socket.socket())
                caller.setblocking(False)
                caller.connect_ex(address)
            settings = Settings(fresh_credentials(), f"http://127.0.0.1:{address[1]}", timeout=0.2, max_attempts=2)
            with (
                connect(settings, clock=FakeClock()) as client,
                pytest.raises(errors.OnliveConnectError, match=r"Connect\w*Timeout\w*: .*timeout=0\.2.*\(2 attempts"),
            ):
                client.put_service(ID, {"name": "x"})

    def test_the_waits_are_full_jitter_under_a_doubling_bound(self) -> None:
        clock = FakeClock()
        jitter = iter([0.0, 0.5, 0.999, 0.25])
        with (
            LoopbackServer(*[reply(500)] * 4, OK) as server,
            connect(settings_for(server), clock=clock, random=lambda: next(jitter)) as client,
        ):
            client.get_service(ID)
        assert clock.waits == [0.0, 0.5, 0.999 * 2.0, 0.25 * 4.0]

    def test_attempts_are_bounded(self) -> None:
        with LoopbackServer() as server, client_for(server, max_attempts=3) as client:
            server.otherwise = reply(503, {"message": "Maintenance"})
            with pytest.raises(errors.OnliveServerError, match=r'503: "Maintenance".*\(3 attempts in') as failed:
                client.get_service(ID)
        assert len(server.requests) == failed.value.attempts == 3

    def test_seconds_are_bounded(self) -> None:
        clock = FakeClock()
        with LoopbackServer() as server, client_for(server, clock, max_attempts=99, max_elapsed=10.0) as client:
            server.otherwise = reply(503)
            with pytest.raises(errors.OnliveServerError) as failed:
                client.get_service(ID)
        assert clock.waits == [0.25, 0.5, 1.0, 2.0, 4.0]
        assert failed.value.elapsed == 7.75

    def test_with_no_patience_a_call_is_sent_once(self) -> None:
        with (
            LoopbackServer(reply(503)) as server,
            client_for(server, max_elapsed=0.0) as client,
            pytest.raises(errors.OnliveServerError),
        ):
            client.get_service(ID)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("text", "wait"), [("7", 7.0), ("0", 0.25), ("0.1", 0.25), ("nonsense", 0.25), ("-5", 0.25), ("119.9", 119.9)]
    )
    def test_a_retry_after_is_obeyed_when_it_is_longer_than_the_back_off(self, text: str, wait: float) -> None:
        clock = FakeClock()
        with (
            LoopbackServer(reply(503, headers={"Retry-After": text}), OK) as server,
            client_for(server, clock) as client,
        ):
            client.get_service(ID)
        assert clock.waits == [wait]

    def test_a_retry_after_date_is_obeyed_by_the_servers_own_clock(self) -> None:
        clock = FakeClock()
        headers = {"Date": http_date(NOON + 5000), "Retry-After": http_date(NOON + 5012)}
        with LoopbackServer(reply(429, headers=headers), OK) as server, client_for(server, clock) as client:
            client.get_service(ID)
        assert clock.waits == [12.0]

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_retry_after_beyond_the_patience_becomes_a_retryable_error_that_carries_it(self, status: int) -> None:
        clock = FakeClock()
        with (
            LoopbackServer(reply(status, headers={"Retry-After": "3600"})) as server,
            client_for(server, clock) as client,
            pytest.raises(errors.OnliveStatusError) as failed,
        ):
            client.get_service(ID)
        assert (failed.value.retry_after, failed.value.retryable, failed.value.attempts) == (3600.0, True, 1)
        assert clock.waits == []

    def test_a_retryable_error_after_the_last_attempt_carries_the_retry_after(self) -> None:
        with (
            LoopbackServer(reply(429, headers={"Retry-After": "30"})) as server,
            client_for(server, max_attempts=1) as client,
            pytest.raises(errors.OnliveBusyError) as failed,
        ):
            client.get_service(ID)
        assert failed.value.retry_after == 30.0


class TestClockSkew:
    @staticmethod
    def refused(seconds: float) -> bytes:
        return reply(401, {"message": "Request expired"}, headers={"Date": http_date(seconds)})

    @pytest.mark.parametrize("skew", [3600, -3600, 61, -61])
    def test_a_401_with_the_servers_clock_off_is_signed_again_with_its_time_once(self, skew: int) -> None:
        with LoopbackServer(self.refused(NOON + skew), OK) as server:
            settings = settings_for(server)
            with connect(settings, clock=FakeClock()) as client:
                assert client.get_service(ID) == SERVICE
        first, second = server.requests
        assert first.header("x-onlive-site-date") == "20250309T120000Z"
        expected = {3600: "130000", -3600: "110000", 61: "120101", -61: "115859"}[skew]
        assert second.header("x-onlive-site-date") == f"20250309T{expected}Z"
        assert second.header("Authorization") == expected_authorization(second, settings)

    def test_later_calls_of_the_same_client_keep_the_correction(self) -> None:
        with LoopbackServer(self.refused(NOON + 3600), OK, OK, OK) as server, client_for(server) as client:
            client.get_service(ID)
            client.put_service(ID, {"name": "x"})
            client.get_appointment(ID)
        hours = [(request.header("x-onlive-site-date") or "")[9:11] for request in server.requests]
        assert hours == ["12", "13", "13", "13"]

    def test_a_correction_is_given_up_when_the_machines_clock_was_set_right(self) -> None:
        clock = FakeClock()
        refused_later = self.refused(NOON + 3600)
        with (
            LoopbackServer(self.refused(NOON + 3600), OK, refused_later, OK) as server,
            client_for(server, clock) as client,
        ):
            client.get_service(ID)
            clock.jump(3600)
            client.get_service(ID)
        hours = [(request.header("x-onlive-site-date") or "")[9:11] for request in server.requests]
        assert hours == ["12", "13", "14", "13"]

    @pytest.mark.parametrize(("skew", "said"), [(3600, "3600 s behind"), (-1200, "1200 s ahead of")])
    def test_still_refused_with_the_servers_time_is_an_error_that_names_the_seconds(self, skew: int, said: str) -> None:
        with (
            LoopbackServer(self.refused(NOON + skew), self.refused(NOON + skew)) as server,
            client_for(server) as client,
            pytest.raises(errors.OnliveClockSkewError, match=f"clock is {said} the server's") as refused,
        ):
            client.get_service(ID)
        assert len(server.requests) == refused.value.attempts == 2
        assert (refused.value.skew, refused.value.retryable) == (skew, False)

    @pytest.mark.parametrize("skew", [0, 59, -59])
    def test_a_401_with_the_clocks_together_costs_one_attempt(self, skew: int) -> None:
        with (
            LoopbackServer(self.refused(NOON + skew)) as server,
            client_for(server) as client,
            pytest.raises(errors.OnliveUnauthorizedError) as refused,
        ):
            client.get_service(ID)
        assert len(server.requests) == 1
        assert type(refused.value) is errors.OnliveUnauthorizedError

    @pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
    def test_a_401_without_a_date_is_not_blamed_on_the_clock(self, headers: dict[str, str]) -> None:
        off = reply(200, SERVICE, headers={"Date": http_date(NOON + 9999)})
        with LoopbackServer(off, reply(401, headers=headers)) as server, client_for(server) as client:
            client.get_service(ID)
            with pytest.raises(errors.OnliveUnauthorizedError) as refused:
                client.get_service(ID)
        assert len(server.requests) == 2
        assert type(refused.value) is errors.OnliveUnauthorizedError

    def test_a_server_whose_clock_runs_away_is_followed_twice(self) -> None:
        with (
            LoopbackServer(*[self.refused(NOON + hours * 3600) for hours in (1, 2, 3)]) as server,
            client_for(server) as client,
            pytest.raises(errors.OnliveClockSkewError, match="10800 s behind"),
        ):
            client.get_service(ID)
        assert len(server.requests) == 3

    def test_other_errors_are_not_signed_again_however_far_the_clocks_are_apart(self) -> None:
        off = reply(403, headers={"Date": http_date(NOON + 9999)})
        with (
            LoopbackServer(off) as server,
            client_for(server) as client,
            pytest.raises(errors.OnliveForbiddenError),
        ):
            client.get_service(ID)
        assert len(server.requests) == 1

    def test_the_correction_counts_as_an_attempt(self) -> None:
        with (
            LoopbackServer(self.refused(NOON + 3600)) as server,
            client_for(server, max_attempts=1) as client,
            pytest.raises(errors.OnliveClockSkewError),
        ):
            client.get_service(ID)
        assert len(server.requests) == 1

    def test_a_write_is_corrected_too_and_sent_once_in_effect(self) -> None:
        with LoopbackServer(self.refused(NOON - 3600), OK) as server, client_for(server) as client:
            client.put_service(ID, {"name": "x"})
        assert server.methods == ["PUT", "PUT"]


class TestTheProbe:
    def test_it_is_one_signed_read_only_call(self) -> None:
        with LoopbackServer(reply(200, {"items": []})) as server, client_for(server) as client:
            client.probe()
        assert [f"{request.method} {request.target}" for request in server.requests] == ["GET /api/v1/services?limit=1"]

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (reply(503), errors.OnliveServerError),
            (reply(401), errors.OnliveUnauthorizedError),
            (reply(401, headers={"Date": http_date(NOON + 3600)}), errors.OnliveClockSkewError),
            (reply(403), errors.OnliveForbiddenError),
            (reply(200, body=b"<html>"), errors.OnliveAnswerError),
            (CLOSE, errors.OnliveNoAnswerError),
        ],
    )
    def test_it_is_made_once_and_raises_what_stands_in_the_way(self, answer: Any, kind: type[Exception]) -> None:
        with LoopbackServer(answer) as server, client_for(server) as client, pytest.raises(kind) as found:
            client.probe()
        assert type(found.value) is kind
        assert len(server.requests) == 1


class TestAnswers:
    @pytest.mark.parametrize(
        "body", [b"<html>Please log in</html>", b'{"id": "16', b'[{"id": "1"}]', b"", b"null", b"[" * 100_000]
    )
    def test_a_read_that_is_not_answered_with_a_json_object_is_an_answer_error(self, body: bytes) -> None:
        with (
            LoopbackServer(*[reply(200, body=body)] * 2) as server,
            client_for(server, max_attempts=2) as client,
            pytest.raises(errors.OnliveAnswerError, match="200, and not with a JSON object"),
        ):
            client.get_service(ID)
        assert len(server.requests) == 2

    def test_an_answer_beyond_the_bound_is_not_read_to_its_end(self) -> None:
        endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        with (
            LoopbackServer(Cut(endless + chunk * 20)) as server,
            client_for(server, max_attempts=1) as client,
            pytest.raises(errors.OnliveAnswerError, match=f"too large: more than {MAX_ANSWER_BYTES} bytes"),
        ):
            client.get_service(ID)
        assert len(server.requests) == 1

    def test_an_answer_at_the_bound_is_read(self) -> None:
        head = f'{{"id": "{ID}", "name": "'.encode()
        body = head + b"x" * (MAX_ANSWER_BYTES - len(head) - 2) + b'"}'
        with LoopbackServer(reply(200, body=body)) as server, client_for(server) as client:
            assert len(client.get_service(ID)["name"]) == MAX_ANSWER_BYTES - len(head) - 2
        assert len(body) == MAX_ANSWER_BYTES

    def test_a_compressed_answer_is_read(self) -> None:
        packed = gzip.compress(json.dumps(SERVICE).encode())
        with LoopbackServer(reply(200, headers=GZIP, body=packed)) as server, client_for(server) as client:
            assert client.get_service(ID) == SERVICE

    def test_the_bound_holds_for_what_a_compressed_answer_unpacks_to(self) -> None:
        packed = gzip.compress(b'{"id": "' + b"x" * (MAX_ANSWER_BYTES * 3 // 2) + b'"}')
        with (
            LoopbackServer(reply(200, headers=GZIP, body=packed)) as server,
            client_for(server, max_attempts=1) as client,
            pytest.raises(errors.OnliveAnswerError, match="too large"),
        ):
            client.get_service(ID)
        assert len(packed) < MAX_ANSWER_BYTES / 100

    def test_a_chunked_answer_is_read_whole(self) -> None:
        body = json.dumps(SERVICE).encode()
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:], b""))
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        with LoopbackServer(chunked) as server, client_for(server) as client:
            assert client.get_service(ID) == SERVICE


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("method", ["GET", "PUT"])
    def test_no_redirect_is_followed_and_its_target_sees_nothing(self, method: str, status: int) -> None:
        with LoopbackServer() as target, LoopbackServer() as server, client_for(server) as client:
            server.answer(reply(status, headers={"Location": f"{target.url}/api/v1/services/{ID}"}), *[OK] * 4)
            with pytest.raises(errors.OnliveRedirectError, match=f"{status}, a redirect, which is not followed"):
                client.get_service(ID) if method == "GET" else client.put_service(ID, {"name": "x"})
        assert server.methods == ([method] if method == "GET" else [method, *["GET"] * 4])
        assert target.connections == 0

    @pytest.mark.parametrize("location", ["http://[", "//", "", "/same/host", "\\", "http://a..b/", "é"])
    def test_a_malformed_redirect_is_the_same_error(self, location: str) -> None:
        with (
            LoopbackServer(reply(302, headers={"Location": location})) as server,
            client_for(server) as client,
            pytest.raises(errors.OnliveAnswerError, match="302, a redirect"),
        ):
            client.get_service(ID)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (302, errors.OnliveRedirectError),
            (400, errors.OnliveBadRequestError),
            (409, errors.OnliveConflictError),
            (503, errors.OnliveServerError),
        ],
    )
    @pytest.mark.parametrize("size", [MAX_ANSWER_BYTES + 1, MAX_ANSWER_BYTES + 100_000_000])
    def test_a_status_counts_however_large_its_body_is_said_to_be(
        self, status: int, kind: type[Exception], size: int
    ) -> None:
        giant = reply(status, headers={"Content-Length": str(size)}, body=b"x" * (MAX_ANSWER_BYTES + 1))
        with (
            LoopbackServer(Cut(giant)) as server,
            client_for(server, max_attempts=1) as client,
            pytest.raises(kind),
        ):
            client.get_service(ID)


class TestBudgets:
    def test_clients_and_threads_with_one_access_key_share_one_budget(self) -> None:
        credentials, clock = fresh_credentials(), FakeClock()
        with LoopbackServer() as server:
            server.otherwise = OK
            settings = settings_for(server, credentials=credentials, reads_per_minute=5)
            with contextlib.ExitStack() as stack:
                clients = [stack.enter_context(connect(settings, clock=clock)) for _ in range(5)]
                threads = [threading.Thread(target=client.get_service, args=(ID,)) for client in clients]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            assert clock.waits == []
            with connect(settings, clock=clock) as client:
                client.get_service(ID)
        assert clock.waits == [61.0]

    def test_reads_do_not_use_up_the_writes(self) -> None:
        clock = FakeClock()
        with LoopbackServer() as server, client_for(server, clock, reads_per_minute=1, writes_per_minute=2) as client:
            server.otherwise = OK
            client.get_service(ID)
            client.put_service(ID, {"name": "x"})
            client.put_service(ID, {"name": "x"})
            assert clock.waits == []
            client.get_service(ID)
            assert clock.waits == [61.0]

    def test_no_minute_on_the_wire_holds_more_writes_than_the_budget(self) -> None:
        clock, sent = FakeClock(), []

        def note(request: Recorded) -> bytes:
            sent.append(clock.monotonic())
            clock.move(0.7)
            return reply(429) if len(sent) % 3 == 0 else OK

        with LoopbackServer() as server, client_for(server, clock, writes_per_minute=4) as client:
            server.otherwise = note
            for _ in range(12):
                client.put_service(ID, {"name": "x"})
        assert len(sent) > 12
        assert all(later - earlier > 60 for earlier, later in zip(sent, sent[4:], strict=False))
        assert any(later - earlier < 60 for earlier, later in pairwise(sent))

    def test_waits_for_the_budget_do_not_use_up_the_patience(self) -> None:
        clock = FakeClock()
        with (
            LoopbackServer(OK, reply(503), OK) as server,
            client_for(server, clock, reads_per_minute=1, max_elapsed=1.0) as client,
        ):
            client.get_service(ID)
            client.get_service(ID)
        assert len(server.requests) == 3
        assert clock.waits == [61.0, 0.25, 60.75]

    def test_a_busy_server_makes_every_client_of_the_key_wait_and_only_with_calls_of_its_kind(
        self,
    ) -> None:
        credentials, clock = fresh_credentials(), FakeClock()
        seen: list[tuple[str, float]] = []

        with LoopbackServer() as server:
            settings = settings_for(server, credentials=credentials)
            other_client = connect(settings, clock=clock)

            def note(request: Recorded) -> bytes:
                seen.append((f"{request.method} {request.path.split('/')[3]}", clock.monotonic()))
                return OK

            class BusyClock(FakeClock):
                """While the refused client waits, another one makes its calls."""

                def sleep(self, seconds: float) -> None:
                    if not self.waits:
                        other_client.get_appointment(ID)
                        other_client.put_appointment(ID, {"title": "x"})
                    super().sleep(seconds)

            busy = BusyClock()
            server.answer(reply(429, headers={"Retry-After": "20"}))
            server.otherwise = note
            with other_client, connect(settings, clock=busy) as client:
                client.put_service(ID, {"name": "x"})
        assert seen == [("GET appointments", 0.0), ("PUT appointments", 20.0), ("PUT services", 20.0)]
        assert clock.waits == [20.0]
        # After a 429 the pace is halved, and the other client's write is the one before.
        assert busy.waits == [20.0, pytest.approx(61 / 50, abs=0.1)]

    def test_an_access_key_at_another_address_has_its_own_budget(self) -> None:
        credentials, clock = fresh_credentials(), FakeClock()
        for _ in range(2):
            with LoopbackServer(OK) as server:
                settings = settings_for(server, credentials=credentials, reads_per_minute=1)
                with connect(settings, clock=clock) as client:
                    client.get_service(ID)
        assert clock.waits == []


def test_the_repr_of_a_client_is_its_address_alone(each_driver: str) -> None:
    name = {"threads": "OnliveClient", "event loop": "AsyncOnliveClient"}[each_driver]
    with connect(Settings(Credentials("AKID", SECRET))) as client:
        assert repr(client) == f"{name}(https://openapi.onlive.site)"


@pytest.mark.parametrize("each_driver", ["threads"], indirect=True)
def test_the_real_clock_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    clock = SleepingClock()
    assert abs(clock.time() - time.time()) < 60
    assert clock.monotonic() <= clock.monotonic()
    clock.sleep(12.5)
    assert slept == [12.5]


def test_an_id_that_is_not_a_uuid_is_refused_before_any_call() -> None:
    with LoopbackServer() as server, client_for(server) as client:
        for call in (client.get_appointment, client.get_service):
            with pytest.raises(errors.OnlivePayloadError, match="is not a UUID"):
                call("../../admin")
        for write in (client.put_appointment, client.put_service):
            with pytest.raises(errors.OnlivePayloadError, match="is not a UUID"):
                write("7", {"title": "x"})
    assert server.connections == 0
