r"""Computes the signature that a signing profile asks for, with the sandbox's own code, independent of the client.

A profile is five texts, as in a Connection's extra. ``\n`` in them is a newline; ``{...}`` is filled in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

DEFAULTS = {
    "string_to_sign": r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n{body_sha256}",
    "canonical_request": "",
    "signing_key": "{secret}",
    "signature_hash": "sha256",
    "signature_encoding": "hex",
}

_GAP = re.compile(r"\{([^{}]*)\}")


class ExtraError(Exception):
    """An extra cannot be used; the message says which setting and why."""


def read_extra(path: Path) -> dict[str, Any]:
    """Read a file that holds a Connection's extra.

    :raises ExtraError: the file cannot be read or is not a JSON object.
    """
    try:
        extra = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExtraError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ExtraError(f"{path}: is not JSON: {error}") from error
    if not isinstance(extra, dict):
        raise ExtraError(f"{path}: is not a JSON object")
    return extra


class SignatureProfile:
    """What the server signs and how.

    :param extra: a Connection's extra; settings of other things than the signature are left alone.
    :raises ExtraError: a setting cannot be used.
    """

    def __init__(self, extra: Mapping[str, Any]) -> None:
        settings = {name: extra.get(name) or default for name, default in DEFAULTS.items()}
        for name, value in settings.items():
            if not isinstance(value, str):
                raise ExtraError(f"{name}: must be text")
        self._hash, self._encoding = settings["signature_hash"], settings["signature_encoding"]
        if self._hash not in ("sha256", "sha512", "sha1"):
            raise ExtraError("signature_hash: must be sha256, sha512 or sha1")
        if self._encoding not in ("hex", "base64"):
            raise ExtraError("signature_encoding: must be hex or base64")
        self._string, self._request = settings["string_to_sign"], settings["canonical_request"]
        self._key_lines = settings["signing_key"].replace("\\n", "\n").split("\n")
        # An example is signed at once, so that an unknown placeholder shows before the server runs.
        example = {"method": "GET", "path": "/", "query": "", "host": "localhost", "body": b"", "access_key_id": "k"}
        try:
            self.signature(secret="c0ffee00", date=datetime(2026, 1, 1, tzinfo=UTC), **example)  # type: ignore[arg-type]  # one dict, several types
        except KeyError as error:
            raise ExtraError(f"{{{error.args[0]}}} is not a placeholder that can stand there") from None

    def signature(
        self,
        *,
        method: str,
        path: str,
        query: str,
        host: str,
        body: bytes,
        date: datetime,
        access_key_id: str,
        secret: str,
    ) -> str:
        """Compute the signature of one request.

        :param query: in its canonical spelling.
        :param date: the instant in the request's date header.
        """
        values = _values(method, path, query, host, body, date, access_key_id, self._hash)
        if self._request:
            request = _fill(self._request, values)
            values["canonical_request_hash"] = hashlib.new(self._hash, request).hexdigest()
        first, *further = self._key_lines
        key = _fill(first, _secrets(secret))
        for line in further:
            key = hmac.new(key, _fill(line, values), self._hash).digest()
        made = hmac.new(key, _fill(self._string, values), self._hash)
        return made.hexdigest() if self._encoding == "hex" else base64.b64encode(made.digest()).decode()


def _fill(template: str, values: Mapping[str, str | bytes]) -> bytes:
    filled = b""
    for number, part in enumerate(_GAP.split(template.replace("\\n", "\n"))):
        value = values[part] if number % 2 else part
        filled += value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return filled


def _secrets(secret: str) -> dict[str, str | bytes]:
    raw = secret.encode()
    forms: dict[str, str | bytes] = {
        "secret": raw,
        "secret_base64": base64.b64encode(raw),
        "secret_sha256": hashlib.sha256(raw).hexdigest(),
    }
    # A secret that is no base64 or no hex has no such form, and so no key that any client could have used.
    for name, decode in (("secret_from_base64", base64.b64decode), ("secret_from_hex", bytes.fromhex)):
        try:
            forms[name] = decode(secret)
        except ValueError:
            forms[name] = b"not of this form"
    return forms


def _values(
    method: str, path: str, query: str, host: str, body: bytes, date: datetime, access_key_id: str, hash_name: str
) -> dict[str, str | bytes]:
    path_query = f"{path}?{query}" if query else path
    url = f"http://{host}{path_query}"
    iso = date.strftime("%Y-%m-%dT%H:%M:%S")
    values: dict[str, str | bytes] = {
        "method": method,
        "method_lower": method.lower(),
        "path": path,
        "path_encoded": quote(path, safe=""),
        "query": query,
        "query_encoded": quote(query, safe=""),
        "query_decoded": unquote(query, errors="surrogateescape"),
        "path_query": path_query,
        "path_query_encoded": quote(path_query, safe=""),
        "url": url,
        "url_encoded": quote(url, safe=""),
        "host": host,
        "host_name": re.sub(r":\d+$", "", host),
        "access_key_id": access_key_id,
        "date": date.strftime("%Y%m%dT%H%M%SZ"),
        "day": date.strftime("%Y%m%d"),
        "day_dashed": iso[:10],
        "iso_time": f"{iso}Z",
        "iso_time_ms": f"{iso}.000Z",
        "unix_seconds": str(int(date.timestamp())),
        "unix_ms": str(int(date.timestamp()) * 1000),
        "http_date": format_datetime(date, usegmt=True),
        "body": body,
        "body_base64": base64.b64encode(body),
        "body_length": str(len(body)),
    }
    for name, algorithm in (("sha256", "sha256"), ("md5", "md5"), ("hash", hash_name)):
        digest = hashlib.new(algorithm, body, usedforsecurity=False)
        for suffix, text in (("", digest.hexdigest()), ("_base64", base64.b64encode(digest.digest()).decode())):
            values[f"body_{name}{suffix}"] = text
            values[f"body_{name}{suffix}_or_empty"] = text if body else ""
    return values
