"""The Test button says what stands in the way, each cause in its own words, and never a secret."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from onlive_provider.connection.diagnosis import diagnose
from onlive_provider.hooks.onlive import OnliveHook
from onlive_provider.sandbox.server import Sandbox
from tests.loopback import CLOSE, SECRET, SILENCE, LoopbackServer, reply

Connect = Callable[..., OnliveHook]


def test_it_works_against_a_server_that_checks_signatures(connect: Connect):
    with Sandbox() as sandbox:
        hook = connect(sandbox.url, login=sandbox.access_key_id, password=sandbox.secret_access_key)
        works, message = hook.test_connection()
        calls = sandbox.calls()
    assert (works, message) == (
        True,
        f"It works: {sandbox.url} accepts the access key ending in {sandbox.access_key_id[-4:]}",
    )
    assert [call["method"] for call in calls] == ["GET"]


def test_of_a_short_access_key_nothing_is_shown(connect: Connect):
    with LoopbackServer(reply(200, {"items": []})) as server:
        works, message = connect(server.url, login="AK12345").test_connection()
    assert works
    assert message == f"It works: {server.url} accepts the access key"


def test_a_secret_that_is_refused_comes_with_the_hint_at_the_signing_profile(connect: Connect):
    with Sandbox() as sandbox:
        works, message = connect(sandbox.url, login=sandbox.access_key_id, password="not the secret").test_connection()
    assert not works
    assert message.startswith("The credentials were refused: ")
    assert "`onlive check --find-signature`" in message
    assert "not the secret" not in message


@pytest.mark.parametrize(("ahead", "side"), [(3600, "behind"), (-3600, "ahead of")])
def test_a_clock_that_is_off_is_measured(connect: Connect, ahead, side):
    with Sandbox(clock=lambda: datetime.now(UTC) + timedelta(seconds=ahead)) as sandbox:
        hook = connect(sandbox.url, login=sandbox.access_key_id, password=sandbox.secret_access_key)
        works, message = hook.test_connection()
    assert not works
    assert message.startswith("The clocks differ too much: ")
    measured = re.search(rf"clock is (\d+) s {side}", message)
    assert measured
    assert abs(int(measured[1]) - 3600) < 60


def test_a_refusal_by_a_server_with_the_same_clock_is_not_blamed_on_the_clock(connect: Connect):
    date = format_datetime(datetime.now(UTC), usegmt=True)
    with LoopbackServer(reply(401, {"message": "no"}, headers={"Date": date})) as server:
        assert connect(server.url).test_connection()[1].startswith("The credentials were refused: ")


def test_a_missing_permission_is_told_apart(connect: Connect):
    with LoopbackServer(reply(403, {"message": "Insufficient permissions"})) as server:
        works, message = connect(server.url).test_connection()
    assert not works
    assert message.startswith("The credentials are known and have no permission: ")
    assert "Insufficient permissions" in message


def test_a_server_that_is_not_there_is_told_apart(connect: Connect):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    works, message = connect(f"http://127.0.0.1:{port}").test_connection()
    assert not works
    assert message.startswith("No network path to the server: ")
    assert "(1 attempt in" in message


@pytest.mark.parametrize("answer", [SILENCE, CLOSE])
def test_a_server_that_does_not_answer_is_told_apart(connect: Connect, answer):
    with LoopbackServer(answer) as server:
        works, message = connect(server.url, extra={"timeout": 0.2}).test_connection()
    assert not works
    assert message.startswith("The server was reached and did not answer: ")
    assert len(server.requests) == 1


def test_https_to_a_server_of_plain_http_is_told_apart(connect: Connect):
    def refuse_what_is_not_http() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=refuse_what_is_not_http)
        server.start()
        works, message = connect(f"https://127.0.0.1:{listener.getsockname()[1]}").test_connection()
        server.join()
    assert not works
    assert message.startswith("No trusted TLS connection: ")


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return the server side of a certificate for 127.0.0.1 that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def test_a_certificate_that_is_not_trusted_is_told_apart_unless_it_is_not_checked(connect: Connect, tmp_path: Path):
    with LoopbackServer(reply(200, {"items": []}), tls=self_signed(tmp_path)) as server:
        works, message = connect(server.url).test_connection()
        assert not works
        assert message.startswith("No trusted TLS connection: ")
        assert "REQUESTS_CA_BUNDLE" in message
        assert server.requests == []
        assert connect(server.url, extra={"verify": False}).test_connection()[0]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(200, body=b"<html>Sign in</html>"), "the server answered 200, and not with a JSON object"),
        (reply(302, {}, headers={"Location": "https://login.example/"}), "302, a redirect, which is not followed"),
        (reply(404, body=b"<html>Not Found</html>"), "the server answered 404. "),
        (reply(407, {"message": "Proxy login"}), 'the server answered 407 ("Proxy login"). '),
        (reply(418, {"message": "a teapot"}), 'the server answered 418 ("a teapot"). '),
    ],
)
def test_an_answer_of_something_else_is_told_apart(connect: Connect, answer, said):
    with LoopbackServer(answer) as server:
        works, message = connect(server.url).test_connection()
    assert not works
    assert message.startswith("The server answers and is not the Onlive API: ")
    assert said in message
    assert message.endswith("Check that the Connection's host is the Onlive API and not a proxy's or a login page.")


@pytest.mark.parametrize(("status", "said"), [(429, "The server is busy: "), (503, "The server failed: ")])
def test_a_server_in_trouble_is_told_apart_and_asked_only_once(connect: Connect, status, said):
    with LoopbackServer(reply(status, headers={"Retry-After": "0"})) as server:
        works, message = connect(server.url).test_connection()
    assert not works
    assert message.startswith(said)
    assert len(server.requests) == 1


def test_the_one_call_is_read_only_and_signed(connect: Connect):
    with LoopbackServer(reply(200, {"items": []})) as server:
        assert connect(server.url).test_connection()[0]
    (sent,) = server.requests
    assert (sent.method, sent.path) == ("GET", "/api/v1/services")
    assert (sent.header("Authorization") or "").startswith("ONLIVESITE Credential:AKHOOK")


def test_a_connection_that_cannot_be_used_is_told_apart(connect: Connect):
    works, message = connect("http://booking.example").test_connection()
    assert not works
    assert message.startswith("The Connection cannot be used: host: ")


def test_a_missing_connection_is_told_apart():
    works, message = OnliveHook("onlive_nowhere").test_connection()
    assert not works
    assert "onlive_nowhere" in message
    assert "defined" in message


@pytest.mark.parametrize(
    "uri",
    [
        f"onlive://AKONLIVE:{SECRET}@http://127.0.0.1:8080/",
        f"onlive://AKONLIVE:{SECRET}@openapi.onlive.site/",
        "onlive://AKONLIVE:s3cr3t/Key+never=shown://x@http://127.0.0.1:1",
    ],
)
def test_a_uri_that_airflow_cannot_read_is_not_repeated(monkeypatch, uri):
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_BROKEN", uri)
    works, message = OnliveHook("onlive_broken").test_connection()
    assert not works
    assert "s3cr3t" not in message
    assert "never" not in message


def test_a_backend_that_refuses_the_connection_is_named_and_not_quoted():
    def find(conn_id: str) -> NoReturn:
        raise PermissionError(f"may not read onlive://AKONLIVE:{SECRET}@openapi.onlive.site")

    works, message = diagnose(find, "onlive_default")
    assert not works
    assert message.startswith("The Connection is not readable (PermissionError). ")
    assert SECRET not in message


def test_a_fault_that_nobody_foresaw_is_reported_and_not_raised():
    assert diagnose(lambda conn_id: None, "onlive_default") == (False, "The test itself failed (AttributeError)")  # type: ignore[arg-type]


def test_the_connection_is_looked_up_at_every_test(connect: Connect):
    with LoopbackServer(reply(200, {"items": []})) as server:
        hook = connect("http://127.0.0.1:9", extra=json.dumps({"timeout": 0.2}))
        assert not hook.test_connection()[0]
        connect(server.url)
        assert hook.test_connection()[0]


def test_no_failure_shows_the_secret_or_a_signature(connect: Connect):
    for status in (400, 401, 403, 404, 429, 500):
        with LoopbackServer(reply(status, {"message": "no"})) as server:
            message = connect(server.url).test_connection()[1]
        signature = (server.requests[0].header("Authorization") or "").rpartition("=")[2]
        assert SECRET not in message
        assert signature not in message
