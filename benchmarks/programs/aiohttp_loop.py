"""A plain script with bare ``aiohttp``, 16 calls at once: read each record, and write those that differ."""

from __future__ import annotations

import asyncio

import aiohttp

from benchmarks.data import PATH, read_rows
from benchmarks.programs import Program

program = Program()
job = program.job


async def update_all() -> None:
    """Work through the rows with 16 workers."""
    rows = read_rows(job["rows"])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16)) as session:

        async def work() -> None:
            for row in rows:
                url = f"{job['url']}{PATH}{row['id']}"
                async with session.get(url) as response:
                    record = await response.json()
                if record["lang"] != row["lang"]:
                    async with session.put(url, json={"lang": row["lang"]}) as response:
                        await response.json()

        await asyncio.gather(*(work() for _ in range(16)))


with program:
    if "rows" in job:
        asyncio.run(update_all())
