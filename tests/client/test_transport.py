"""TLS, proxies and what else a client takes from the machine it runs on."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from onlive_provider.client import errors
from onlive_provider.client.settings import Settings
from onlive_provider.client.sync import OnliveClient
from tests.loopback import (
    CLOSE,
    ID,
    RESET,
    Cut,
    FakeClock,
    LoopbackServer,
    fresh_credentials,
    reply,
    settings_for,
)

CERTIFICATES = Path(__file__).parent / "certificates"
"""A key and a certificate for 127.0.0.1 that signs itself, valid for a hundred years."""
OK = reply(200, {"id": ID})
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _a_machine_without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_VARIABLES, *map(str.lower, PROXY_VARIABLES), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "certificate.pem", CERTIFICATES / "key.pem")
    return context


@contextmanager
def no_tls_server(answer: bytes, *, reset: bool = False) -> Iterator[tuple[Settings, list[bytes]]]:
    """Read what a client says first, answer it with some bytes, and close."""
    greetings: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        greetings.append(connection.recv(65536))
                        connection.sendall(answer)
                        linger = struct.pack("ii", reset, 0)
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Settings(fresh_credentials(), f"https://127.0.0.1:{listener.getsockname()[1]}"), greetings
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


class TestTls:
    def test_an_untrusted_certificate_is_refused_after_one_attempt_and_nothing_is_sent(
        self, tls: ssl.SSLContext
    ) -> None:
        clock = FakeClock()
        with (
            LoopbackServer(OK, tls=tls) as server,
            OnliveClient(settings_for(server), clock=clock) as client,
            pytest.raises(errors.OnliveTlsError, match=r"self-signed certificate.*REQUESTS_CA_BUNDLE") as refused,
        ):
            client.update_service(ID, {"name": "x"})
        assert (server.requests, server.connections) == ([], 1)
        assert clock.waits == []
        assert (refused.value.attempts, refused.value.retryable) == (1, False)

    def test_a_certificate_of_the_ca_bundle_in_the_environment_is_trusted(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        with LoopbackServer(OK, tls=tls) as server, OnliveClient(settings_for(server)) as client:
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
            assert client.get_service(ID) == {"id": ID}

    def test_a_trusted_certificate_of_another_host_is_refused(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        with LoopbackServer(OK, tls=tls) as server:
            settings = settings_for(server, base_url=f"https://localhost:{server.port}")
            with OnliveClient(settings) as client, pytest.raises(errors.OnliveTlsError, match="localhost"):
                client.get_service(ID)
        assert server.requests == []

    def test_a_ca_bundle_that_does_not_exist_is_refused_before_any_call(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
        with (
            LoopbackServer(OK, tls=tls) as server,
            pytest.raises(errors.OnliveConfigError, match=r"REQUESTS_CA_BUNDLE: /no/such/bundle.pem does not exist"),
        ):
            OnliveClient(settings_for(server))

    def test_a_ca_bundle_that_holds_no_certificate_is_a_tls_error(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "bundle.pem").write_text("nothing")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
        with (
            LoopbackServer(OK, tls=tls) as server,
            OnliveClient(settings_for(server)) as client,
            pytest.raises(errors.OnliveTlsError),
        ):
            client.get_service(ID)

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_with_verify_off_any_certificate_will_do_whatever_the_environment_says(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", requests.certs.where())
        with LoopbackServer(OK, tls=tls) as server, OnliveClient(settings_for(server, verify=False)) as client:
            assert client.get_service(ID) == {"id": ID}

    def test_a_server_that_speaks_no_tls_is_a_tls_error(self) -> None:
        with (
            no_tls_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (settings, greetings),
            OnliveClient(settings, clock=FakeClock()) as client,
            pytest.raises(errors.OnliveTlsError),
        ):
            client.update_service(ID, {"name": "x"})
        assert len(greetings) == 1

    @pytest.mark.parametrize("reset", [True, False])
    def test_a_handshake_that_is_cut_off_is_a_fault_of_the_network_and_tried_again(self, reset: bool) -> None:
        with (
            no_tls_server(b"", reset=reset) as (settings, greetings),
            OnliveClient(settings, clock=FakeClock()) as client,
            pytest.raises(errors.OnliveNoAnswerError),
        ):
            client.get_service(ID)
        assert len(greetings) == settings.max_attempts

    def test_a_write_over_tls_whose_answer_is_garbled_on_the_way_is_looked_up(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        methods: list[bytes] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                for garbled in (True, False):
                    with tls.wrap_socket(listener.accept()[0], server_side=True) as connection:
                        methods.append(connection.recv(65536)[:3])
                        answer = reply(200, {"id": ID, "name": "x"})
                        connection.sendall(answer[:-5] if garbled else answer)
                        if garbled:
                            os.write(connection.fileno(), b"not a TLS record, for sure")
                            connection.recv(1)

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            settings = Settings(fresh_credentials(), f"https://127.0.0.1:{listener.getsockname()[1]}", timeout=5.0)
            with OnliveClient(settings, clock=FakeClock()) as client:
                client.update_service(ID, {"name": "x"})
            thread.join(5)
        assert methods == [b"PUT", b"GET"]

    def test_a_write_over_tls_that_is_cut_off_is_looked_up(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        for fault in (CLOSE, RESET, Cut(reply(200, {"id": ID})[:-3])):
            with (
                LoopbackServer(fault, reply(200, {"id": ID, "name": "x"}), tls=tls) as server,
                OnliveClient(settings_for(server), clock=FakeClock()) as client,
            ):
                client.update_service(ID, {"name": "x"})
            assert server.methods == ["PUT", "GET"]


class TestProxies:
    def test_the_environments_proxy_is_used_and_resolved_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer(OK, OK) as proxy, LoopbackServer() as other:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            settings = settings_for(proxy, base_url="http://onlive.test", allow_http=True)
            with OnliveClient(settings) as client:
                client.get_service(ID)
                monkeypatch.setenv("HTTP_PROXY", other.url)
                client.get_service(ID)
        assert [request.target for request in proxy.requests] == [f"http://onlive.test/api/v1/services/{ID}"] * 2
        assert proxy.requests[0].header("Host") == "onlive.test"
        assert other.connections == 0

    def test_a_proxy_may_be_given_without_its_scheme_and_with_credentials(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(OK) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"user:geheim@{proxy.host}")
            settings = settings_for(proxy, base_url="http://onlive.test", allow_http=True)
            with OnliveClient(settings) as client:
                client.get_service(ID)
        (request,) = proxy.requests
        assert request.header("Proxy-Authorization") == "Basic dXNlcjpnZWhlaW0="
        assert (request.header("Authorization") or "").startswith("ONLIVESITE Credential:")

    def test_an_https_call_goes_through_a_tunnel_in_which_the_proxy_sees_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(reply(407)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            settings = settings_for(proxy, base_url="https://onlive.test", max_attempts=1)
            with OnliveClient(settings) as client, pytest.raises(errors.OnliveConnectError, match="407"):
                client.update_service(ID, {"name": "x"})
        (request,) = proxy.requests
        assert (request.method, request.target) == ("CONNECT", "onlive.test:443")
        assert request.header("Authorization") is None

    def test_no_proxy_hosts_are_reached_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", ".invalid")
            settings = settings_for(proxy, base_url="http://onlive.invalid", allow_http=True, max_attempts=1)
            with OnliveClient(settings) as client, pytest.raises(errors.OnliveConnectError):
                client.get_service(ID)
        assert proxy.connections == 0

    def test_what_is_meant_for_this_machine_never_goes_to_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer(OK) as server, LoopbackServer() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            with OnliveClient(settings_for(server)) as client:
                client.get_service(ID)
        assert len(server.requests) == 1
        assert proxy.connections == 0

    @pytest.mark.parametrize(
        "address",
        [
            "http://user:geheim@",
            "http://user:geheim@a..b:1",
            "http://user:geheim@127.0.0.1:port",
            "http://user:geheim@127.0.0.1:0",
            "http://user:gehe[im@127.0.0.1:9",
            "http://user:gehe#im@127.0.0.1:9",
            "ftp://user:geheim@127.0.0.1:9",
        ],
    )
    def test_a_malformed_proxy_is_refused_before_any_call_and_not_repeated(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTPS_PROXY", address)
        with pytest.raises(errors.OnliveConfigError) as refused:
            OnliveClient(Settings(fresh_credentials()))
        assert refused.value.setting == "HTTPS_PROXY"
        assert "gehe" not in str(refused.value)

    @pytest.mark.parametrize("scheme", ["http", "socks5"])
    def test_a_proxy_that_cannot_be_reached_is_a_connect_failure(
        self, scheme: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer() as proxy:
            pass
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://user:geheim@{proxy.host}")
        clock = FakeClock()
        with (
            OnliveClient(Settings(fresh_credentials(), max_attempts=2), clock=clock) as client,
            pytest.raises(errors.OnliveConnectError, match=r"proxy settings") as failed,
        ):
            client.update_service(ID, {"name": "x"})
        assert len(clock.waits) == 1
        assert "geheim" not in str(failed.value)
