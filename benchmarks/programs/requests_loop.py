"""A plain script with a ``requests`` session, one call after the other: read each record, and write what differs."""

from __future__ import annotations

import requests

from benchmarks.data import PATH, read_rows
from benchmarks.programs import Program

program = Program()
job = program.job

with program, requests.Session() as session:
    for row in read_rows(job["rows"]):
        url = f"{job['url']}{PATH}{row['id']}"
        record = session.get(url, timeout=30).json()
        if record["lang"] != row["lang"]:
            session.put(url, json={"lang": row["lang"]}, timeout=30).json()
