"""The one definition of guests' data, and what is done with it: hidden in JSON, masked in Airflow, kept out of errors.

Guests' data are e-mail addresses and phone numbers, wherever they stand in a text, and whatever stands under a name
such as ``phone``, ``mobilePhone``, ``mobile`` or ``tel``. UUIDs and ISO 8601 times are not phone numbers. All patterns
take time that is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "<hidden>"
"""Stands in a report for an e-mail address or a phone number. It cannot be sent back."""

MAX_KEY = 80
"""Characters of an object's key that an error shows."""
MAX_KEY_DIGITS = 6
"""A key with so many digits may be a phone number."""

UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A UUID in its 36 characters: an id, and no phone number."""

_TIME = r"(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
_GAP = r"(?:[\s().\-/]|\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})){0,3}"
"""What may stand between two digits of a phone number, also as JSON or a repr escapes it."""
_PHONE = rf"\+\(?\d(?:{_GAP}\d){{6,}}|(?<![0-9a-z])\d(?:{_GAP}\d){{7,}}"
_NUMBERS = re.compile(rf"({UUID_PATTERN.pattern}|{_TIME})|{_PHONE}", re.IGNORECASE)
"""UUIDs and times, which come first so that no phone number is found in them, or a phone number."""
_WORD = re.compile(r"[^\s\"'<>,;:()\\=/?&]+")
_WORDS_OF_NAME = re.compile(r"[A-Z]{2,}(?![a-z])|[^\W\d_][^\WA-Z\d_]*")
_PHONE_WORDS = frozenset(
    {"cell", "cellphone", "fax", "mobile", "movil", "móvil", "tel", "telefono", "teléfono", "whatsapp"}
)
_MEMBER = re.compile(r"""["'](\w{2,40})["']\s*:\s*["']([^"']+)["']""")
_SIGN = re.compile(rb"@|%40|phone|cell|fax|mob|vil\"|tel|whats")
"""Of an e-mail address or a phone's name, in lower case."""
_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else byte for byte in range(128)) + bytes(range(128, 256))
_GAPS = b" ().-/\\nrt"


def hide_personal_data(value: Any) -> Any:
    """Return JSON with :data:`HIDDEN` in the place of guests' data. A ``null`` stays: a cleared phone is no secret."""
    if isinstance(value, str):
        return _replaced(value, HIDDEN, HIDDEN)
    if isinstance(value, Mapping):
        return {
            hide_personal_data(name): _hide_all(member) if _names_a_phone(name) else hide_personal_data(member)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_personal_data(item) for item in value]
    return value


def may_hold_personal_data(line: bytes) -> bool:
    """Whether a line of JSON has a sign of guests' data. Looking for signs is much cheaper than hiding.

    :param line: UTF-8.
    """
    if _SIGN.search(line.lower()):
        return True
    if line.isascii():
        # Nearly every line ends here: what is left of it has no eight digits in a row, times set aside.
        digits = line.translate(_DIGITS).replace(b"0000-00-00T00", b"").translate(None, _GAPS)
        if b"00000000" not in digits:
            return False
    return any(found[1] is None for found in _NUMBERS.finditer(line.decode(errors="replace")))


def personal_data(value: Any) -> Iterator[str]:
    """Yield every text in a value that is a guest's data, for Airflow to mask.

    :param value: a payload as rendered: JSON, one of our models, or text that holds JSON or prints a Python value.
    """
    if isinstance(value, str):
        yield from (word for word in _WORD.findall(value) if _is_email(word))
        yield from (found[0] for found in _NUMBERS.finditer(value) if found[1] is None)
        yield from (text for name, text in _MEMBER.findall(value) if _names_a_phone(name))
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from personal_data(str(name))
            yield from _texts(member) if _names_a_phone(name) else personal_data(member)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from personal_data(item)
    elif hasattr(value, "model_dump"):
        yield from personal_data(value.model_dump(exclude_unset=True))


def without_personal_data(text: str) -> str:
    """Return a text on one line with e-mail addresses and phone numbers taken out, safe to stand in an error."""
    return _replaced(" ".join(text.split()), "<e-mail>", "<phone>")


def is_safe_key(key: str) -> bool:
    """Whether an object's key may stand in an error.

    A key is a name, so less is needed than in a text to take it for a guest's data: an ``@``, or six digits.
    """
    if len(key) > MAX_KEY:
        return False
    return key.isalpha() or not (_is_email(key) or sum(map(str.isdecimal, key)) >= MAX_KEY_DIGITS)


def _replaced(text: str, email: str, phone: str) -> str:
    if "@" in text or "%40" in text:
        text = _WORD.sub(lambda word: email if _is_email(word[0]) else word[0], text)
    return _NUMBERS.sub(lambda found: found[1] or phone, text)


def _is_email(word: str) -> bool:
    return "@" in word or "%40" in word


@lru_cache(maxsize=1024)
def _is_phone_name(name: str) -> bool:
    folded = name.casefold()
    return "phone" in folded or not _PHONE_WORDS.isdisjoint(map(str.casefold, _WORDS_OF_NAME.findall(name)))


def _names_a_phone(name: object) -> bool:
    return isinstance(name, str) and _is_phone_name(name)


def _hide_all(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {hide_personal_data(name): _hide_all(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_hide_all(item) for item in value]
    return None if value is None else HIDDEN


def _texts(value: Any) -> Iterator[str]:
    """Yield every text and number under a name that says phone."""
    if isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)
