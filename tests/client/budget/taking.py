"""A process that takes turns as fast as it may, and tells when it had them. Arguments: file, limit, window, calls."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from onlive_provider.client.budget.host import HostBudget
from onlive_provider.client.budget.process import ProcessBudget


def main() -> None:
    path, limit, seconds, calls = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    budget = HostBudget(path, limit, ProcessBudget(limit), seconds=seconds)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    moments = []
    for _ in range(calls):
        grant = budget.take(time.monotonic)
        while grant.wait:
            time.sleep(grant.wait)
            grant = budget.confirm(grant, time.monotonic)
        moments.append(grant.at)
    sys.stdout.write(json.dumps({"moments": moments}))


if __name__ == "__main__":
    main()
