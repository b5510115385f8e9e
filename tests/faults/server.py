"""A booking API on raw sockets that fails as a row of the table says, and keeps everything that it received."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.answers import FRAMING, Pause, Right, pieces
from tests.faults.certificates import HOST, server_context
from tests.faults.clock import FaultClock
from tests.faults.records import IDS, TARGET, Records
from tests.faults.wire import Link, Request, answer, encoded, parse, refusal

LATE = 3.0
"""Clock seconds after which a late write is carried out."""
GARBAGE = b"\x99\x88 this is not TLS \x00\x01" * 4
ALERT = b"\x15\x03\x03\x00\x02\x02\x50"
"""A TLS alert, fatal, internal error, sent without encryption."""
REALLY = 8.0
"""Real seconds after which a run is broken off."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A request that came in.

    :param link: the connection on which it came, from 1; ``place`` its place there, from 1.
    :param refused: why its signature was refused.
    :param fault: the fault that it met.
    :param at: clock seconds since the run began.
    """

    request: Request
    link: int
    place: int
    refused: str
    fault: dict[str, Any] | None
    at: float

    @property
    def is_lost(self) -> bool:
        """Whether it got no whole answer."""
        return self.fault is not None and bool(
            {"nothing", "cut", "drip"} & set(self.fault) or self.fault.get("then") in ("reset", "garbage", "alert")
        )

    @property
    def is_unexpected(self) -> bool:
        """Whether its answer leaves the connection in no known state."""
        if self.fault is None or self.fault.get("usable"):
            return False
        return bool(set(FRAMING) & set(self.fault)) or self.fault.get("then", "keep") != "keep"


@dataclass(kw_only=True)
class FaultServer:
    """The server; use it in a ``with`` block.

    :param faults: rows' faults, the first that meets a request counts.
    :param via: how clients come: ``direct``, ``tls``, ``proxy`` (this is the proxy too) or ``tunnel`` (so it is).
    :param skew: seconds by which its clock is ahead of the true time.
    :param date: what its ``Date`` says where no fault says otherwise.
    :param reads_first: how many reads of the target come before its first write when all is well.
    :param partial: for each write that came in part, how many whole requests came before it.
    :param on_break: called when the run is broken off, to end a client that waits for ever.
    :param someone: what somebody else does to a record, by name.
    """

    records: Records
    clock: FaultClock
    faults: list[dict[str, Any]]
    key: str
    secret: str
    via: str = "direct"
    skew: float = 0.0
    date: Any = "right"
    reads_first: int = 1
    someone: dict[str, Callable[[Records], None]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    partial: list[int] = field(default_factory=list)
    connections: int = 0
    hung: bool = False
    on_break: Callable[[], None] = lambda: None

    def __enter__(self) -> FaultServer:
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._links: set[Link] = set()
        self._threads: list[threading.Thread] = []
        self._broken: list[BaseException] = []
        self._fillers: list[socket.socket] = []
        self._connect_faults: list[dict[str, Any]] = []
        self._partial_fault: dict[str, Any] | None = None
        self._listener: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.clock.on_wait = self._listen_again
        self._watchdog = threading.Timer(REALLY, self._break_off)
        self._watchdog.daemon = True
        self._watchdog.start()
        self._start(self._accept, self._listener)
        for each in self.faults:
            if "connect" in each and each["at"] in ("first connection", "every connection"):
                self._arm(each)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watchdog.cancel()
        self._stop_listening()
        for each in self._fillers:
            each.close()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.abort()
        for thread in self._threads:
            thread.join(5)
        self.records.settle(everything=True)
        if self._broken:
            raise self._broken[0]

    @property
    def url(self) -> str:
        """The address for the Connection."""
        return {
            "direct": f"http://127.0.0.1:{self.port}",
            "tls": f"https://127.0.0.1:{self.port}",
            "proxy": f"http://{HOST}",
            "tunnel": f"https://{HOST}",
        }[self.via]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to it."""
        proxy = f"http://127.0.0.1:{self.port}"
        return {"proxy": {"HTTP_PROXY": proxy}, "tunnel": {"HTTPS_PROXY": proxy}}.get(self.via, {})

    def calls(self, method: str, name: str | None = None) -> list[Seen]:
        """Return the calls that were signed as they should."""
        return [
            each
            for each in self.seen
            if each.request.method == method and not each.refused and name in (None, each.request.id)
        ]

    def _note(self, link: int | None, text: str) -> None:
        where = "  " if link is None else f"#{link}"
        self.transcript.append(f"{self.clock.monotonic():7.1f} s {where} {text}")

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _break_off(self) -> None:
        self.hung = True
        self._note(None, f"broken off after {REALLY:g} real seconds")
        self._over.set()
        self._stop_listening()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.abort()
        self.on_break()

    # Listening

    def _accept(self, listener: socket.socket) -> None:
        while not self._over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                link = Link(self.connections, connection)
                self._links.add(link)
            self._start(self._serve, link)

    def _stop_listening(self) -> None:
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _listen_again(self) -> None:
        if any(each["connect"] in ("refused", "silent") and each["at"] == "every connection" for each in self._armed()):
            return
        for each in self._fillers:
            each.close()
        self._fillers.clear()
        with self._lock:
            if self._listener is not None or self._over.is_set():
                return
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self._note(None, "the server listens again")
            self._start(self._accept, self._listener)

    def _armed(self) -> list[dict[str, Any]]:
        return [each for each in self.faults if "connect" in each]

    def _arm(self, fault: dict[str, Any]) -> None:
        """Let the next connection meet a fault."""
        if fault["connect"] == "refused":
            self._stop_listening()
            self._note(None, "the server does not listen")
        elif fault["connect"] == "silent":
            self._stop_listening()
            self._note(None, "the server accepts no connection")
            full = socket.socket()
            full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            full.bind(("127.0.0.1", self.port))
            full.listen(0)
            self._fillers.append(full)
            for _ in range(2):
                filler = socket.socket()
                filler.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    filler.connect(("127.0.0.1", self.port))
                self._fillers.append(filler)
        else:
            self._connect_faults.append(fault)

    # One connection

    def _serve(self, link: Link) -> None:
        try:
            with self._lock:
                fault = self._connect_faults[0] if self._connect_faults else None
                if fault is not None and fault["at"] != "every connection":
                    self._connect_faults.pop(0)
            tunnel = self.via == "tunnel"
            if fault is not None and not self._meet(link, fault, tunnel=tunnel):
                return
            context = server_context(fault["certificate"] if fault and "certificate" in fault else "right")
            if fault is None and tunnel and not self._open_tunnel(link):
                return
            if self.via in ("tls", "tunnel"):
                link.start_tls(context)
            while (raw := link.read_head(limit=self._limit())) and self._take(link, raw):
                pass
        except (OSError, ssl.SSLError) as error:
            self._note(link.number, f"ended by the client ({type(error).__name__})")
        except BaseException as error:
            self._broken.append(error)
        finally:
            link.close()
            with self._lock:
                self._links.discard(link)

    def _open_tunnel(self, link: Link) -> bool:
        raw = link.read_head()
        if not raw.startswith(b"CONNECT "):
            self._note(link.number, f"no CONNECT but {raw[:40]!r}")
            return False
        link.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True

    def _meet(self, link: Link, fault: dict[str, Any], *, tunnel: bool) -> bool:
        """Do to a new connection what a fault says; return whether it goes on."""
        kind = fault["connect"]
        self._note(link.number, f"connected: {kind}")
        if kind == "reset":
            link.reset()
            return False
        if kind == "close":
            return False
        if kind == "certificate":
            return not tunnel or self._open_tunnel(link)
        if kind == "nothing":
            link.wait_for_the_client()
            return False
        if tunnel:
            raw = link.read_head()
            assert raw.startswith(b"CONNECT "), raw
            link.send(fault.get("tunnel", "HTTP/1.1 200 Connection established\r\n\r\n").encode("latin-1"))
            if kind == "tunnel":
                if fault.get("then") == "reset":
                    link.reset()
                elif fault.get("then") == "silence":
                    link.wait_for_the_client()
                return False
        link.send(GARBAGE if kind == "garbage" else kind.encode("latin-1"))
        return False

    def _limit(self) -> Callable[[bytes], int] | None:
        fault = self._partial_fault
        if fault is None:
            return None

        def limit(came: bytes) -> int:
            end = came.find(b"\r\n\r\n") + 4
            if fault["bytes"] == "the head":
                return end if end > 3 else len(came) + 1
            if fault["bytes"] == "all but one byte":
                length = int(came.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                return end + length - 1 if end > 3 else len(came) + 1
            return int(fault["bytes"].split()[0])

        return limit

    # One request

    def _take(self, link: Link, raw: bytes) -> bool:
        """Answer one request; return whether the connection goes on."""
        link.requests += 1
        with self._lock:
            if self._partial_fault is not None:
                fault, self._partial_fault = self._partial_fault, None
                self.partial.append(len(self.seen))
                self._note(link.number, f"{len(raw)} bytes of {raw[:3].decode()}, then {fault['then']}")
                link.reset() if fault["then"] == "reset" else None
                return False
            request = parse(raw)
            why = refusal(request, self.key, self.secret, self.clock.true_time() + self.skew)
            found = self._fault(request, link)
            seen = Seen(request, link.number, link.requests, why, found, self.clock.monotonic())
            self.seen.append(seen)
            closes = self._arm_for(request)
            right = self._carry_out(request, found, why)
        if found is None:
            headers = ["Connection: close"] if closes else []
            told = {"status": right.status, "json": right.document, "date": self.date, "headers": headers}
            self._log(seen, f"{right.status}{' ' + why if why else ''}")
            for piece in pieces(told, right):
                assert isinstance(piece, bytes)
                link.send(piece)
            return not closes
        self._log(seen, _told(found))
        if "closes_after" in found:
            link.send(
                answer(right.status, [f"Content-Length: {len(encoded(right.document))}"], encoded(right.document))
            )
            return False
        try:
            for piece in pieces({"date": self.date, **found}, right):
                if isinstance(piece, Pause):
                    if self._over.wait(piece.seconds):
                        return False
                else:
                    link.send(piece)
        finally:
            self._jump(found)
        return self._end(link, found.get("then", "keep"))

    def _end(self, link: Link, then: str) -> bool:
        if then == "keep":
            return True
        if then == "silence":
            link.wait_for_the_client()
        elif then == "reset":
            time.sleep(0.01)  # A reset overtakes bytes that the client has not read.
            link.reset()
        elif then in ("alert", "garbage"):
            link.send_below_tls(ALERT if then == "alert" else GARBAGE)
            link.wait_for_the_client()
        elif then == "close_notify":
            link.end_tls()
        return False

    def _log(self, seen: Seen, answered: str) -> None:
        request = seen.request
        body = f" {len(request.body)} bytes" if request.body else ""
        self._note(seen.link, f"{request.method} {request.path[-12:]}{body} -> {answered}")

    def _jump(self, fault: dict[str, Any]) -> None:
        if "jump" in fault:
            self.clock.jump(fault["jump"])

    def _arm_for(self, request: Request) -> bool:
        """Prepare what the request after this one meets; return whether this connection closes after its answer."""
        reads = len(self.calls("GET", TARGET))
        if request.method != "GET" or request.id != TARGET or reads != self.reads_first:
            return False
        for each in self.faults:
            if each["at"] == "the write's connection":
                self._arm(each)
                return True
            if "bytes" in each:
                self._partial_fault = each
        return False

    def _fault(self, request: Request, link: Link) -> dict[str, Any] | None:
        met: dict[str, int] = {}
        for each in self.seen:
            if each.fault is not None:
                met[each.fault["number"]] = met.get(each.fault["number"], 0) + 1
        for fault in self.faults:
            if "connect" in fault or "bytes" in fault:
                continue
            if met.get(fault["number"], 0) < fault.get("times_met", 1_000_000) and self._meets(
                fault["at"], request, link
            ):
                return fault
        return None

    def _meets(self, on: str, request: Request, link: Link) -> bool:
        name = request.id
        writes, reads = len(self.calls("PUT", name)), len(self.calls("GET", name))
        is_write, is_target = request.method == "PUT", name == TARGET
        return {
            "write": is_write and is_target and writes == 0,
            "second write": is_write and is_target and writes == 1,
            "later writes": is_write and is_target and writes >= 1,
            "every write": is_write and is_target,
            "all writes": is_write,
            "read": not is_write and is_target and reads == 0,
            "read before the write": not is_write and is_target and reads == self.reads_first - 1,
            "every read": not is_write and is_target,
            "look-up": not is_write and is_target and writes == 1 and self._since_write(name) == 0,
            "every look-up": not is_write and is_target and writes >= 1,
            "a used connection": link.requests > 1,
            "every request": True,
            "every request from the write on": bool(self.calls("PUT", TARGET)) or (is_write and is_target),
        }[on]

    def _since_write(self, name: str) -> int:
        last = max((at for at, each in enumerate(self.seen) if each.request.method == "PUT"), default=0)
        return sum(each.request.method == "GET" and each.request.id == name for each in self.seen[last:])

    def _carry_out(self, request: Request, fault: dict[str, Any] | None, why: str) -> Right:
        now = self.clock.true_time() + self.skew
        other = self.records.shown(IDS[2]) if IDS[2] in self.records else {}
        made = "yes" if fault is None else fault.get("made", "no")
        if why:
            return Right(401, _own(401, "Invalid or missing authorization credentials"), other, now)
        name = request.id
        if name not in self.records:
            return Right(404, _own(404, "No such record"), other, now)
        if request.method == "PUT" and made in ("yes", "late"):
            self.records.write(name, json.loads(request.body), late=LATE if made == "late" else 0.0)
        document: Any = self.records.shown(name)
        if request.method == "PUT" and made != "yes":
            # What a proxy or a half-done write would answer is the record as it should be.
            document = {**document, **json.loads(request.body)}
        if fault is not None and "someone" in fault:
            self.someone[fault["someone"]](self.records)
            self._note(None, f"somebody else: {fault['someone']}")
        return Right(200, document, other, now)


def _own(status: int, message: str) -> Record:
    return {"statusCode": status, "message": message}


def _told(fault: dict[str, Any]) -> str:
    shown = {
        name: value
        for name, value in fault.items()
        if name not in ("at", "number", "made", "someone", "times_met", "usable")
    }
    return f"{', '.join(f'{name} {value!r:.60}' for name, value in shown.items())} (made: {fault.get('made', 'no')})"
