"""What a fault's server sends instead of the right answer: bytes, made from a row of the table."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from tests.faults.records import IDS, TARGET
from tests.faults.wire import answer, encoded, http_date

MANY = 17 * 1024 * 1024
"""Bytes: more than any answer of the API has."""
HTML = b"<!doctype html><title>Error</title><h1>The proxy could not process the request</h1>"
FRAMING = ("raw", "cut", "drip", "nothing", "endless", "extra")
"""Members of a row after which a connection is no longer at the beginning of an answer."""


class Pause(NamedTuple):
    """Real seconds in which nothing is sent."""

    seconds: float


@dataclass(frozen=True)
class Right:
    """The answer that the request should have got.

    :param others: the other record as the API answers it.
    :param now: the server's time in seconds since the epoch.
    """

    status: int
    document: Any
    others: Any
    now: float


def pieces(spec: dict[str, Any], right: Right) -> Iterator[bytes | Pause]:
    """Yield what is sent, piece by piece."""
    if spec.get("nothing"):
        return
    whole = _whole(spec, right)
    if "first" in spec:
        yield _filled(spec["first"], right)
    if "endless" in spec:
        # Two seconds and then the right answer: who is still listening believes it.
        for _ in range(100):
            yield _filled(spec["endless"], right) * spec.get("times", 1)
            yield Pause(0.02)
        yield whole
    elif "drip" in spec:
        yield from _dripped(whole, spec["drip"])
    elif "cut" in spec:
        yield _cut(whole, spec["cut"])
    else:
        yield whole + _filled(spec.get("extra", ""), right)


def _whole(spec: dict[str, Any], right: Right) -> bytes:
    if "raw" in spec:
        return _filled(spec["raw"], right)
    status = spec.get("status", right.status)
    body = _body(spec, status, right)
    lines = [f"Content-Type: {spec.get('type', 'application/json')}"]
    if "gzip" in spec:
        lines.append("Content-Encoding: gzip")
    if "chunks" in spec:
        lines.append("Transfer-Encoding: chunked")
        body = _chunked(body, spec["chunks"])
    elif "length" in spec:
        lines += [f"Content-Length: {len(body) + each}" for each in spec["length"]]
    else:
        lines.append(f"Content-Length: {len(body)}")
    lines += _dates(spec.get("date", "right"), right.now)
    lines += [_filled(str(line), right).decode("latin-1") for line in spec.get("headers", ())]
    return answer(status, lines, body)


def _body(spec: dict[str, Any], status: Any, right: Right) -> bytes:
    body = _plain_body(spec, status, right)
    if spec.get("gzip") == "right":
        return gzip.compress(body)
    if spec.get("gzip") == "cut":
        return gzip.compress(body)[:-12]
    if spec.get("gzip") == "bomb":
        return _bomb()
    return body


def _plain_body(spec: dict[str, Any], status: Any, right: Right) -> bytes:
    if "json" in spec:
        return _filled(json.dumps(spec["json"]), right)
    if "text" in spec:
        return _filled(spec["text"], right)
    name = spec.get("body", "record" if str(status).startswith("2") else "own")
    record = right.document
    if name == "own":
        return encoded({"statusCode": int(status), "message": "The request was not carried out"})
    if name == "html":
        return HTML
    if name == "empty":
        return b""
    if name == "huge":
        return _huge(int(status))
    if name == "huge html":
        return HTML * (MANY // len(HTML) + 1)
    if name == "other":
        return encoded(right.others)
    if name == "list":
        return encoded([record])
    if name == "wrapped":
        return encoded({"data": record})
    if name == "partial":
        return encoded({key: record[key] for key in ("id", "createdAt", "updatedAt") if key in record})
    if name == "a wrong id":
        return encoded({**record, "id": "A" * 36})
    if name == "no id":
        return encoded({key: value for key, value in record.items() if key != "id"})
    if name == "deep":
        return b'{"id":' + b"[" * 200_000
    if name == "deep member":
        return encoded(record)[:-1] + b', "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    if name == "NaN":
        return encoded(record)[:-1] + b', "score": NaN}'
    if name == "long number":
        return encoded(record)[:-1] + b', "score": ' + b"9" * 10_000 + b"}"
    if name == "twice":
        return b'{"id": "' + IDS[2].encode() + b'", ' + encoded(record)[1:]
    if name == "twice, other last":
        return encoded(record)[:-1] + b', "id": "' + IDS[2].encode() + b'"}'
    if name == "surrogate":
        return encoded(record)[:-1] + b', "note": "\\ud800"}'
    if name == "invalid UTF-8":
        return encoded(record)[:-1] + b', "note": "\xff\xfe"}'
    if name == "latin-1":
        return encoded(record)[:-1] + ', "note": "Señor"}'.encode("latin-1")
    if name == "BOM":
        return b"\xef\xbb\xbf" + encoded(record)
    if name == "UTF-16":
        return json.dumps(record).encode("utf-16")
    if name == "EBCDIC":
        return json.dumps(record).encode("cp500")
    if name == "two documents":
        return encoded(record) + encoded(record)
    if name == "not quite":
        return b")]}',\n" + encoded(record)
    assert name == "record", name
    return encoded(record)


def _filled(text: str, right: Right) -> bytes:
    body = encoded(right.document)
    filled = text.encode("latin-1")
    for name, value in (
        (b"<body>", body),
        (b"<length>", str(len(body)).encode()),
        (b"<hex>", f"{len(body):x}".encode()),
        (b"<id>", TARGET.encode()),
        (b"<other>", IDS[2].encode()),
        (b"<now>", http_date(right.now).encode()),
        (b"<in 3 s>", http_date(right.now + 3).encode()),
        (b"<an hour ago>", http_date(right.now - 3600).encode()),
        (b"<in an hour>", http_date(right.now + 3600).encode()),
        (b"<3 hours off>", http_date(right.now + 10_800).encode()),
    ):
        filled = filled.replace(name, value)
    return filled


def _dates(given: Any, now: float) -> list[str]:
    """Return the ``Date`` lines: right, none, off by seconds, two, or a text as it is."""
    if given == "right":
        return [f"Date: {http_date(now)}"]
    if given == "none":
        return []
    if given == "two":
        return [f"Date: {http_date(now)}", f"Date: {http_date(now + 7200)}"]
    if isinstance(given, int):
        return [f"Date: {http_date(now + given)}"]
    return [f"Date: {given}"]


def _chunked(body: bytes, form: str) -> bytes:
    size = f"{len(body):x}".encode()
    end = b"\r\n0\r\n\r\n"
    if form == "right":
        return b"5\r\n" + body[:5] + b"\r\n" + f"{len(body) - 5:x}".encode() + b";x=y\r\n" + body[5:] + end
    if form == "without end":
        return size + b"\r\n" + body + b"\r\n"
    if form == "too large":
        return b"ffffff\r\n" + body
    return form.encode() + b"\r\n" + body + end


def _dripped(whole: bytes, what: str) -> Iterator[bytes | Pause]:
    """Let a part come byte by byte for two seconds, and then the rest."""
    end = whole.index(b"\r\n\r\n") + 4
    start = {"status": 0, "headers": whole.index(b"\r\n") + 2, "body": end}[what]
    yield whole[:start]
    slow = whole[start : start + 40]
    for each in slow:
        yield Pause(0.05)
        yield bytes([each])
    yield whole[start + len(slow) :]


def _cut(whole: bytes, where: Any) -> bytes:
    head = whole.index(b"\r\n\r\n")
    named = {
        "after the status line": whole.index(b"\r\n") + 2,
        "in a header's name": whole.index(b"\r\n") + 6,
        "in a header's value": whole.index(b": ") + 4,
        "before the empty line": head + 2,
        "in the empty line": head + 3,
        "after the head": head + 4,
        "after a byte of the body": head + 5,
        "in the middle of the body": (head + 4 + len(whole)) // 2,
        "before the last byte": len(whole) - 1,
    }
    return whole[: named.get(where, where)]


@cache
def _huge(status: int) -> bytes:
    own = encoded({"statusCode": status, "message": "The request was not carried out"})
    return own[:-1] + b', "trace": "' + b"x" * MANY + b'"}'


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(b'{"id": "' + b"x" * (8 * MANY)) + packer.flush()
