"""Tests a Connection and explains, in one sentence, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from onlive_provider import errors

if TYPE_CHECKING:
    from onlive_provider.client.settings import Settings
    from onlive_provider.connection.settings import ConnectionParts

_HEADLINES: tuple[tuple[type[errors.OnliveError], str], ...] = (
    (errors.OnliveConfigError, "The Connection cannot be used"),
    (errors.OnliveConnectError, "No network path to the server"),
    (errors.OnliveTlsError, "No trusted TLS connection"),
    (errors.OnliveNoAnswerError, "The server was reached and did not answer"),
    (errors.OnliveClockSkewError, "The clocks differ too much"),
    (errors.OnliveUnauthorizedError, "The credentials were refused"),
    (errors.OnliveForbiddenError, "The credentials are known and have no permission"),
    (errors.OnliveBusyError, "The server is busy"),
    (errors.OnliveServerError, "The server failed"),
)

_URI_ADVICE = (
    "If it is written as a URI, every part must be percent-encoded: a : in the host is %3A, a / in it or in the "
    "secret is %2F."
)


class ConnectionUnusableError(Exception):
    """A Connection is missing or cannot be used; the message is a sentence without a secret."""


def diagnose(find: Callable[[str], ConnectionParts], conn_id: str) -> tuple[bool, str]:
    """Make one signed, read-only call with a Connection. Never raises.

    :param find: looks a Connection up by its id.
    :return: whether it works, and a sentence that holds no secret.
    """
    from onlive_provider.client.sync import OnliveClient

    try:
        settings = find_settings(find, conn_id)
        with OnliveClient(settings) as client:
            client.probe()
    except ConnectionUnusableError as error:
        return False, str(error)
    except errors.OnliveError as error:
        return False, explain(error)
    except Exception as error:
        return False, f"The test itself failed ({type(error).__name__})"
    return True, f"It works: {settings.base_url} accepts the access key{shown_key(settings)}"


def find_settings(find: Callable[[str], ConnectionParts], conn_id: str) -> Settings:
    """Look a Connection up and read its settings.

    :param find: looks a Connection up by its id.
    :raises ConnectionUnusableError: it is missing, not readable, or a field of it cannot be used.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from onlive_provider.connection.settings import read_settings

    try:
        connection = find(conn_id)
    except AirflowNotFoundException as error:
        raise ConnectionUnusableError(f"{error}, or its definition cannot be read. {_URI_ADVICE}") from None
    except Exception as error:
        # Airflow's own message about a malformed URI repeats the URI, with the secret in it.
        raise ConnectionUnusableError(
            f"The Connection is not readable ({type(error).__name__}). {_URI_ADVICE}"
        ) from None
    try:
        return read_settings(connection, find)
    except errors.OnliveConfigError as error:
        raise ConnectionUnusableError(explain(error)) from None


def shown_key(settings: Settings) -> str:
    """Return the end of an Access Key ID for a sentence, nothing of a short one."""
    key = settings.credentials.access_key_id
    return f" ending in {key[-4:]}" if len(key) >= 8 else ""


def explain(error: errors.OnliveError) -> str:
    """Return what an error means for a Connection, its cause first."""
    for kind, headline in _HEADLINES:
        if isinstance(error, kind):
            return f"{headline}: {error}"
    if isinstance(error, errors.OnliveStatusError):
        said = f' ("{error.server_message}")' if error.server_message else ""
        answer = f"{error.call}: the server answered {error.status}{said}. {errors.OnliveAnswerError.advice}"
        return f"The server answers and is not the Onlive API: {answer}"
    return f"The server answers and is not the Onlive API: {error}"
