"""What the sandbox holds: organizations, calendars, services, appointments and its logs, in one SQLite database."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from onlive_provider.sandbox.clock import to_text

Kind = Literal["appointments", "services"]
Log = Literal["notifications", "calls"]

_TABLES = """
CREATE TABLE IF NOT EXISTS organizations (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, access_key_id TEXT NOT NULL UNIQUE, secret_access_key TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS calendars (
    id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS services (
    id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, document TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS appointments (
    id TEXT PRIMARY KEY, organization_id TEXT NOT NULL, service_id TEXT, start_time TEXT NOT NULL,
    end_time TEXT NOT NULL, document TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS appointments_by_time ON appointments (organization_id, start_time);
CREATE TABLE IF NOT EXISTS notifications (number INTEGER PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, document TEXT NOT NULL);
"""


class StoreError(Exception):
    """The data file cannot be used."""


class Store:
    """One SQLite database, in a file or in memory, that any thread may use.

    :param path: a file that is made when it is missing; None for memory.
    :raises StoreError: the file cannot be opened or is no SQLite database.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._version = 0
        # SQLite would turn any empty file into a database of its own.
        if path is not None and path.is_file() and path.stat().st_size == 0:
            raise StoreError(f"{path}: cannot be used as the sandbox's data file: the file is empty; remove it")
        try:
            self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
            self._database.executescript(_TABLES)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: cannot be used as the sandbox's data file: {error}") from error

    @property
    def version(self) -> int:
        """A number that grows with every write and every logged call, so that a reader can see that nothing changed."""
        return self._version

    def close(self) -> None:
        """Close the database; what was in memory is gone."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        """Hold the database alone: all writes inside are kept together, or none if an error leaves the block.

        :param keep: False keeps none in any case.
        """
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:  # Ctrl-C too: half of a change is never kept.
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT" if keep else "ROLLBACK")
            self._version += 1

    def is_empty(self) -> bool:
        """Tell whether nothing was ever put in."""
        return not self._rows("SELECT 1 FROM organizations LIMIT 1")

    def load(self, seed: dict[str, Any]) -> None:
        """Put in the complete organizations of a seed; see :mod:`onlive_provider.sandbox.seed` for its form."""
        with self.transaction():
            for each in seed["organizations"]:
                organization_id = each["id"]
                self._database.execute(
                    "INSERT INTO organizations VALUES (?, ?, ?, ?)",
                    (organization_id, each["name"], each["accessKeyId"], each["secretAccessKey"]),
                )
                self._database.executemany(
                    "INSERT INTO calendars VALUES (?, ?, ?, ?)",
                    [(item["id"], organization_id, item["name"], item["type"]) for item in each["calendars"]],
                )
                self._database.executemany(
                    "INSERT INTO services VALUES (?, ?, ?)",
                    [(item["id"], organization_id, json.dumps(item)) for item in each["services"]],
                )
                self._database.executemany(
                    "INSERT INTO appointments VALUES (?, ?, ?, ?, ?, ?)",
                    [_appointment_row(item) for item in each["appointments"]],
                )

    def organizations(self) -> list[dict[str, str]]:
        """List the organizations in the order they were put in, with their access keys."""
        rows = self._rows("SELECT id, name, access_key_id, secret_access_key FROM organizations ORDER BY rowid")
        names = ("id", "name", "accessKeyId", "secretAccessKey")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def secret_of(self, access_key_id: str) -> str | None:
        """Give an access key's secret, or None when there is no such key."""
        rows = self._rows("SELECT secret_access_key FROM organizations WHERE access_key_id = ?", access_key_id)
        return rows[0][0] if rows else None

    def organization_of(self, access_key_id: str) -> str:
        """Give the id of the organization that an access key belongs to."""
        rows = self._rows("SELECT id FROM organizations WHERE access_key_id = ?", access_key_id)
        return str(rows[0][0])

    def calendars(self, organization_id: str) -> list[dict[str, str]]:
        """List an organization's calendars."""
        rows = self._rows(
            "SELECT id, name, type FROM calendars WHERE organization_id = ? ORDER BY rowid", organization_id
        )
        return [dict(zip(("id", "name", "type"), row, strict=True)) for row in rows]

    def record(self, kind: Kind, record_id: str) -> dict[str, Any] | None:
        """Read one whole record of any organization, or None. Ids are compared without case."""
        documents = self._documents(f"SELECT document FROM {kind} WHERE id = ?", record_id.lower())
        return documents[0] if documents else None

    def records(self, kind: Kind, organization_id: str) -> list[dict[str, Any]]:
        """Read an organization's records, in the order they were put in."""
        return self._documents(f"SELECT document FROM {kind} WHERE organization_id = ? ORDER BY rowid", organization_id)

    def save(self, kind: Kind, record: dict[str, Any]) -> None:
        """Replace a stored record. Only inside :meth:`transaction`."""
        if kind == "services":
            self._database.execute("UPDATE services SET document = ? WHERE id = ?", (json.dumps(record), record["id"]))
        else:
            self._database.execute(
                "UPDATE appointments SET start_time = ?, end_time = ?, document = ? WHERE id = ?",
                (record["start"], record["end"], json.dumps(record), record["id"]),
            )

    def overlapping(self, appointment: dict[str, Any], start: datetime, end: datetime) -> list[dict[str, Any]]:
        """List the organization's other appointments in a span of time; those that only touch it are not in it."""
        return self._documents(
            "SELECT document FROM appointments"
            " WHERE organization_id = ? AND start_time < ? AND end_time > ? AND id <> ?",
            appointment["organizationId"],
            to_text(end),
            to_text(start),
            appointment["id"],
        )

    def upcoming(self, service_id: str, now: datetime) -> list[dict[str, Any]]:
        """List a service's appointments that have not begun."""
        return self._documents(
            "SELECT document FROM appointments WHERE service_id = ? AND start_time > ?", service_id, to_text(now)
        )

    def add_to_log(self, log: Log, entries: Iterable[dict[str, Any]]) -> None:
        """Append entries to a log."""
        with self._lock:
            self._database.executemany(
                f"INSERT INTO {log} (document) VALUES (?)", [(json.dumps(entry),) for entry in entries]
            )
            self._version += 1

    def log(self, log: Log) -> list[dict[str, Any]]:
        """Read a log, oldest entry first."""
        return self._documents(f"SELECT document FROM {log} ORDER BY number")

    def _documents(self, query: str, *values: str) -> list[dict[str, Any]]:
        return [json.loads(row[0]) for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(query, values).fetchall()


def _appointment_row(appointment: dict[str, Any]) -> tuple[str, ...]:
    return (
        appointment["id"],
        appointment["organizationId"],
        appointment["serviceId"],
        appointment["start"],
        appointment["end"],
        json.dumps(appointment),
    )
