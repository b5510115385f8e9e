"""The one definition of guests' data, and what is done with it: hidden in JSON, masked in Airflow, kept out of errors.

Guests' data are e-mail addresses and phone numbers, wherever they stand in a text, and whatever stands under a name
such as ``phone``, ``mobilePhone``, ``mobile``, ``tel`` or ``agentComment``. UUIDs, dates and ISO 8601 times are not
phone numbers. All patterns take time that is linear in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from unicodedata import combining, normalize

HIDDEN = "<hidden>"
"""Stands in a report and in XCom for guests' data. It cannot be sent back."""

MAX_KEY = 80
"""Characters of an object's key that an error shows."""
MAX_KEY_DIGITS = 6
"""A key with so many digits may be a phone number."""
MIN_MASKED_COMMENT = 16
"""Characters of a comment that Airflow masks wherever it stands: shorter ones are words that a log needs."""

UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A UUID in its 36 characters: an id, and no phone number."""

_INVISIBLE = r"\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
"""Comes with a number that is copied from a list of contacts: soft hyphens, and marks of the writing's direction."""
_GAP = (
    rf"(?:[\s().\-/\u2010-\u2015\u2212\ufe58\ufe63\uff0d\uff08\uff09\uff0f\u2044\u00b7{_INVISIBLE}]"
    r"|\\(?:[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4})|%(?:20|28|29|2d|2f|c2%a0)){0,4}"
)
"""What may stand between two digits of a phone number, also as JSON, a repr or a URL escapes it."""
_DATE = r"(?:19|20)\d\d-[01]\d-[0-3]\d"
_PHONE = rf"(?:[+\uff0b]|%(?:25)*2b){_GAP}\d(?:{_GAP}\d){{6,}}|(?<![0-9a-z])\(?\d(?:{_GAP}(?!(?<!\d){_DATE})\d){{7,}}"
_CLOCK = r"(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
_HARMLESS = (
    rf"(?<![0-9a-f]){UUID_PATTERN.pattern}",
    rf"{_DATE}{_CLOCK}",
    r"(?<![\d-])\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?![\d-])",
    r"(?:19|20)\d\d[01]\d[0-3]\dT\d{4,6}(?!\d)",
    r"(?:19|20)\d\d(?P<dot>[./])[01]\d(?P=dot)[0-3]\d(?![./-]?\d)",
    r"[0-3]?\d(?P<dash>[./-])[01]?\d(?P=dash)(?:19|20)\d\d(?![./-]?\d)",
    r"\d{1,2}:\d\d:\d\d[.,]\d+",
    r"(?<![\d.])(?:0\.\d+(?![\d.])|[1-9]\d{0,5}\.\d{1,15}(?=\ ?(?:s|ms|min|h|€|EUR|USD)\b))",
)
"""UUIDs, ISO 8601 and its basic form, dates as people write them, a time of day, and numbers with a unit."""
_NUMBERS = re.compile(rf"(?=[\d%a-f+(\uff0b])(?:(?P<harmless>{'|'.join(_HARMLESS)})|{_PHONE})", re.IGNORECASE)
"""A phone number, or first what must not be taken for one."""

_AT = r"(?:[@\uff20\ufe6b]|%(?:25)*40)"
_IS_EMAIL = re.compile(_AT)
_QUOTED = rf"\\{{0,4}}\"[^\"\n]{{1,64}}\"(?={_AT})"
"""The local part of ``"ana lopez"@example.com``, also where JSON has escaped its quotes."""
_WORD = re.compile(rf"(?:{_QUOTED})?[^\s\"<>,;:()\\]+(?:(?<=@\[ipv6):[0-9a-f:.]{{2,60}}\]?)?", re.IGNORECASE)
_PART = re.compile(r"[^'=/?&{}\[\]|]+")
"""Of a word: without what a URL or a repr puts around an address."""

_URL_PART = re.compile(r"[^/?&=#]+")

_TITLE_WORD = re.compile(r"[^\W_]+")
_TITLE_GAP = re.compile(r"\0(?:[\s'\u2019.\-]*\0)*")
_TITLE_ENDS = " \t\u00b7\u2022-\u2013\u2014,:;|/…"

_WORDS_OF_NAME = re.compile(r"[A-Z]{2,}(?![a-z])|[^\W\d_][^\WA-Z\d_]*")
_PHONE_WORDS = frozenset(
    {"cell", "cellphone", "celular", "fax", "gsm", "handy", "mobile", "movil", "móvil", "tel", "telefon", "telefono"}
    | {"teléfono", "whatsapp"}
)
_NAME = re.compile(r"""(\\{0,8}["'])(\w{2,40})\1\s*:\s*""")
"""Of a member, in text that is JSON or prints a Python value, also inside of another's quotes."""
_VALUE = re.compile(
    r""""([^"\\]*(?:\\.[^"\\]*)*)"|'([^'\\]*(?:\\.[^'\\]*)*)'|\\{1,8}["']([^"']*)["']|(\d+)""", re.DOTALL
)
"""Text or a whole number."""
_SIGN = re.compile(rb"@|%(?:25)*40|%(?:25)*2b|phone|cell|celu|fax|gsm|handy|mob|vil\"|tel|whats|agent_?comment|\\u")
"""In lower case: of an e-mail address, of a name of private data, or of what only a closer look can tell."""
_QUOTED_UUID = re.compile(rf'"{UUID_PATTERN.pattern}"'.encode(), re.IGNORECASE)
_DIGITS = bytes(ord("0") if chr(byte).isdecimal() else byte for byte in range(128)) + bytes(range(128, 256))
_GAPS = b" ().-/\\nrt"


class _Escapes(dict[int, str]):
    """A character's number to what is shown of it."""

    def __missing__(self, number: int) -> str:
        each = chr(number)
        shown = each if each.isprintable() else each.encode("unicode_escape").decode()
        return self.setdefault(number, shown)


_ESCAPES = _Escapes()


def hide_personal_data(value: Any) -> Any:
    """Return JSON with :data:`HIDDEN` in the place of guests' data. A ``null`` stays: a cleared phone is no secret."""
    try:
        return _hidden(value)
    except RecursionError:
        return HIDDEN


def may_hold_personal_data(line: bytes) -> bool:
    """Whether a line of JSON has a sign of guests' data. Looking for signs is much cheaper than hiding.

    :param line: UTF-8.
    """
    if _SIGN.search(line.lower()):
        return True
    if line.isascii() and b"%" not in line:
        # Nearly every line ends here: what is left of it has no eight digits in a row, times set aside.
        digits = _QUOTED_UUID.sub(b'""', line).translate(_DIGITS).replace(b"0000-00-00T00", b"").translate(None, _GAPS)
        if b"00000000" not in digits and b"+0000000" not in digits:
            return False
    text = line.decode(errors="replace")
    return bool(_IS_EMAIL.search(text)) or any(_phones(text))


def personal_data(value: Any) -> Iterator[str]:
    """Yield every text in a value that is a guest's data, for Airflow to mask.

    :param value: a payload as rendered: JSON, one of our models, or text that holds JSON or prints a Python value.
    """
    if isinstance(value, str):
        if _IS_EMAIL.search(value):
            for word in filter(_IS_EMAIL.search, _WORD.findall(value)):
                yield from dict.fromkeys((word, *filter(_IS_EMAIL.search, _PART.findall(word))))
        yield from _phones(value)
        for name, found in _private_members(value):
            yield from _private_texts(name[2], found[1] or found[2] or found[3] or found[4])
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from personal_data(str(name))
            yield from _private_texts(name, member) if _is_private(name) else personal_data(member)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from personal_data(item)
    elif hasattr(value, "model_dump"):
        yield from personal_data(value.model_dump(exclude_unset=True))


def without_personal_data(text: str) -> str:
    """Return a text on one line with e-mail addresses and phone numbers taken out, safe to stand in an error."""
    return printable(_replaced(" ".join(text.split()), "<e-mail>", "<phone>"))


def title_without_guests(title: object, guests: object) -> str:
    """Return an appointment's title on one line, without words that stand in its guests' data.

    Empty where a guest has no name in the data, or there is no guest: nobody can tell then which word is a name.
    """
    known = [_guests_words(each) for each in guests] if isinstance(guests, list) else []
    if not isinstance(title, str) or not known or not all(known):
        return ""
    private = set().union(*known)
    text = _TITLE_WORD.sub(lambda word: "\0" if _folded(word[0]) in private else word[0], title.replace("\0", " "))
    return without_personal_data(_TITLE_GAP.sub("…", text)).strip(_TITLE_ENDS)


def _guests_words(guest: Any) -> set[str]:
    """Return the words of what a guest's data say; none where no name is among them."""
    data = guest.get("extraFields") if isinstance(guest, Mapping) else None
    if not isinstance(data, Mapping) or not any("name" in str(key).casefold() and data[key] for key in data):
        return set()
    return {_folded(word) for text in _texts(guest) for word in _TITLE_WORD.findall(text)}


def _folded(word: str) -> str:
    """Return a word without its case and accents."""
    return "".join(each for each in normalize("NFKD", word) if not combining(each)).casefold()


def on_one_line(text: str) -> str:
    """Return a text that cannot forge a line of a log or a table, nor turn the writing's direction or a terminal.

    White space becomes single blanks; other characters that do not print are shown as Python escapes them.
    """
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Return a text in which characters that do not print are shown as Python escapes them."""
    return text if text.isprintable() else text.translate(_ESCAPES)


def is_safe_key(key: str) -> bool:
    """Whether an object's key may stand in an error.

    A key is a name, so less is needed than in a text to take it for a guest's data: an ``@``, or six digits.
    """
    if len(key) > MAX_KEY:
        return False
    return key.isalpha() or not (_IS_EMAIL.search(key) or sum(map(str.isdecimal, key)) >= MAX_KEY_DIGITS)


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return _hidden_text(value)
    if isinstance(value, Mapping):
        return {
            _hidden(name): _hide_all(member) if _is_private(name) else _hidden(member) for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_hidden(item) for item in value]
    return value


def _hidden_text(text: str) -> str:
    if text.isalpha() or UUID_PATTERN.fullmatch(text):  # Most names and values end here: a word, or an id.
        return text
    if text.lstrip()[:1] in ("{", "["):
        try:
            held = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            shown = _hidden(held)
            text = text if shown == held else json.dumps(shown, ensure_ascii=False)
    return _replaced(text, HIDDEN, HIDDEN)


def _private_members(text: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """Yield the name and the value of each member that is a guest's data, in text that holds an object."""
    end = 0
    for name in _NAME.finditer(text):
        if name.start() >= end and _is_private(name[2]) and (value := _VALUE.match(text, name.end())):
            end = value.end()
            yield name, value


def _replaced(text: str, email: str, phone: str) -> str:
    parts, end = [], 0
    for name, value in _private_members(text):
        parts += [text[end : name.end()], name[1], HIDDEN, name[1]]
        end = value.end()
    text = "".join([*parts, text[end:]])
    if _IS_EMAIL.search(text):
        text = _WORD.sub(lambda word: _without_email(word[0], email) if _IS_EMAIL.search(word[0]) else word[0], text)
    return _NUMBERS.sub(lambda found: found["harmless"] or phone, text)


def _without_email(word: str, email: str) -> str:
    """Return what stands for a word with an address in it. Of a URL the rest stays."""
    if not word.startswith("/"):
        return email
    return _URL_PART.sub(lambda part: email if _IS_EMAIL.search(part[0]) else part[0], word)


def _phones(text: str) -> Iterator[str]:
    return (found[0] for found in _NUMBERS.finditer(text) if not found["harmless"])


@lru_cache(maxsize=1024)
def _is_phone_name(name: str) -> bool:
    folded = name.casefold()
    return "phone" in folded or not _PHONE_WORDS.isdisjoint(map(str.casefold, _WORDS_OF_NAME.findall(name)))


def _is_comment_name(name: str) -> bool:
    return name.replace("_", "").casefold() == "agentcomment"


def _is_private(name: object) -> bool:
    """Whether whatever stands under a name is a guest's data."""
    return isinstance(name, str) and len(name) <= MAX_KEY and (_is_phone_name(name) or _is_comment_name(name))


def _hide_all(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_hidden(name): _hide_all(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_hide_all(item) for item in value]
    return None if value is None else HIDDEN


def _private_texts(name: str, value: Any) -> Iterator[str]:
    """Yield every text and number under a name that says phone, and a comment unless it is an ordinary word or two."""
    if _is_phone_name(name):
        yield from _texts(value)
    elif _is_comment_name(name):
        yield from (text for text in _texts(value) if len(text) >= MIN_MASKED_COMMENT)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)
