"""One signature: this provider's against AWS Signature Version 4 as botocore makes it."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.lines import Bench
from benchmarks.measure import in_turns, run
from benchmarks.results import Bound, Result, times

MOST_MICROSECONDS = 10
MOST_OF_BOTOCORE = 2
SIGNERS = ("default profile", "largest profile", "botocore")


def measure(bench: Bench) -> Result:
    """Sign the same request many times in one process."""
    often = 1_000 if bench.quick else 20_000
    job: dict[str, Any] = {"python": bench.environments.botocore, "times": often}
    found = in_turns({name: partial(run, "signing", signer=name, **job) for name in SIGNERS}, bench.turns)
    default, largest, botocore = (found[name].cpu / often * 1e6 for name in SIGNERS)
    return Result(
        "Signing",
        f"A PUT with a small body, signed {often:,} times. The largest profile covers what botocore's signature does: "
        "the headers, in a canonical request, and a key derived from date, region and service.",
        ("signer", "CPU per signature"),
        [(name, f"{one.cpu / often * 1e6:,.1f} µs") for name, one in found.items()],
        [
            f"{times(botocore / default)} faster to sign than botocore's Signature Version 4.",
            f"{times(botocore / largest)} faster with the same two stages and derived key.",
        ],
        [
            Bound.at_most(f"a signature within {MOST_MICROSECONDS} µs", MOST_MICROSECONDS, default, "µs"),
            Bound.at_most(
                f"the largest profile within {MOST_OF_BOTOCORE} times botocore's signature",
                MOST_OF_BOTOCORE,
                largest / botocore,
                "times",
            ),
        ],
    )
