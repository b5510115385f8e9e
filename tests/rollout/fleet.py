"""A brand with many services in a sandbox, and a server in front of it that can refuse, or let somebody else edit."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.sync import OnliveClient
from onlive_provider.sandbox.server import Sandbox
from onlive_provider.seasons import Season
from tests.loopback import LoopbackServer, Recorded, reply

NAMESPACE = UUID("4f3c2b1a-0000-4000-8000-000000000000")
SUMMER = Season("summer", "2027-06-15", "2027-09-15", "Europe/Madrid")
SUMMER_RANGE = {"startDate": "2027-06-14T22:00:00.000Z", "endDate": "2027-09-15T21:59:59.000Z"}
SPRING_RANGE = {"startDate": "2027-02-28T23:00:00.000Z", "endDate": "2027-04-30T21:59:59.000Z"}
WHOLE_YEAR = {"startDate": "2026-12-31T23:00:00.000Z", "endDate": "2027-12-31T22:59:59.000Z"}


def service_id(number: int) -> str:
    return str(uuid5(NAMESPACE, str(number)))


def in_order(ids: list[str]) -> list[str]:
    """Order ids as batches take them, told apart from the code: by the hexadecimal SHA-256 of the id."""
    return sorted(ids, key=lambda each: hashlib.sha256(each.encode()).hexdigest())


def service(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": service_id(number), "name": f"Test drive {number}", "dateRanges": [SPRING_RANGE], **fields}


class Fleet:
    """The sandbox behind a server that records every call.

    :param before: called with each request before it reaches the sandbox; what it returns, if anything, is the answer.
    """

    def __init__(self, sandbox: Sandbox, front: LoopbackServer) -> None:
        self.sandbox = sandbox
        self.front = front
        self.before: list[Callable[[Recorded], Any]] = []
        front.otherwise = self._forward

    def connection(self) -> str:
        extra = {"reads_per_minute": 1_000_000, "writes_per_minute": 1_000_000, "max_attempts": 2}
        return json.dumps({**json.loads(self.sandbox.connection_json()), "host": self.front.url, "extra": extra})

    def _forward(self, request: Recorded) -> Any:
        for rule in self.before:
            answer = rule(request)
            if answer is not None:
                return answer
        onward = http.client.HTTPConnection("127.0.0.1", self.sandbox.port, timeout=10)
        try:
            onward.request(request.method, request.target, request.body or None, dict(request.headers))
            answer = onward.getresponse()
            return reply(answer.status, body=answer.read())
        finally:
            onward.close()

    def refuse(self, service_id: str, status: int = 422) -> None:
        """Answer every write of one service with an error."""
        error = {"statusCode": status, "message": "Validation failed"}
        error["errors"] = [{"field": "dateRanges", "message": "Branch is closed for works"}]

        def rule(request: Recorded) -> Any:
            return reply(status, error) if request.method == "PUT" and request.path.endswith(service_id) else None

        self.before.append(rule)

    def once(self, when: Callable[[Recorded], bool], act: Callable[[], None]) -> None:
        """Do something right before the first request that meets a condition goes on."""
        waiting = [act]

        def rule(request: Recorded) -> None:
            if waiting and when(request):
                waiting.pop()()

        self.before.append(rule)

    def edit(self, service_id: str, **fields: Any) -> None:
        """Change a service as another person would, not through the server in front."""
        credentials = Credentials(self.sandbox.access_key_id, self.sandbox.secret_access_key)
        with OnliveClient(Settings(credentials=credentials, base_url=self.sandbox.url)) as client:
            client.put_service(service_id, fields)

    def record(self, service_id: str) -> dict[str, Any]:
        return self.sandbox.record("services", service_id)

    def ranges(self) -> dict[str, Any]:
        return {each["id"]: each["dateRanges"] for each in self.sandbox.records("services")}

    def written(self) -> list[str]:
        """The services of the writes that the sandbox took, in order."""
        return [
            call["path"].rpartition("/")[2]
            for call in self.sandbox.calls()
            if call["method"] == "PUT" and call["status"] == 200
        ]


@contextmanager
def fleet(folder: Path, services: list[dict[str, Any]], calendars: tuple[dict[str, Any], ...] = ()) -> Iterator[Fleet]:
    seed = {
        "id": "0d7f3f5e-3f0e-4a3e-9a54-3a6d3b2f4c11",
        "name": "Fleet",
        "accessKeyId": "fleet",
        "secretAccessKey": "only-for-the-sandbox",
        "calendars": list(calendars),
        "services": services,
    }
    path = folder / "seed.json"
    path.write_text(json.dumps({"organizations": [seed]}))
    with Sandbox(seed_file=path) as sandbox, LoopbackServer() as front:
        yield Fleet(sandbox, front)
