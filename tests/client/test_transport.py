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
from typing import Any

import certifi
import pytest

from onlive_provider import errors
from onlive_provider.client.settings import Settings
from tests.client.drivers import connect
from tests.loopback import (
    CLOSE,
    ID,
    RESET,
    SILENCE,
    Cut,
    FakeClock,
    LoopbackServer,
    fresh_credentials,
    reply,
    settings_for,
)

CERTIFICATES = Path(__file__).parent / "certificates"
"""A key and a certificate for 127.0.0.1 that signs itself, valid for a hundred years."""
RECORD = {"id": ID, "name": "x"}
OK = reply(200, RECORD)
pytestmark = pytest.mark.usefixtures("each_driver")
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


@contextmanager
def tunnel_to(server: LoopbackServer) -> Iterator[str]:
    """Run a proxy whose every tunnel leads to one server, and give its host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    asked = b""
                    while not asked.endswith(b"\r\n\r\n"):
                        asked += near.recv(1)
                    near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    far = socket.create_connection(("127.0.0.1", server.port))
                    threading.Thread(target=pump, args=(near, far), daemon=True).start()
                    threading.Thread(target=pump, args=(far, near), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


class TestTls:
    def test_an_untrusted_certificate_is_refused_after_one_attempt_and_nothing_is_sent(
        self, tls: ssl.SSLContext
    ) -> None:
        clock = FakeClock()
        with (
            LoopbackServer(OK, tls=tls) as server,
            connect(settings_for(server), clock=clock) as client,
            pytest.raises(
                errors.OnliveTlsError,
                match=r"handshake failed: SSL\w*Error: .*self-signed certificate.*REQUESTS_CA_BUNDLE",
            ) as refused,
        ):
            client.put_service(ID, {"name": "x"})
        assert (server.requests, server.connections) == ([], 1)
        assert clock.waits == []
        assert (refused.value.attempts, refused.value.retryable) == (1, False)

    def test_a_certificate_of_the_ca_bundle_in_the_environment_is_trusted(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        with LoopbackServer(OK, tls=tls) as server, connect(settings_for(server)) as client:
            monkeypatch.delenv("REQUESTS_CA_BUNDLE")
            assert client.get_service(ID) == RECORD

    def test_a_ca_bundle_may_be_a_folder(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        named_by_its_subject = tmp_path / "69cc7227.0"  # As `openssl rehash` does.
        named_by_its_subject.write_bytes((CERTIFICATES / "certificate.pem").read_bytes())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
        with LoopbackServer(OK, tls=tls) as server, connect(settings_for(server)) as client:
            assert client.get_service(ID) == RECORD

    def test_a_trusted_certificate_of_another_host_is_refused(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        with LoopbackServer(OK, tls=tls) as server:
            settings = settings_for(server, base_url=f"https://localhost:{server.port}")
            with connect(settings) as client, pytest.raises(errors.OnliveTlsError, match="localhost"):
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
            connect(settings_for(server))

    def test_a_ca_bundle_that_holds_no_certificate_is_a_tls_error(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "bundle.pem").write_text("nothing")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "bundle.pem"))
        with (
            LoopbackServer(OK, tls=tls) as server,
            pytest.raises(errors.OnliveTlsError, match="REQUESTS_CA_BUNDLE"),
            connect(settings_for(server)) as client,
        ):
            client.get_service(ID)
        assert server.requests == []

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_with_verify_off_any_certificate_will_do_whatever_the_environment_says(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        with LoopbackServer(OK, tls=tls) as server, connect(settings_for(server, verify=False)) as client:
            assert client.get_service(ID) == RECORD

    def test_a_server_that_speaks_no_tls_is_a_tls_error(self) -> None:
        with (
            no_tls_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (settings, greetings),
            connect(settings, clock=FakeClock()) as client,
            pytest.raises(errors.OnliveTlsError),
        ):
            client.put_service(ID, {"name": "x"})
        assert len(greetings) == 1

    @pytest.mark.parametrize("reset", [True, False])
    def test_a_handshake_that_is_cut_off_is_a_fault_of_the_network_and_tried_again(self, reset: bool) -> None:
        with (
            no_tls_server(b"", reset=reset) as (settings, greetings),
            connect(settings, clock=FakeClock()) as client,
            pytest.raises(errors.OnliveConnectError),
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
            with connect(settings, clock=FakeClock()) as client:
                client.put_service(ID, {"name": "x"})
            thread.join(5)
        assert methods == [b"PUT", b"GET"]

    def test_a_write_over_tls_that_is_cut_off_is_looked_up(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        for fault in (CLOSE, RESET, Cut(reply(200, {"id": ID})[:-3])):
            with (
                LoopbackServer(fault, reply(200, {"id": ID, "name": "x"}), tls=tls) as server,
                connect(settings_for(server), clock=FakeClock()) as client,
            ):
                client.put_service(ID, {"name": "x"})
            assert server.methods == ["PUT", "GET"]


class TestProxies:
    def test_the_environments_proxy_is_used_and_resolved_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer(OK, OK) as proxy, LoopbackServer() as other:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            settings = settings_for(proxy, base_url="http://onlive.test", allow_http=True)
            with connect(settings) as client:
                client.get_service(ID)
                monkeypatch.setenv("HTTP_PROXY", other.url)
                client.get_service(ID)
        assert [request.target for request in proxy.requests] == [f"http://onlive.test/api/v1/services/{ID}"] * 2
        assert proxy.requests[0].header("Host") == "onlive.test"
        assert other.connections == 0

    def test_a_proxy_may_be_given_without_its_scheme_and_with_credentials(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(OK, OK) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"user:geh%65im@{proxy.host}")
            settings = settings_for(proxy, base_url="http://onlive.test", allow_http=True)
            with connect(settings) as client:
                client.get_service(ID)
                client.get_service(ID)
        assert (len(proxy.requests), proxy.connections) == (2, 1)
        for request in proxy.requests:
            assert request.header("Proxy-Authorization") == "Basic dXNlcjpnZWhlaW0="
            assert (request.header("Authorization") or "").startswith("ONLIVESITE Credential:")

    def test_an_https_call_goes_through_a_tunnel_in_which_the_proxy_sees_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(reply(407)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:geheim@{proxy.host}")
            settings = settings_for(proxy, base_url="https://onlive.test", max_attempts=1)
            with connect(settings) as client, pytest.raises(errors.OnliveConnectError, match="407") as failed:
                client.put_service(ID, {"name": "x"})
        (request,) = proxy.requests
        assert (request.method, request.target) == ("CONNECT", "onlive.test:443")
        assert request.header("Proxy-Authorization") == "Basic dXNlcjpnZWhlaW0="
        assert request.header("Authorization") is None
        assert "geheim" not in str(failed.value)

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_inside_the_tunnel_the_server_is_checked_and_sees_no_proxy_credentials(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
        with LoopbackServer(OK, tls=tls) as server, tunnel_to(server) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:geheim@{proxy}")
            with connect(settings_for(server, base_url="https://onlive.test")) as client:
                with pytest.raises(errors.OnliveTlsError, match=r"onlive\.test"):
                    client.get_service(ID)
                assert server.requests == []
            with connect(settings_for(server, base_url="https://onlive.test", verify=False)) as client:
                assert client.get_service(ID) == RECORD
        (request,) = server.requests
        assert request.header("Proxy-Authorization") is None
        assert request.header("Host") == "onlive.test"
        assert request.target == f"/api/v1/services/{ID}"

    @pytest.mark.parametrize("fault", [CLOSE, RESET, Cut(b"garbage\r\n\r\n")])
    def test_a_proxy_that_opens_no_tunnel_is_a_fault_of_the_network(
        self, fault: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(*[fault] * 2) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            settings = settings_for(proxy, base_url="https://onlive.test", max_attempts=2)
            with (
                connect(settings, clock=FakeClock()) as client,
                pytest.raises(errors.OnliveConnectError),
            ):
                client.get_service(ID)
        assert proxy.methods == ["CONNECT"] * 2

    def test_a_proxy_that_never_answers_is_given_the_time_of_a_connection(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(SILENCE) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            settings = settings_for(proxy, base_url="https://onlive.test", timeout=0.2, max_attempts=1)
            with (
                connect(settings) as client,
                pytest.raises(errors.OnliveConnectError, match=r"timeout=0\.2"),
            ):
                client.get_service(ID)
        assert proxy.methods == ["CONNECT"]

    def test_a_proxy_that_is_reached_over_tls_is_checked_like_a_server(
        self, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer(OK, tls=tls) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            settings = settings_for(proxy, base_url="http://onlive.test", allow_http=True, max_attempts=1)
            with (
                connect(settings) as client,
                pytest.raises(errors.OnliveTlsError, match="self-signed certificate"),
            ):
                client.get_service(ID)
            assert proxy.requests == []
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "certificate.pem"))
            with connect(settings) as client:
                assert client.get_service(ID) == RECORD

    def test_no_proxy_hosts_are_reached_without_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", ".invalid")
            settings = settings_for(proxy, base_url="http://onlive.invalid", allow_http=True, max_attempts=1)
            with connect(settings) as client, pytest.raises(errors.OnliveConnectError):
                client.get_service(ID)
        assert proxy.connections == 0

    def test_what_is_meant_for_this_machine_never_goes_to_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer(OK) as server, LoopbackServer() as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            with connect(settings_for(server)) as client:
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
            connect(Settings(fresh_credentials()))
        assert refused.value.setting == "HTTPS_PROXY"
        assert "gehe" not in str(refused.value)

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
    @pytest.mark.parametrize("scheme", ["socks4", "socks4a", "socks5", "socks5h"])
    def test_a_socks_proxy_is_refused_before_any_call(
        self, scheme: str, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with LoopbackServer() as proxy:
            monkeypatch.setenv(name, f"{scheme}://user:geheim@{proxy.host}")
            with pytest.raises(errors.OnliveConfigError, match="is a SOCKS proxy") as refused:
                connect(Settings(fresh_credentials()))
        assert refused.value.setting == name
        assert "geheim" not in str(refused.value)
        assert proxy.connections == 0

    def test_a_proxy_that_cannot_be_reached_is_a_connect_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with LoopbackServer() as proxy:
            pass
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:geheim@{proxy.host}")
        clock = FakeClock()
        with (
            connect(Settings(fresh_credentials(), max_attempts=2), clock=clock) as client,
            pytest.raises(errors.OnliveConnectError, match=r"proxy settings") as failed,
        ):
            client.put_service(ID, {"name": "x"})
        assert len(clock.waits) == 1
        assert "geheim" not in str(failed.value)
