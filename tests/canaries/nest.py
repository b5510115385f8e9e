"""Guests, a comment and a secret that stand nowhere else, and the search for them in all that a run leaves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.bulk.server import Answer, ManyRecords, Seen
from tests.loopback import fresh_credentials

EMAIL, STORED_EMAIL = "Wren.Given@nest.example", "finch.stored@nest.example"
PHONE, STORED_PHONE = "+34 699 111 222", "+34699333444"
COMMENT = "prefers to be called Birdie"
SECRET = "wrenSecret/Key+1"
TRACES = ("wren", "finch", "nest.example", "699 111", "699111", "699333", "birdie")
"""In lower case."""

PAYLOAD = {
    "title": "Visit",
    "guests": [{"email": EMAIL, "extraFields": {"phone": PHONE}}],
    "extraFields": {EMAIL: 1, "mobile": PHONE, "note": f"ask {EMAIL}"},
    "description": f"Call {PHONE}",
    "agentComment": COMMENT,
}
STORED = {
    "guests": [{"email": STORED_EMAIL, "extraFields": {"phone": STORED_PHONE}}],
    "extraFields": {"note": f"Call {STORED_PHONE}", STORED_EMAIL: 1},
    "description": f"<{STORED_EMAIL}>",
    "start": "2030-03-10T08:00:00.000Z",
    "end": "2030-03-10T08:30:00.000Z",
}


def traces(what: bytes | str) -> list[str]:
    """Return what of a canary is found in a text."""
    text = what.decode("utf-8", "replace") if isinstance(what, bytes) else what
    return [each for each in TRACES if each in text.lower()]


def traces_in(folders: Iterable[Path]) -> dict[str, list[str]]:
    """Return what is found in the files of folders and in their names."""
    files = [file for folder in folders for file in folder.rglob("*")]
    found = {str(file): traces(str(file)) + (traces(file.read_bytes()) if file.is_file() else []) for file in files}
    return {name: each for name, each in found.items() if each}


def connection_to(server: ManyRecords) -> str:
    extra = {"reads_per_minute": 100_000, "writes_per_minute": 100_000, "timeout": 0.5, "budget_scope": "process"}
    login = fresh_credentials().access_key_id
    return json.dumps({"conn_type": "onlive", "login": login, "password": SECRET, "host": server.url, "extra": extra})


def echo(status: int, seen: Seen) -> Answer:
    """Refuse a request in words that hold all of it and of the record."""
    everything = f"{json.dumps(seen.patch)} {json.dumps(STORED)}"
    errors: list[Any] = [{"field": f"guests[{EMAIL}]", "message": everything}, everything, {"message": seen.patch}]
    document = {"statusCode": status, "message": everything, "errors": errors}
    return status, document, {"X-Guest": EMAIL, "Set-Cookie": f"x,{EMAIL}={PHONE}"}


def refuse_writes(server: ManyRecords, status: int) -> None:
    server.before = lambda seen: echo(status, seen) if seen.method == "PUT" else None


def lose_first_answer(server: ManyRecords) -> None:
    lost: list[Seen] = []

    def after(seen: Seen) -> Answer:
        if seen.method == "PUT" and not lost:
            lost.append(seen)
            return ManyRecords.SILENT
        return None

    server.after = after
