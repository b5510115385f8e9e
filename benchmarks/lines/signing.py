"""One signature: this provider's against AWS Signature Version 4 as botocore makes it."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.lines import Bench
from benchmarks.measure import in_turns, run
from benchmarks.results import Result, times


def measure(bench: Bench) -> Result:
    """Sign the same request many times in one process."""
    often = 1_000 if bench.quick else 20_000
    job: dict[str, Any] = {"python": bench.environments.botocore, "times": often}
    found = in_turns(
        {name: partial(run, "signing", signer=name, **job) for name in ("onlive_provider", "botocore")}, bench.turns
    )
    ratio = found["botocore"].cpu / found["onlive_provider"].cpu
    return Result(
        "Signing",
        f"A PUT with a small body, signed {often:,} times. botocore's signature covers more: it "
        "includes the headers, and its key is derived from date, region and service.",
        ("signer", "CPU per signature"),
        [(name, f"{one.cpu / often * 1e6:,.1f} µs") for name, one in found.items()],
        [f"{times(ratio)} as fast as botocore's Signature Version 4."],
    )
