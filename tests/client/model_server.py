"""The API as a dict and a driver without a socket: flows run against it step by step."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from onlive_provider.client.budget.budget import Budgets
from onlive_provider.client.budget.process import ProcessBudget
from onlive_provider.client.flows import Flows
from onlive_provider.client.protocol import Answer, Failure, Request
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials
from onlive_provider.client.steps import Flow, Note, Send, Wait, Writing
from onlive_provider.models.changes import Change
from tests.loopback import ID, SECRET, FakeClock

T = TypeVar("T")
UNREADABLE = ("agentComment", "classification")


def merged(record: Mapping[str, Any], patch: Mapping[str, Any], object_updates: str) -> dict[str, Any]:
    """Return a record after a patch, as the API reference has it: null clears, arrays are replaced."""
    after = copy.deepcopy(dict(record))
    for name, value in copy.deepcopy(dict(patch)).items():
        if object_updates == "merge" and isinstance(value, dict) and name in ("extraFields", "event"):
            after[name] = {**(after.get(name) or {}), **value}
        else:
            after[name] = value
    return after


class ModelServer:
    """One record, and answers that come before the model's own.

    :param script: what to answer instead, in order; ``None`` lets the model answer.
    """

    def __init__(self, record: Mapping[str, Any], *script: Answer | Failure | None, object_updates: str = "merge"):
        self.record = {"id": ID, "updatedAt": "2025-03-09T11:00:00.000Z", **record}
        self.requests: list[Request] = []
        self.writings: list[Change] = []
        self.waits: list[float] = []
        self.notes: list[str] = []
        self.clock = FakeClock()
        self.object_updates = object_updates
        self._script = list(script)

    @property
    def writes(self) -> list[dict[str, Any]]:
        return [json.loads(request.body or b"") for request in self.requests if request.method == "PUT"]

    def flows(self, **changes: Any) -> Flows:
        settings = Settings(Credentials("AKID", SECRET), object_updates=self.object_updates, **changes)  # type: ignore[arg-type]
        return Flows(settings, Budgets(ProcessBudget(1000), ProcessBudget(100)), self.clock, lambda: 0.5)

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow to its end."""
        outcome: Answer | Failure | None = None
        while True:
            try:
                step = flow.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            outcome = None
            if isinstance(step, Send):
                outcome = self._answer(step.request)
            elif isinstance(step, Wait):
                self.waits.append(step.seconds)
                self.notes.append(step.why)
                self.clock.move(step.seconds)
            elif isinstance(step, Note):
                self.notes += step.lines()
            else:
                assert isinstance(step, Writing)
                self.writings.append(step.change)

    def _answer(self, request: Request) -> Answer | Failure:
        self.requests.append(request)
        scripted = self._script.pop(0) if self._script else None
        if scripted is not None:
            return scripted
        if request.method == "PUT":
            patch = json.loads(request.body or b"")
            readable = {name: value for name, value in patch.items() if name not in UNREADABLE}
            self.record = merged(self.record, readable, self.object_updates)
            self.record["updatedAt"] = f"2025-03-09T12:00:{len(self.requests):02}.000Z"
        return answer(200, self.record)


def answer(status: int, document: Any = None, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps(document).encode())
