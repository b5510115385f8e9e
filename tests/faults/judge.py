"""Compares what was seen of a run with what must be seen, and says what differs in a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.faults.drive import READS, SECRET, Run
from tests.faults.records import GUEST, IDS, NEW_GUEST, PHONE, TARGET
from tests.faults.table import Expected

PATIENCE = 200.0
"""Clock seconds: more than `max_elapsed` and the pauses of a look-up, much less than a day."""


def verdict(run: Run) -> str:
    """Return an empty text where all is as it must be; else what differs, and the server's transcript."""
    problems = [*_target(run), *_others(run), *_promises(run), *_musts(run)]
    if not problems:
        return ""
    lines = [f"{run.case.flow}: {run.case.name}: {'; '.join(problems)}"]
    if run.raised is not None:
        lines.append(f"  raised {type(run.raised).__name__}: {run.raised}"[:600])
    lines += [f"  {line}" for line in run.server.transcript[-40:]]
    return "\n".join(lines)


def seen(run: Run) -> Expected:
    """Return what was seen of the target."""
    server, result = run.server, run.results.get(TARGET)
    reads, writes = server.calls("GET", TARGET), server.calls("PUT", TARGET)
    first = min([*server.partial, *map(server.seen.index, writes[:1]), len(server.seen)])
    before = sum(server.seen.index(each) < first for each in reads)
    after = len(reads) - before
    made = sum(effect.id == TARGET for effect in server.records.effects)
    expected_before = READS[run.case.flow] if writes or server.partial or run.case.flow == "single" else 1
    return Expected(
        result.outcome if result else "no outcome",
        (result.error,) if result and result.error else (),
        (len(writes) + len(server.partial),) * 2,
        made,
        (after, after),
        (before - expected_before,) * 2,
    )


def _target(run: Run) -> Iterator[str]:
    found = seen(run)
    differences = [_difference(run, found, each) for each in run.case.expected]
    if "" in differences:
        return
    expected = " | ".join(map(str, run.case.expected))
    yield f"expected {expected}, seen {found}: {min(differences, key=len)}"


def _difference(run: Run, found: Expected, expected: Expected) -> str:
    wrong = []
    if found.outcome != expected.outcome:
        wrong.append(f"outcome {found.outcome}")
    elif found.errors and found.errors[0] not in expected.errors:
        wrong.append(f"error {found.errors[0]}")
    if not expected.sent[0] <= found.sent[0] <= expected.sent[1]:
        wrong.append(f"{found.sent[0]} writes sent")
    if found.made != expected.made:
        wrong.append(f"{found.made} effects")
    low, high = expected.looked_up
    if run.case.flow == "rollout" and found.sent[0]:
        # A rollout reads again what it wrote, and what it may have written.
        low, high = low + (found.outcome == "updated"), high + 6
    if not low <= found.looked_up[0] <= high:
        wrong.append(f"{found.looked_up[0]} look-ups, not {low} to {high}")
    if not expected.read[0] <= found.read[0] <= expected.read[1]:
        wrong.append(f"{found.read[0]} further reads before the write, not {expected.read[0]} to {expected.read[1]}")
    return ", ".join(wrong)


def _others(run: Run) -> Iterator[str]:
    if run.case.flow == "single":
        return
    allowed = run.case.must.get("others", ["updated"])
    for name in IDS:
        result = run.results.get(name)
        if result is None:
            yield f"record {name[:8]} has no outcome"
        elif name != TARGET:
            effects = [each for each in run.server.records.effects if each.id == name]
            if result.outcome not in allowed:
                yield f"another record is {result.outcome} ({result.error or 'no error'})"
            elif len(effects) > 1 or (not effects and result.outcome == "updated"):
                yield f"another record is {result.outcome} and was written {len(effects)} times"


def _promises(run: Run) -> Iterator[str]:
    """Yield what is broken of that which holds of every row."""
    server = run.server
    if server.hung:
        yield "it did not end by itself"
    for each in server.seen:
        if each.request.id not in IDS:
            yield f"a request went to {each.request.target}"
        if each.refused and "refused" not in run.case.must:
            yield f"{each.request.method} was refused for its {each.refused}"
    yield from _connections(run)
    if run.returned is not None and run.returned != TARGET:
        yield f"record {run.returned} was returned"
    for name, result in run.results.items():
        if shows_private_data(result.message):
            yield "an error shows a guest's data or the secret"
        if result.before and result.outcome == "updated" and run.case.update.get("only_changed") is not False:
            wrong = {key for key, value in result.before.items() if run.before[name].get(key) != value}
            if wrong:
                yield f"the report's `before` of {', '.join(sorted(wrong))} is not what stood there"
    if shows_private_data(f"{run.log} {run.raised!r} {run.raised}"):
        yield "the log or the task's error shows a guest's data or the secret"
    if any(private.encode() in run.left for private in (SECRET, "Signature=")):
        yield "a file shows the secret"
    if run.seconds > run.case.must.get("seconds", PATIENCE):
        yield f"it took {run.seconds:.0f} s by the clock"


def shows_private_data(text: str) -> bool:
    return any(private in text for private in (SECRET, "Signature=", GUEST, NEW_GUEST, NEW_GUEST.lower(), PHONE))


def _connections(run: Run) -> Iterator[str]:
    poisoned: set[int] = set()
    lost: set[tuple[str, str]] = set()
    for each in run.server.seen:
        call = (each.request.method, each.request.id)
        lost = {other for other in lost if other[1] == call[1]}  # What comes after another record is another call.
        if each.link in poisoned:
            yield f"{call[0]} was sent on connection {each.link} after an unexpected answer there"
        if call in lost and each.place > 1:
            yield f"{call[0]} was sent again on a used connection after its answer was lost"
        lost.discard(call)
        if each.is_unexpected:
            poisoned.add(each.link)
        if each.is_lost:
            lost.add(call)


def _musts(run: Run) -> Iterator[str]:
    must, server = run.case.must, run.server
    result = run.results.get(TARGET)
    message = " ".join(result.message.split()) if result else ""
    for word in map(str, must.get("words", ())):
        if result is not None and result.outcome == "failed" and word.lower() not in message.lower():
            yield f"the error does not say {word!r}: {message}"
    refused = sum(bool(each.refused) for each in server.seen)
    if refused > must.get("refused", 0):
        yield f"{refused} calls were refused, at most {must.get('refused', 0)} may be"
    if len(server.seen) > must.get("calls", 10_000):
        yield f"{len(server.seen)} calls, at most {must['calls']} may be"
    quiet = must.get("quiet")
    if quiet is not None:
        yield from _quiet(server, quiet)
    if "retryable" in must and result is not None and result.retryable != must["retryable"]:
        yield f"retryable is {result.retryable}"


def _quiet(server: Any, seconds: float) -> Iterator[str]:
    for index, each in enumerate(server.seen[:-1]):
        after = server.seen[index + 1].at - each.at
        if each.fault is not None and after < seconds:
            yield f"the next call came after {after:.1f} s, not {seconds:g}"
