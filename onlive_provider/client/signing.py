"""How a request is signed: a profile that is data, and one pure function per stage in the order it happens.

The vendor documents the header's form, the timestamp and "similar to AWS Signature v4", and not what is signed. The
default profile is therefore an assumption; a customer who can read the vendor's authentication page corrects it in
the Connection's extra, without code.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache

from onlive_provider.errors import OnliveConfigError

DATE_HEADER = "x-onlive-site-date"
DEFAULT_STRING_TO_SIGN = r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n{body_sha256}"
PLACEHOLDERS = ("method", "path", "query", "host", "date", "access_key_id", "body", "body_sha256")
HASHES = ("sha256", "sha512", "sha1")
ENCODINGS = ("hex", "base64")

_PLACEHOLDER = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key as Onlive issues it.

    :param access_key_id: the Access Key ID; it travels in the Authorization header.
    :param secret_access_key: the Secret Access Key; it never leaves this machine and never shows in a repr.
    """

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningProfile:
    r"""What is signed and how: data, so that a Connection can correct it and can never run code.

    :param string_to_sign: a template over the closed set ``{method} {path} {query} {host} {date} {access_key_id}
        {body} {body_sha256}``, in which ``\n`` is a newline.
    :param signature_hash: ``sha256``, ``sha512`` or ``sha1``: the hash of the HMAC, keyed with the plain secret.
    :param signature_encoding: ``hex`` (lower case) or ``base64``.
    :raises OnliveConfigError: naming the setting that cannot be used.
    """

    string_to_sign: str = DEFAULT_STRING_TO_SIGN
    signature_hash: str = "sha256"
    signature_encoding: str = "hex"

    def __post_init__(self) -> None:
        """Refuse a profile that could not sign."""
        known = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        rest = _PLACEHOLDER.sub("", self.string_to_sign)
        unknown = [name for name in _PLACEHOLDER.findall(self.string_to_sign) if name not in PLACEHOLDERS]
        if unknown:
            raise OnliveConfigError(
                "extra.string_to_sign", f"{{{unknown[0]}}} is not a placeholder; accepted are {known}"
            )
        if "{" in rest or "}" in rest:
            raise OnliveConfigError("extra.string_to_sign", f"a brace without its partner; accepted are {known}")
        if "{date}" not in self.string_to_sign:
            raise OnliveConfigError(
                "extra.string_to_sign",
                "holds no {date}, so a recorded request could be replayed for ever; add {date}",
            )
        if self.signature_hash not in HASHES:
            raise OnliveConfigError(
                "extra.signature_hash", f"{self.signature_hash!r} is not one of {', '.join(HASHES)}"
            )
        if self.signature_encoding not in ENCODINGS:
            raise OnliveConfigError(
                "extra.signature_encoding",
                f"{self.signature_encoding!r} is not one of {', '.join(ENCODINGS)}",
            )


def format_date(now: float) -> str:
    """Return the timestamp header's value, ``YYYYMMDDTHHmmssZ`` in UTC.

    :param now: seconds since the epoch.
    """
    return _format_second(int(now // 1))


@lru_cache(maxsize=16)
def _format_second(second: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))


def string_to_sign(
    profile: SigningProfile, *, method: str, url: str, body: bytes, date: str, access_key_id: str
) -> bytes:
    """Fill the profile's template with the parts of one request.

    :param url: the whole address as it is sent; its query must be canonical already (sorted, percent-encoded).
    :param body: the exact bytes of the body, empty when there is none.
    :param date: the value of the timestamp header.
    """
    address, _, query = url.partition("?")
    host, slash, path = address.partition("://")[2].partition("/")
    return _format(profile.string_to_sign) % {
        b"method": method.encode(),
        b"path": (slash + path).encode(),
        b"query": query.encode(),
        b"host": host.encode(),
        b"date": date.encode(),
        b"access_key_id": access_key_id.encode(),
        b"body": body,
        b"body_sha256": hashlib.sha256(body).hexdigest().encode(),
    }


@lru_cache(maxsize=16)
def _format(template: str) -> bytes:
    """Return a template as Python's own format of bytes: a template is filled once for every call that is made."""
    text = template.replace(r"\n", "\n").replace("%", "%%")
    return _PLACEHOLDER.sub(r"%(\1)b", text).encode()


def signature(profile: SigningProfile, secret_access_key: str, text: bytes) -> str:
    """Return the keyed hash of the string to sign, encoded as the profile says."""
    digest = hmac.digest(secret_access_key.encode(), text, profile.signature_hash)
    return digest.hex() if profile.signature_encoding == "hex" else base64.b64encode(digest).decode()


def sign(
    profile: SigningProfile, credentials: Credentials, *, method: str, url: str, body: bytes, now: float
) -> dict[str, str]:
    """Return the two headers that authenticate one attempt: the timestamp and ``Authorization``.

    :param now: seconds since the epoch at which this very attempt is signed.
    """
    date = format_date(now)
    text = string_to_sign(
        profile, method=method, url=url, body=body, date=date, access_key_id=credentials.access_key_id
    )
    signed = signature(profile, credentials.secret_access_key, text)
    return {
        DATE_HEADER: date,
        "Authorization": f"ONLIVESITE Credential:{credentials.access_key_id}, Signature={signed}",
    }
