"""What a sandbox says of itself when it is started from a terminal."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onlive_provider.sandbox.server import Sandbox


def greeting(sandbox: Sandbox) -> str:
    """Say where the page is, the Connection to paste, and some ids to try."""
    now = sandbox.now()
    upcoming = [each for each in sandbox.records("appointments") if each["start"] > now]
    pending = [each for each in upcoming if each["state"] == "pending"]
    appointments = [f"  appointment  {each['id']}  {each['state']}, {each['start']}" for each in pending[:2]]
    services = [f"  service      {each['id']}  {each['name']}" for each in sandbox.records("services")[:2]]
    return "\n".join(
        [
            f"A local Onlive API is running. Look at it: {sandbox.url}/",
            f"Its time is {now}, and runs on.",
            "",
            "Its Airflow Connection:",
            f"  export AIRFLOW_CONN_ONLIVE_DEFAULT={shlex.quote(sandbox.connection_json())}",
            "",
            "Some ids to try:",
            *services,
            *appointments,
            "",
            "Stop it with Ctrl-C.",
        ]
    )
