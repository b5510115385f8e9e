"""A key finds its own signing profile, with reads only, and tells nobody a secret or a signature.

The servers here sign each in its own way, written out with ``hmac`` and ``hashlib`` and with nothing of the provider.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

import pytest

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import SigningProfile
from onlive_provider.client.sync import OnliveClient, SleepingClock
from onlive_provider.connection.signature_command import find_signature
from onlive_provider.connection.signature_finder import Search, StoppedError
from onlive_provider.errors import OnliveNotFoundError, OnliveUnauthorizedError
from tests.loopback import ID, RESET, SECRET, FakeClock, LoopbackServer, Recorded, reply, settings_for

REFUSED = reply(401, {"statusCode": 401, "message": "Invalid credentials"})
NIL = "00000000-0000-0000-0000-000000000000"
Sign = Callable[[Recorded, str, str], str]


def _mac(key: bytes, text: str | bytes, name: str = "sha256") -> bytes:
    return hmac.new(key, text if isinstance(text, bytes) else text.encode(), name).digest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def other_order(request: Recorded, date: str, key_id: str) -> str:
    lines = [date, request.method, request.path, request.query, _sha256(request.body)]
    return _mac(SECRET.encode(), "\n".join(lines)).hex()


def bars_between(request: Recorded, date: str, key_id: str) -> str:
    text = request.method + "|" + request.path + "|" + request.query + "|" + date + "|" + _sha256(request.body)
    return _mac(SECRET.encode(), text).hex()


def two_stages(request: Recorded, date: str, key_id: str) -> str:
    canonical = (
        f"{request.method}\n{request.path}\n{request.query}\nhost:{request.header('Host')}\n"
        f"x-onlive-site-date:{date}\n\nhost;x-onlive-site-date\n{_sha256(request.body)}"
    )
    return _mac(SECRET.encode(), f"ONLIVESITE-HMAC-SHA256\n{date}\n{_sha256(canonical.encode())}").hex()


def key_of_the_day(request: Recorded, date: str, key_id: str) -> str:
    key = _mac(_mac(b"ONLIVESITE" + SECRET.encode(), date[:8]), "onlivesite_request")
    lines = [request.method, request.path, request.query, "x-onlive-site-date:" + date, _sha256(request.body)]
    return _mac(key, "\n".join(lines)).hex()


def sha512(request: Recorded, date: str, key_id: str) -> str:
    body = hashlib.sha512(request.body).hexdigest()
    lines = [request.method, request.path, request.query, date, body]
    return _mac(SECRET.encode(), "\n".join(lines), "sha512").hex()


def run_together_in_base64(request: Recorded, date: str, key_id: str) -> str:
    text = date.encode() + request.method.encode() + request.target.encode() + request.body
    return base64.b64encode(_mac(SECRET.encode(), text)).decode()


def a_scheme_that_nobody_foresaw(request: Recorded, date: str, key_id: str) -> str:
    """Two stages, a key of four steps, SHA-512, base64, and words that no table can hold."""
    canonical = f"{request.method} {request.target}\nfor {key_id} at {date[:4]}-{date[4:6]}-{date[6:8]}\n"
    canonical += base64.b64encode(hashlib.md5(request.body).digest()).decode()
    key = SECRET.encode() + b"!"
    for step in (date[:8], "eu-west", "calendar"):
        key = _mac(key, step, "sha512")
    hashed = hashlib.sha512(canonical.encode()).hexdigest()
    return base64.b64encode(_mac(key, f"calendar/v7 {date} {hashed}", "sha512")).decode()


@dataclass
class Scheme:
    """One way to sign.

    :param sign: what the server computes.
    :param profile: the same, written down as settings.
    :param found: whether the table holds it.
    """

    sign: Sign
    profile: SigningProfile
    found: bool = True


SCHEMES = [
    Scheme(other_order, SigningProfile(r"{date}\n{method}\n{path}\n{query}\n{body_sha256}")),
    Scheme(bars_between, SigningProfile("{method}|{path}|{query}|{date}|{body_sha256}")),
    Scheme(
        two_stages,
        SigningProfile(
            r"ONLIVESITE-HMAC-SHA256\n{date}\n{canonical_request_hash}",
            r"{method}\n{path}\n{query}\nhost:{host}\nx-onlive-site-date:{date}\n\nhost;x-onlive-site-date\n{body_sha256}",
        ),
    ),
    Scheme(key_of_the_day, SigningProfile(signing_key=r"ONLIVESITE{secret}\n{day}\nonlivesite_request")),
    Scheme(sha512, SigningProfile(r"{method}\n{path}\n{query}\n{date}\n{body_hash}", signature_hash="sha512")),
    Scheme(run_together_in_base64, SigningProfile("{date}{method}{path_query}{body}", signature_encoding="base64")),
    Scheme(
        a_scheme_that_nobody_foresaw,
        SigningProfile(
            "calendar/v7 {date} {canonical_request_hash}",
            r"{method} {path_query}\nfor {access_key_id} at {day_dashed}\n{body_md5_base64}",
            r"{secret}!\n{day}\neu-west\ncalendar",
            "sha512",
            "base64",
        ),
        found=False,
    ),
]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.sign.__name__)
every_found = pytest.mark.parametrize(
    "scheme", [each for each in SCHEMES if each.found], ids=lambda scheme: scheme.sign.__name__
)


def signing_server(sign: Sign) -> LoopbackServer:
    """Return a server that answers 401 to whatever is not signed its way, and 404 to every PUT that is."""

    def answer(request: Recorded) -> bytes:
        now = {"Date": formatdate(usegmt=True)}
        found = re.fullmatch(r"ONLIVESITE Credential:(\S+), Signature=(\S+)", request.header("Authorization") or "")
        date = request.header("x-onlive-site-date") or ""
        if found is None or found[2] != sign(request, date, found[1]):
            return reply(401, {"statusCode": 401, "message": "Invalid credentials"}, headers=now)
        if request.method == "PUT":
            return reply(404, {"statusCode": 404, "message": "Service not found"}, headers=now)
        return reply(200, {"items": []}, headers=now)

    server = LoopbackServer()
    server.otherwise = answer
    return server


def fast_settings(server: LoopbackServer, **changes: Any) -> Settings:
    return settings_for(server, reads_per_minute=1_000_000, writes_per_minute=1_000_000, **changes)


@every_scheme
def test_the_scheme_can_be_written_down_and_works_for_a_read_and_a_write(scheme: Scheme) -> None:
    with signing_server(scheme.sign) as server:
        with OnliveClient(fast_settings(server, profile=scheme.profile)) as client:
            client.probe()
            for body in ({"name": "é"}, {}):
                with pytest.raises(OnliveNotFoundError):
                    client.put_service(ID, body)
        with OnliveClient(fast_settings(server)) as client, pytest.raises(OnliveUnauthorizedError):
            client.probe()


@dataclass
class Ran:
    """What one run of the command came to."""

    code: int
    lines: list[str]
    progress: str

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def pasted(self) -> dict[str, str]:
        return json.loads("{" + self.text.partition("{\n")[2].partition("\n}")[0] + "}")


def run(settings: Settings, **options: Any) -> Ran:
    lines: list[str] = []
    progress = io.StringIO()
    code = find_signature(settings, "onlive_x", say=lines.append, progress=progress, **options)
    return Ran(code, lines, progress.getvalue())


@every_found
def test_the_command_finds_it_with_reads_only_and_what_it_prints_works(
    scheme: Scheme, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), signing_server(scheme.sign) as server:
        ran = run(fast_settings(server))
        assert ran.code == 0
        assert set(server.methods) == {"GET"}
        assert {request.path for request in server.requests} == {"/api/v1/services"}
        with OnliveClient(fast_settings(server, profile=SigningProfile(**ran.pasted))) as client:
            client.probe()
    assert "Not proven: how the body of a write is signed" in ran.text
    assert "asyncio" in {record.name for record in caplog.records}
    shown = capfd.readouterr()
    told = ran.text + ran.progress + shown.out + shown.err + caplog.text
    assert_nothing_private(told, server)


def assert_nothing_private(told: str, server: LoopbackServer) -> None:
    assert SECRET not in told
    signatures = {(request.header("Authorization") or "").rpartition("Signature=")[2] for request in server.requests}
    assert len(signatures) > 1
    assert [signature for signature in signatures if signature in told] == []


@every_found
def test_a_write_probe_proves_the_body_with_puts_to_the_nil_uuid_only(scheme: Scheme) -> None:
    with signing_server(scheme.sign) as server:
        ran = run(fast_settings(server), write_probe=True)
    assert ran.code == 0
    assert "Proven: a PUT with a body is accepted too" in ran.text
    assert {request.path for request in server.writes} == {f"/api/v1/services/{NIL}"}
    assert all(request.json() == {"extraFields": {}} for request in server.writes)
    with signing_server(scheme.sign) as again:
        client = OnliveClient(fast_settings(again, profile=SigningProfile(**ran.pasted)))
        with client, pytest.raises(OnliveNotFoundError):
            client.put_service(ID, {"name": "another body"})


@pytest.mark.parametrize(
    ("form", "of_body"),
    [
        ("{body_sha256_or_empty}", lambda body: _sha256(body) if body else ""),
        ("{body}", lambda body: body.decode()),
        ("{body_base64}", lambda body: base64.b64encode(body).decode()),
        (
            "{body_md5_base64_or_empty}",
            lambda body: base64.b64encode(hashlib.md5(body).digest()).decode() if body else "",
        ),
    ],
)
def test_forms_of_the_body_that_a_read_cannot_tell_apart_are_told_apart_by_the_probe(
    form: str, of_body: Callable[[bytes], str]
) -> None:
    def sign(request: Recorded, date: str, key_id: str) -> str:
        lines = [request.method, request.path, request.query, date, of_body(request.body)]
        return _mac(SECRET.encode(), "\n".join(lines)).hex()

    with signing_server(sign) as server:
        ran = run(fast_settings(server), write_probe=True)
    assert ran.code == 0
    assert ran.pasted == {"string_to_sign": rf"{{method}}\n{{path}}\n{{query}}\n{{date}}\n{form}"}
    assert all(request.path.endswith(NIL) for request in server.writes)


def test_a_body_that_is_signed_in_no_known_form_leaves_a_profile_for_reads_and_says_so() -> None:
    def sign(request: Recorded, date: str, key_id: str) -> str:
        body = _sha256(request.body[::-1])
        lines = [request.method, request.path, request.query, date, body if request.body else _sha256(b"")]
        return _mac(SECRET.encode(), "\n".join(lines)).hex()

    with signing_server(sign) as server:
        ran = run(fast_settings(server), write_probe=True, save=True)
    assert ran.code == 1
    assert "Reads are accepted with it and writes are not: " in ran.text
    assert "Saved" not in ran.text
    assert len(server.writes) > 1


def test_a_search_in_vain_says_what_was_tried_and_that_a_wrong_secret_looks_the_same() -> None:
    with signing_server(a_scheme_that_nobody_foresaw) as server:
        settings = fast_settings(server)
        ran = run(settings)
    assert ran.code == 1
    assert "A wrong secret looks the same as a wrong profile" in ran.text
    tried = len(server.requests)
    assert f"None of {tried:,} signing profiles is accepted." in ran.text
    counts = [int(line.split()[0].replace(",", "")) for line in ran.lines if re.match(r" +[\d,]+  ", line)]
    assert sum(counts) == tried
    assert f"{tried:,} times 401" in ran.text
    assert set(server.methods) == {"GET"}
    assert_nothing_private(ran.text + ran.progress, server)


def test_no_two_reads_carry_the_same_signature_of_the_same_time() -> None:
    with signing_server(a_scheme_that_nobody_foresaw) as server:
        run(fast_settings(server), clock=FrozenClock())
    signatures = [request.header("Authorization") for request in server.requests]
    assert len(set(signatures)) == len(signatures) >= 300


class FrozenClock(SleepingClock):
    """A clock that shows one time for all that it sleeps."""

    def __init__(self) -> None:
        self._now = super().time()

    def time(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        pass


def test_the_connections_own_profile_is_tried_first() -> None:
    own = SCHEMES[-1].profile
    with signing_server(a_scheme_that_nobody_foresaw) as server:
        ran = run(fast_settings(server, profile=own))
    assert (ran.code, len(server.requests)) == (0, 1)
    assert SigningProfile(**ran.pasted) == own


def test_a_connection_with_a_wrong_profile_learns_which_settings_to_remove() -> None:
    def sign(request: Recorded, date: str, key_id: str) -> str:
        lines = [request.method, request.path, request.query, "x-onlive-site-date:" + date, _sha256(request.body)]
        return _mac(SECRET.encode(), "\n".join(lines)).hex()

    with signing_server(sign) as server:
        ran = run(fast_settings(server, profile=SigningProfile("{date}", signature_hash="sha1")))
    assert "It is the default profile: the Connection's extra needs no signing settings." in ran.lines
    assert "Remove from the extra: string_to_sign, signature_hash." in ran.lines


def test_one_service_can_be_read_instead_of_the_list() -> None:
    with signing_server(other_order) as server:
        ran = run(fast_settings(server), service_id=ID)
    assert ran.code == 0
    assert {request.target for request in server.requests} == {f"/api/v1/services/{ID}"}
    assert "Not proven: how a query is signed" in ran.text


def test_a_service_that_does_not_exist_proves_the_signature_as_well() -> None:
    missing = reply(404, {"message": "Service not found"})
    with LoopbackServer(REFUSED, REFUSED, missing, REFUSED) as server:
        assert run(fast_settings(server), service_id=ID).code == 0
    assert len(server.requests) == 4


def test_a_400_that_every_signature_of_a_form_gets_is_no_proof() -> None:
    """A server of the default profile with SHA-1 that checks the form of a signature before anything else."""

    def answer(request: Recorded) -> bytes:
        date, header = request.header("x-onlive-site-date"), request.header("Authorization") or ""
        lines = [request.method, request.path, request.query, f"x-onlive-site-date:{date}", _sha256(request.body)]
        right = _mac(SECRET.encode(), "\n".join(lines), "sha1").hex()
        if re.search("Signature=[0-9a-f]{128}$", header):
            return reply(400, {"statusCode": 400, "message": "Malformed signature"})
        return reply(200, {"items": []}) if header.endswith(f"={right}") else REFUSED

    with LoopbackServer() as server:
        server.otherwise = answer
        ran = run(fast_settings(server))
    assert ran.pasted == {"signature_hash": "sha1"}


@pytest.mark.parametrize(
    ("answers", "said", "calls"),
    [
        ([reply(401, {}, headers={"Date": "Sun, 09 Mar 2025 15:00:00 GMT"})], "The clocks differ too much: ", 1),
        ([reply(403, {"message": "no"})], "The credentials are known and have no permission: ", 1),
        ([reply(404, body=b"<html>")], "The server answers and is not the Onlive API: ", 1),
        ([REFUSED, reply(302, {})], "The server answers and is not the Onlive API: ", 2),
        ([reply(200, body=b"<html>Sign in</html>")], "The server answers and is not the Onlive API: ", 1),
        (
            [reply(401, body=b"<html>", headers={"WWW-Authenticate": 'Basic realm="x"'})],
            "The server answers and is not the Onlive API: ",
            1,
        ),
        ([REFUSED, *[reply(429, headers={"Retry-After": "7"})] * 3], "The server is busy: ", 4),
        ([reply(429, headers={"Retry-After": "3600"})], "The server is busy: ", 1),
        ([*[reply(503)] * 3], "The server failed: ", 3),
        ([*[RESET] * 3], "The server was reached and did not answer: ", 3),
        ([reply(400, {"message": "Malformed"})], "The server answers and is not the Onlive API: ", 1),
    ],
)
def test_what_says_nothing_about_a_signature_stops_the_search_with_one_sentence(
    answers: list[Any], said: str, calls: int
) -> None:
    with LoopbackServer(*answers) as server:
        ran = run(fast_settings(server), clock=FakeClock())
    assert ran.code == 1
    assert ran.lines[-1].startswith(f"Stopped. {said}")
    assert len(server.requests) == calls
    assert set(server.methods) == {"GET"}


def test_a_server_that_is_not_there_stops_the_search_at_once() -> None:
    with LoopbackServer() as server:
        settings = fast_settings(server)
    ran = run(settings, clock=FakeClock())
    assert ran.code == 1
    assert ran.lines[-1].startswith("Stopped. No network path to the server: ")


def test_a_busy_moment_is_waited_for_and_the_same_profile_is_tried_again() -> None:
    clock = FakeClock()
    with LoopbackServer(reply(429, headers={"Retry-After": "7"}), RESET, reply(200, {"items": []})) as server:
        assert run(fast_settings(server), clock=clock).code == 0
    assert len(server.requests) == 3
    assert clock.waits[0] == 7


def test_a_403_after_many_401s_shows_the_profile_that_got_it() -> None:
    with LoopbackServer(REFUSED, reply(403, {"message": "Insufficient permissions"})) as server:
        ran = run(fast_settings(server))
    assert ran.code == 1
    assert "the signature of this one is probably right" in ran.text
    assert ran.pasted


def test_a_put_that_is_accepted_stops_the_probe() -> None:
    with LoopbackServer(reply(200, {"items": []}), reply(200, {"id": NIL})) as server:
        ran = run(fast_settings(server), write_probe=True)
    assert ran.code == 1
    assert "to a PUT of a service that cannot exist" in ran.text
    assert server.methods == ["GET", "PUT"]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_each_refusal_of_the_request_itself_proves_the_body(status: int) -> None:
    with LoopbackServer(reply(200, {"items": []}), reply(status, {"message": "no"})) as server:
        assert run(fast_settings(server), write_probe=True).code == 0
    assert server.methods == ["GET", "PUT"]


def test_the_search_keeps_to_the_keys_budget_of_reads() -> None:
    clock = FakeClock()
    with LoopbackServer() as server:
        server.otherwise = REFUSED
        ran = run(settings_for(server, reads_per_minute=100), clock=clock)
    assert ran.code == 1
    moments = [request.header("x-onlive-site-date") for request in server.requests]
    seconds = [
        int(at[6:8]) * 86_400 + int(at[9:11]) * 3600 + int(at[11:13]) * 60 + int(at[13:15]) for at in moments if at
    ]
    assert len(seconds) > 500
    for begin in seconds:
        assert sum(begin <= moment < begin + 60 for moment in seconds) <= 100
    assert clock.waits == [61.0] * ((len(seconds) - 1) // 100)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_progress_is_one_line_in_a_terminal_and_plain_lines_elsewhere() -> None:
    terminal = Terminal()
    with LoopbackServer(*[REFUSED] * 102, reply(200, {"items": []})) as server:
        find_signature(fast_settings(server), "x", say=lambda line: None, progress=terminal)
    assert terminal.getvalue().count("\n") == 1
    assert terminal.getvalue().count("\rTrying signing profile ") == 103
    with LoopbackServer(*[REFUSED] * 102, reply(200, {"items": []})) as server:
        plain = run(fast_settings(server)).progress
    assert [line.partition(" of ")[0] for line in plain.splitlines()] == [
        "Trying signing profile 1",
        "Trying signing profile 101",
    ]


def test_a_secret_that_is_no_base64_is_not_tried_as_base64() -> None:
    with LoopbackServer() as server:
        server.otherwise = REFUSED
        settings = fast_settings(server)
        odd = replace(settings, credentials=replace(settings.credentials, secret_access_key="no base64!"))
        search = Search(odd)
        assert search.find() is None


def test_a_search_that_is_stopped_raises_its_sentence() -> None:
    with LoopbackServer(reply(403, {})) as server, pytest.raises(StoppedError, match="no permission"):
        Search(fast_settings(server)).find()
