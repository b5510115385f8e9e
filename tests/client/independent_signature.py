"""The signature once more, from the documents and RFC 2104, sharing nothing with the code under test."""

from __future__ import annotations

import base64
import hashlib

DEFAULT_TEMPLATE = "{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n{body_sha256}"
_BLOCK_SIZES = {"sha1": 64, "sha256": 64, "sha512": 128}
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def percent_encode(text: str) -> str:
    return "".join(chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def canonical_query(pairs: list[tuple[str, str]]) -> str:
    encoded = [(percent_encode(name), percent_encode(value)) for name, value in pairs]
    return "&".join(name + "=" + value for name, value in sorted(encoded))


def string_to_sign(
    *, method: str, target: str, host: str, date: str, access_key_id: str, body: bytes, template: str = DEFAULT_TEMPLATE
) -> bytes:
    path, _, query = target.partition("?")
    text = template.replace("\\n", "\n").format(
        method=method,
        path=path,
        query=query,
        host=host,
        date=date,
        access_key_id=access_key_id,
        body=body.decode(),
        body_sha256=hashlib.sha256(body).hexdigest(),
    )
    return text.encode()


def independent_signature(text: bytes, secret: str, hash_name: str = "sha256", encoding: str = "hex") -> str:
    key = secret.encode()
    if len(key) > _BLOCK_SIZES[hash_name]:
        key = hashlib.new(hash_name, key).digest()
    key = key.ljust(_BLOCK_SIZES[hash_name], b"\0")
    inner = hashlib.new(hash_name, bytes(byte ^ 0x36 for byte in key) + text).digest()
    outer = hashlib.new(hash_name, bytes(byte ^ 0x5C for byte in key) + inner)
    return outer.hexdigest() if encoding == "hex" else base64.b64encode(outer.digest()).decode()
