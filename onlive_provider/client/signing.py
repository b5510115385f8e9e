"""How a request is signed: a profile that is data, and one pure function per stage in the order it happens.

The vendor documents what is signed on its authentication page, "Step 2: Create the String to Sign". This provider was
written without sight of that page, so the default profile is an assumption. A customer corrects it in the Connection's
extra, without code: ``onlive check --find-signature`` looks for the right one, and the page says it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from onlive_provider.client.placeholders import KEY_PLACEHOLDERS, PLACEHOLDERS, SECRET_FORMS, SignedParts, moment
from onlive_provider.errors import OnliveConfigError

DATE_HEADER = "x-onlive-site-date"
DEFAULT_STRING_TO_SIGN = r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n{body_sha256}"
DEFAULT_SIGNING_KEY = "{secret}"
HASHES = ("sha256", "sha512", "sha1")
ENCODINGS = ("hex", "base64")

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_CANONICAL_REQUEST_HASH = "canonical_request_hash"
_MAX_NAME = 40


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

    In all templates ``\n`` is a newline, and ``{...}`` one of the placeholders of ``client/placeholders.py``.

    :param string_to_sign: the template of what is signed. It, or the canonical request, must hold a time.
    :param canonical_request: the template whose hash ``{canonical_request_hash}`` is in the string to sign; empty when
        there is no such stage.
    :param signing_key: lines. The first, with ``{secret}``, is the key of the HMAC; each further line is HMACed with
        the key so far, and that is the next key.
    :param signature_hash: ``sha256``, ``sha512`` or ``sha1``: the hash of every HMAC and of the canonical request.
    :param signature_encoding: ``hex`` (lower case) or ``base64``.
    :raises OnliveConfigError: naming the setting that cannot be used.
    """

    string_to_sign: str = DEFAULT_STRING_TO_SIGN
    canonical_request: str = ""
    signing_key: str = DEFAULT_SIGNING_KEY
    signature_hash: str = "sha256"
    signature_encoding: str = "hex"

    def __post_init__(self) -> None:
        """Refuse a profile that could not sign."""
        in_string = _names("string_to_sign", self.string_to_sign, PLACEHOLDERS)
        in_request = _names("canonical_request", self.canonical_request, PLACEHOLDERS)
        _check_stages(self, in_string, in_request)
        if not any(PLACEHOLDERS[name].group == "time" for name in in_string + in_request):
            raise _refused(
                "string_to_sign",
                "holds no {date}, so a recorded request could be replayed for ever; add {date} or another time",
            )
        _check_key(self.signing_key)
        for setting, accepted in (("signature_hash", HASHES), ("signature_encoding", ENCODINGS)):
            value = getattr(self, setting)
            if value not in accepted:
                raise _refused(setting, f"{value!r} is not one of {', '.join(accepted)}")


def _check_stages(profile: SigningProfile, in_string: list[str], in_request: list[str]) -> None:
    shown = f"{{{_CANONICAL_REQUEST_HASH}}}"
    if _CANONICAL_REQUEST_HASH in in_request:
        raise _refused("canonical_request", f"holds {shown}, which is its own hash; it belongs in string_to_sign")
    if profile.canonical_request and _CANONICAL_REQUEST_HASH not in in_string:
        raise _refused("canonical_request", f"is set, and extra.string_to_sign holds no {shown}; add it there")
    if not profile.canonical_request and _CANONICAL_REQUEST_HASH in in_string:
        raise _refused("string_to_sign", f"holds {shown}, and extra.canonical_request is not set; set it")


def _check_key(template: str) -> None:
    first, *further = _lines(template)
    names = _names("signing_key", first, SECRET_FORMS)
    if not names:
        raise _refused("signing_key", "holds no {secret} in its first line, which is the key; add it there")
    for line in further:
        if not line:
            raise _refused("signing_key", "holds an empty line; each further line is HMACed with the key so far")
        _names("signing_key", line, KEY_PLACEHOLDERS)


def _names(setting: str, template: str, accepted: Iterable[str]) -> list[str]:
    """Return the placeholders of a template.

    :raises OnliveConfigError: one is unknown or does not belong there, or a brace has no partner.
    """
    names = _PLACEHOLDER.findall(template)
    for name in names:
        if name in accepted:
            continue
        shown = name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}..."
        if name in SECRET_FORMS:
            raise _refused(setting, f"{{{shown}}} stands only in the first line of extra.signing_key")
        if name in PLACEHOLDERS:
            raise _refused(setting, f"{{{shown}}} cannot stand there; accepted are {_listed(accepted)}")
        raise _refused(setting, f"{{{shown}}} is not a placeholder; accepted are {_listed(accepted)}")
    rest = _PLACEHOLDER.sub("", template)
    if "{" in rest or "}" in rest:
        raise _refused(setting, f"a brace without its partner; accepted are {_listed(accepted)}")
    return names


def _listed(names: Iterable[str]) -> str:
    return " ".join(f"{{{name}}}" for name in names)


def _refused(setting: str, message: str) -> OnliveConfigError:
    return OnliveConfigError(f"extra.{setting}", message)


def _lines(template: str) -> list[str]:
    return template.replace(r"\n", "\n").split("\n")


def format_date(now: float) -> str:
    """Return the timestamp header's value, ``YYYYMMDDTHHmmssZ`` in UTC.

    :param now: seconds since the epoch.
    """
    return moment(int(now // 1)).date.decode()


@dataclass(frozen=True, slots=True)
class _Template:
    """A template as Python's own format of bytes, and what fills its gaps in their order."""

    text: bytes
    fillers: tuple[Callable[[SignedParts], bytes], ...]

    def fill(self, parts: SignedParts) -> bytes:
        return self.text % tuple([filler(parts) for filler in self.fillers])


@lru_cache(maxsize=4096)
def _compiled(template: str) -> _Template:
    """Return a template ready to be filled: that is done for every call, and reading it need not be."""
    text = template.replace(r"\n", "\n").replace("%", "%%")
    fillers = tuple(PLACEHOLDERS[name].fill for name in _PLACEHOLDER.findall(text))
    return _Template(_PLACEHOLDER.sub("%b", text).encode(), fillers)


def canonical_request(profile: SigningProfile, parts: SignedParts) -> bytes:
    """Return the canonical request, empty when the profile has none, and keep its hash for the string to sign."""
    text = _compiled(profile.canonical_request).fill(parts)
    parts.canonical_request_hash = hashlib.new(profile.signature_hash, text).hexdigest().encode()
    return text


def string_to_sign(profile: SigningProfile, parts: SignedParts) -> bytes:
    """Fill the profile's template with the parts of one request, whose canonical request was made before."""
    return _compiled(profile.string_to_sign).fill(parts)


def signing_key(profile: SigningProfile, secret_access_key: str, parts: SignedParts) -> bytes:
    """Return the key of the HMAC: the secret in its form, or what further lines derive from it.

    :raises OnliveConfigError: the secret is not in the form that the profile takes it for; it is not shown.
    """
    if profile.signing_key == DEFAULT_SIGNING_KEY:
        return secret_access_key.encode()
    first, further = _key_lines(profile.signing_key)
    return _derived_key(profile.signature_hash, first, secret_access_key, tuple([line.fill(parts) for line in further]))


def check_secret(profile: SigningProfile, secret_access_key: str) -> None:
    """Refuse a secret that is not in the form that the profile takes it for.

    :raises OnliveConfigError: naming the password, not showing it.
    """
    _first_key(_lines(profile.signing_key)[0], secret_access_key)


@lru_cache(maxsize=64)
def _key_lines(template: str) -> tuple[str, tuple[_Template, ...]]:
    first, *further = _lines(template)
    return first, tuple(map(_compiled, further))


@lru_cache(maxsize=64)
def _derived_key(hash_name: str, first: str, secret_access_key: str, lines: tuple[bytes, ...]) -> bytes:
    """Return the key that lines derive from the secret: most schemes derive one a day."""
    key = _first_key(first, secret_access_key)
    for line in lines:
        key = hmac.digest(key, line, hash_name)
    return key


def _first_key(template: str, secret_access_key: str) -> bytes:
    secret, key, end = secret_access_key.encode(), b"", 0
    for found in _PLACEHOLDER.finditer(template):
        try:
            form = SECRET_FORMS[found[1]].fill(secret)
        except ValueError:
            raise OnliveConfigError(
                "password", f"is not what extra.signing_key takes it for with {{{found[1]}}}; write {{secret}} there"
            ) from None
        key += template[end : found.start()].encode() + form
        end = found.end()
    return key + template[end:].encode()


def signature(profile: SigningProfile, key: bytes, text: bytes) -> str:
    """Return the keyed hash of the string to sign, encoded as the profile says."""
    digest = hmac.digest(key, text, profile.signature_hash)
    return digest.hex() if profile.signature_encoding == "hex" else base64.b64encode(digest).decode()


def sign(
    profile: SigningProfile, credentials: Credentials, *, method: str, url: str, body: bytes, now: float
) -> dict[str, str]:
    """Return the two headers that authenticate one attempt: the timestamp and ``Authorization``.

    :param url: the whole address as it is sent; its query must be canonical already (sorted, percent-encoded).
    :param body: the exact bytes of the body, empty when there is none.
    :param now: seconds since the epoch at which this very attempt is signed.
    """
    access_key_id = credentials.access_key_id
    parts = SignedParts(method, url, body, int(now // 1), access_key_id, profile.signature_hash)
    if profile.canonical_request:
        canonical_request(profile, parts)
    key = signing_key(profile, credentials.secret_access_key, parts)
    signed = signature(profile, key, string_to_sign(profile, parts))
    return {
        DATE_HEADER: parts.moment.date.decode(),
        "Authorization": f"ONLIVESITE Credential:{access_key_id}, Signature={signed}",
    }
