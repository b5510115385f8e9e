"""Writes a signing profile into a Connection that Airflow keeps in its own database."""

from __future__ import annotations

import json
from typing import Any

from onlive_provider.client.signing import SigningProfile
from onlive_provider.connection.fields import SIGNING_FIELDS
from onlive_provider.connection.signature_candidates import differences


class NotSavedError(Exception):
    """The profile was not stored; the message is a sentence that says why."""


def save_profile(conn_id: str, profile: SigningProfile) -> None:
    """Store a profile in a Connection's extra; its other settings stay.

    :raises NotSavedError: the Connection does not come from Airflow's database, or the database refused.
    """
    try:
        source = _source(conn_id)
        if source != "MetastoreBackend":
            raise NotSavedError(
                f"Not saved: {conn_id} comes from {source or 'nowhere'}, which Airflow cannot write to. "
                "Paste the settings there."
            )
        _write(conn_id, profile)
    except NotSavedError:
        raise
    except Exception as error:
        # A database's message may repeat its address, with a password in it.
        raise NotSavedError(f"Not saved: Airflow's database refused ({type(error).__name__}).") from None


def _source(conn_id: str) -> str | None:
    """Return the name of the secrets backend that Airflow takes a Connection from."""
    from airflow.configuration import ensure_secrets_loaded

    for backend in ensure_secrets_loaded():
        try:
            if backend.get_connection(conn_id=conn_id) is not None:
                return type(backend).__name__
        except Exception:  # Airflow, too, asks the next one.
            continue
    return None


def _write(conn_id: str, profile: SigningProfile) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    with create_session() as session:
        stored = session.query(Connection).filter(Connection.conn_id == conn_id).one()
        extra: dict[str, Any] = json.loads(stored.extra or "{}") or {}
        kept = {name: value for name, value in extra.items() if name not in SIGNING_FIELDS}
        stored.extra = json.dumps({**kept, **differences(profile)})
