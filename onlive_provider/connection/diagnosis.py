"""What stands between a Connection and the API, in a sentence for the person who presses Test."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from onlive_provider import errors

if TYPE_CHECKING:
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


def diagnose(find: Callable[[str], ConnectionParts], conn_id: str) -> tuple[bool, str]:
    """Look a Connection up, make one signed, read-only call with it, and say what came of it. Never raises.

    :param find: looks a Connection up by its id.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from onlive_provider.client.sync import OnliveClient
    from onlive_provider.connection.settings import read_settings

    try:
        connection = find(conn_id)
    except AirflowNotFoundException as error:
        return False, f"{error}, or what is defined is not readable. {_URI_ADVICE}"
    except Exception as error:
        # Airflow's own message about a malformed URI repeats the URI, with the secret in it.
        return False, f"The Connection is not readable ({type(error).__name__}). {_URI_ADVICE}"
    try:
        settings = read_settings(connection, find)
        with OnliveClient(settings) as client:
            client.probe()
    except errors.OnliveError as error:
        return False, _explain(error)
    except Exception as error:
        return False, f"The test itself failed ({type(error).__name__})"
    key = settings.credentials.access_key_id
    shown = f" ending in {key[-4:]}" if len(key) >= 8 else ""
    return True, f"It works: {settings.base_url} accepts the access key{shown}"


def _explain(error: errors.OnliveError) -> str:
    for kind, headline in _HEADLINES:
        if isinstance(error, kind):
            return f"{headline}: {error}"
    if isinstance(error, errors.OnliveStatusError):
        said = f' ("{error.server_message}")' if error.server_message else ""
        answer = f"{error.call}: the server answered {error.status}{said}. {errors.OnliveAnswerError.advice}"
        return f"The server answers and is not the Onlive API: {answer}"
    return f"The server answers and is not the Onlive API: {error}"
