"""Readers of single values: text, numbers, flags, ids, links and e-mail addresses.

Each takes what a caller or a template gave, returns what is sent, and raises ``Refusal`` for anything else.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlsplit
from uuid import UUID

from onlive_provider.models.sentences import MISSING_TEXTS, Refused, refuse_missing
from onlive_provider.models.wording import counted
from onlive_provider.privacy import UUID_PATTERN

LARGEST_NUMBER = 2**53 - 1
"""Above it, a JSON parser that stores numbers as doubles loses digits."""

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def read_text(value: object) -> str:
    """Read text, which is sent exactly as it was given.

    A number is refused, not turned into text: if native template rendering made it from a phone number or a version, a
    plus sign, a leading zero or a last decimal is already lost.
    """
    if type(value) is str and value.isascii() and value not in MISSING_TEXTS:
        return value
    refuse_missing(value)
    if not isinstance(value, str):
        if not isinstance(value, numbers.Number):
            raise Refused(value, "text")
        kind = "a boolean" if isinstance(value, bool) else "a number"
        raise Refused(
            value,
            "text; quote it in the template or pass it as a string",
            because=f"{kind} where text belongs: native template rendering may have eaten a plus sign, a zero, "
            "a decimal or the quotes",
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused(value, "text that UTF-8 can carry", because="with half a character in it") from None
    return str.__str__(value)


def read_word(value: object) -> str:
    """Read text that must not be blank, such as a state. Any value is accepted: the vendor may add some."""
    text = read_text(value)
    if not text.strip():
        raise Refused(value, "text that is not blank", because="which is blank")
    return text


def read_calendar_id(value: object) -> str:
    """Read a calendar's id, sent as given: the API matches it with an external id, which need not be a UUID."""
    return read_word(str(value) if isinstance(value, UUID) else value)


def read_flag(value: object) -> bool:
    """Read true or false, also as the text that a template makes of it, in any case.

    :raises Refusal: it is anything else; 0, 1, "yes" and "no" too.
    """
    if isinstance(value, bool):
        return value
    refuse_missing(value)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in {"true", "false"}:
        raise Refused(value, 'True or False, or the text "true" or "false"')
    return word == "true"


def number(unit: str, *, above_zero: bool) -> Callable[[object], int | float]:
    """Return a reader of numbers in a unit, above 0 or from 0."""
    accepted = f"a number of {unit} greater than 0" if above_zero else f"a number of {unit}, 0 or more"

    def read_number(value: object) -> int | float:
        refuse_missing(value)
        if isinstance(value, bool):
            raise Refused(value, accepted, because="a boolean where a number belongs")
        given = value
        if isinstance(value, str):
            text = value.strip()
            if not _NUMBER.fullmatch(text):
                raise Refused(value, accepted, because="which is not a number")
            given = Decimal(text)
        number = exact_number(given)
        if number is None or abs(number) > LARGEST_NUMBER:
            raise Refused(value, f"{accepted}, at most {LARGEST_NUMBER}")
        if number < 0 or (above_zero and not number):
            raise Refused(value, accepted)
        return int(number) if number == int(number) else number

    return read_number


def exact_number(value: object) -> int | float | None:
    """Turn a Python number into the JSON number of the same value.

    :param value: an int (also of another library that says it is one), a float or a Decimal; no bool.
    :returns: ``None`` if no JSON number has that value: not finite, beyond a double, or more digits than it holds.
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, numbers.Integral):
        whole = int(value)
        return whole if whole.bit_length() <= 1024 else None
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    if value.as_tuple().exponent == 0:
        return exact_number(int(value))
    number = float(value)
    return number if Decimal(repr(number)) == value else None


def read_record_id(value: object) -> str:
    """Read a UUID in its 36 characters and return it in lower case."""
    refuse_missing(value)
    text = str(value) if isinstance(value, UUID) else value
    if not isinstance(text, str) or not UUID_PATTERN.fullmatch(text):
        length = f"which has {counted(len(text), 'character')} and is not a UUID" if isinstance(text, str) else ""
        raise Refused(
            value, "a UUID in its 36 characters, such as 1610c525-f19a-40d0-8cd1-03daba3d2d98", because=length
        )
    return text.lower()


def read_link(value: object) -> str:
    """Read the address of a picture, sent as given: a URL, a path, a ``data:`` URL, or empty.

    Refused is what is a slip for sure: blanks and control characters, and a web address without a host.
    """
    text = read_text(value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme not in {"http", "https"} or (bool(parts.hostname) and parts.port != 0)
    except ValueError:  # what urlsplit says of a broken port or bracket
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise Refused(value, "a URL, a path, or an empty text, without blanks")
    return text


def read_email(value: object) -> str:
    """Read an e-mail address, sent as given. Only its form counts: no look-up is made, and any domain is taken."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

    text = read_text(value)
    domain = text.rpartition("@")[2].lower()
    # The library refuses domains for special use, such as `.local`. Companies use them: check the form with another.
    is_special = domain == "localhost" or domain.endswith(tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES))
    try:
        validate_email(f"{text}.com" if is_special else text, check_deliverability=False)
    except EmailNotValidError:
        raise Refused(
            value, "one plain address such as name@example.com", because="not a valid e-mail address"
        ) from None
    return text
