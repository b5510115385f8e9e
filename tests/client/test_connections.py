"""Which connection a request leaves on, and what a server may do to one without being believed."""

from __future__ import annotations

import gc
import os
import threading
import time
from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.sync import OnliveClient
from tests.client.drivers import connect
from tests.loopback import CLOSE, ID, OTHER_ID, RESET, Cut, FakeClock, LoopbackServer, Recorded, reply, settings_for

FIRST = {"id": ID, "title": "First", "updatedAt": "2025-03-09T11:00:00.000Z"}
SECOND = {"id": OTHER_ID, "title": "Second", "updatedAt": "2025-03-09T11:00:00.000Z"}
BOTH = {ID: FIRST, OTHER_ID: SECOND}

each_driver = pytest.mark.usefixtures("each_driver")


def client_for(server: LoopbackServer, **changes: Any) -> Any:
    return connect(settings_for(server, **changes), clock=FakeClock(), random=lambda: 0.5)


def asked_for(request: Recorded) -> bytes:
    return reply(200, BOTH[request.path.rpartition("/")[2]])


def interim(status: int) -> bytes:
    return f"HTTP/1.1 {status} Interim\r\nLink: </style.css>; rel=preload\r\n\r\n".encode()


@each_driver
@pytest.mark.parametrize("before", [interim(100), interim(102), interim(103), interim(103) * 3 + interim(100)])
def test_what_comes_before_an_answer_is_not_the_answer(before: bytes) -> None:
    with LoopbackServer() as server, client_for(server) as client:
        server.otherwise = lambda request: before + asked_for(request)
        for _ in range(3):
            assert client.get_appointment(ID) == FIRST
            assert client.get_appointment(OTHER_ID) == SECOND
    assert len(server.requests) == 6


@each_driver
@pytest.mark.parametrize("status", [b"101 Switching Protocols", b"099 Early", b"000 Nothing"])
def test_a_status_that_is_no_answer_leaves_the_fate_of_a_write_unknown(status: bytes) -> None:
    odd = Cut(b"HTTP/1.1 " + status + b"\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
    with LoopbackServer(odd, reply(200, {**FIRST, "updatedAt": "2025-03-09T12:00:00.000Z"})) as server:
        with client_for(server) as client:
            client.put_appointment(ID, {"title": "First"})
        assert server.methods == ["PUT", "GET"]
        assert server.connections == 2


@each_driver
@pytest.mark.parametrize(
    "unasked", [reply(200, FIRST), reply(200, {**FIRST, "title": "Old"}), b"garbage\r\n\r\n", b"\r"]
)
def test_what_a_server_sends_unasked_is_nobodys_answer(unasked: bytes) -> None:
    """The second answer is there before the next request leaves."""
    with LoopbackServer(lambda request: asked_for(request) + unasked) as server, client_for(server) as client:
        server.otherwise = asked_for
        assert client.get_appointment(ID) == FIRST
        assert client.get_appointment(ID) == FIRST
        assert client.get_appointment(OTHER_ID) == SECOND
    assert len(server.requests) in (3, 4), "an answer with garbage behind it may be asked for again"


@each_driver
@pytest.mark.parametrize("unasked", [reply(200, {**FIRST, "title": "Old"}), b"garbage\r\n\r\n", b"HTTP/1.1 200"])
def test_what_a_server_sends_while_nobody_waits_is_nobodys_answer(unasked: bytes) -> None:
    class TalkativeServer(LoopbackServer):
        def _give(self, connection: Any, request: Recorded) -> bool:
            kept.append(connection)
            return super()._give(connection, request)

    kept: list[Any] = []
    with TalkativeServer() as server, client_for(server, max_attempts=1) as client:
        server.otherwise = asked_for
        assert client.get_appointment(ID) == FIRST
        kept[0].sendall(unasked)
        time.sleep(0.1)
        assert client.get_appointment(ID) == FIRST
        assert client.get_appointment(OTHER_ID) == SECOND
    assert len(server.requests) == 3


@each_driver
def test_a_connection_whose_answer_was_another_records_is_not_used_again() -> None:
    with LoopbackServer(reply(200, SECOND)) as server, client_for(server) as client:
        server.otherwise = asked_for
        assert client.get_appointment(ID) == FIRST
        assert server.methods == ["GET", "GET"]
        assert client.get_appointment(ID) == FIRST
    assert server.connections == 3, "one for the doubtful answer, one for the attempt after it, one for later calls"


@each_driver
@pytest.mark.parametrize("fault", [CLOSE, RESET, Cut(b"HTTP/1.1 200 OK\r\nContent-Le")])
def test_an_attempt_after_a_lost_one_leaves_over_a_fresh_connection(fault: Any) -> None:
    """A server that drops every kept connection at its second request costs one attempt, and not all of them."""
    seen: dict[Any, int] = {}

    class DroppingServer(LoopbackServer):
        def _give(self, connection: Any, request: Recorded) -> bool:
            seen[connection] = seen.get(connection, 0) + 1
            self._script = [fault if seen[connection] > 1 else asked_for(request)]
            return super()._give(connection, request)

    with DroppingServer() as server, client_for(server, max_attempts=2) as client:
        for _ in range(5):
            assert client.get_appointment(ID) == FIRST


@each_driver
@pytest.mark.parametrize(
    "endless",
    [
        interim(100),
        b"X-Drip: 1\r\n",
        b" ",
    ],
)
def test_an_answer_that_never_ends_is_given_up_after_twice_the_time_allowed_for_its_parts(endless: bytes) -> None:
    over = threading.Event()

    class DrippingServer(LoopbackServer):
        def _give(self, connection: Any, request: Recorded) -> bool:
            self.requests.append(request)
            head = b"" if endless.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n"
            connection.sendall(head if endless != b" " else head + b"Content-Length: 99999\r\n\r\n{")
            while not over.wait(0.02):
                connection.sendall(endless)
            return False

    began = time.monotonic()
    with DrippingServer() as server:
        with client_for(server, timeout=0.3, max_attempts=1) as client, pytest.raises(errors.OnliveNoAnswerError):
            client.get_appointment(ID)
        over.set()
    assert time.monotonic() - began < 30, "not a measurement: without the bound it would never end"


def test_a_client_that_is_dropped_without_being_closed_leaves_no_thread_behind() -> None:
    with LoopbackServer(reply(200, FIRST)) as server:
        client = OnliveClient(settings_for(server), clock=FakeClock())
        client.get_appointment(ID)
        assert "onlive" in {thread.name for thread in threading.enumerate()}
        del client
        gc.collect()
        assert server.all_closed(within=5.0)


def test_a_client_can_be_used_again_after_it_was_closed() -> None:
    with LoopbackServer(reply(200, FIRST), reply(200, FIRST)) as server:
        client = OnliveClient(settings_for(server), clock=FakeClock())
        for _ in range(2):
            assert client.get_appointment(ID) == FIRST
            client.close()
    assert server.connections == 2


def test_a_forked_process_opens_connections_of_its_own() -> None:
    with LoopbackServer(reply(200, FIRST), reply(200, FIRST)) as server:
        with OnliveClient(settings_for(server), clock=FakeClock()) as client:
            client.get_appointment(ID)
            child = os.fork()
            if child == 0:
                try:
                    os._exit(0 if client.get_appointment(ID) == FIRST else 1)
                finally:
                    os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert server.connections == 2


def test_many_threads_share_one_client() -> None:
    found: list[Any] = []
    with LoopbackServer() as server:
        server.otherwise = asked_for
        with client_for(server) as client:
            threads = [threading.Thread(target=lambda: found.append(client.get_appointment(ID))) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
    assert found == [FIRST] * 8


def test_closing_a_client_ends_its_thread() -> None:
    others = set(threading.enumerate())
    with LoopbackServer(asked_for) as server, OnliveClient(settings_for(server)) as client:
        client.get_appointment(ID)
        (own,) = (thread for thread in threading.enumerate() if thread.name == "onlive" and thread not in others)
    own.join(5)
    assert not own.is_alive()


@each_driver
def test_a_long_answer_arrives_whole() -> None:
    long = {**FIRST, "description": "x" * 300_000}
    with LoopbackServer(reply(200, long)) as server, client_for(server) as client:
        assert client.get_appointment(ID) == long
