"""The report, Airflow's masker and the errors give the same answer about every spelling of guests' data."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote

import pytest

from onlive_provider.privacy import (
    HIDDEN,
    hide_personal_data,
    is_safe_key,
    may_hold_personal_data,
    on_one_line,
    personal_data,
    title_without_guests,
    without_personal_data,
)

EMAILS = [
    "ana.lopez+x@example.co.uk",
    "ANA@EXAMPLE.COM",
    "añá@exämple.com",
    "アナ@例え.jp",
    "ana%40example.com",
    "ana%2540example.com",
    "ana@team.test",
    "ana@[192.168.100.1]",
    "ana@[IPv6:2001:db8::1]",
    "o'ana@example.com",
    "crm=ana@example.com",
    "ana&luis@example.com",
    "ana/x@example.com",
    "{ana}@example.com",
    "ana!x%example.com@relay.example.org",
    '"ana lopez"@example.com',
    '"ana@home"@example.com',
    "ana\uff20example.com",
    "ana@localhost",
    "@ana",
]
AROUND = ["<{}>", "({})", "[{}]", "mailto:{}", "'{}'", '"{}"', "{},", "{}.", "to:{};", "https://x.test/?guest={}&x=1"]
"""What may stand around an address or a number."""
PHONES = [
    "+34600000000",
    "+34 600 000 000",
    "+34-600-000-000",
    "+34 (600) 000-000",
    "+(34) 600 000 000",
    "+ 34 600 000 000",
    "+49 (0) 30 / 600 000-00",
    "+600 0000",
    "\uff0b34600000000",
    "%2B34600000000",
    "%2B34%20600%20000%20000",
    "0034600000000",
    "00 34 600 000 000",
    "600000000",
    "600 000 000",
    "600 00 00 00",
    "600.000.000",
    "(600) 000-0000",
    "(060) 000000-00",
    "030/60000000",
    "0160 60000000",
    "60 00 00 00",
    "+34\u00a0600\u00a0000\u00a0000",
    "+34\u2009600\u2009000\u2009000",
    "+34\u202f600\u202f000\u202f000",
    "\u202a+34 600 000 000\u202c",
    "600\u200b000\u200b000",
    "+34\n600\n000\n000",
    "600\t000\t000",
    *(f"600{dash}000{dash}000" for dash in "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d\u00ad"),
    "\uff16\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10",
    "\u0666\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660",
]
HARMLESS = [
    "1610c525-f19a-40d0-8cd1-03daba3d2d98",
    "12345678-1234-4123-8123-123456789012",
    "12345678-1234-4123-8123-123456789012,12345678-1234-4123-8123-123456789013",
    "2025-03-10T08:00:00.000Z",
    "2025-03-10T08:00:00.123456Z",
    "2025-03-10T08:30:00+02:00",
    "2025-03-10T08:00:00.000Z/2025-03-10T08:30:00.000Z",
    "20250310T083000Z",
    "2025-03-10 08:00",
    "2025-03-10",
    "2025-03-10 2025-03-11 2025-03-12",
    "room 12 2025-03-10",
    "10.03.2025",
    "10/03/2025",
    "2025/03/10",
    "2025.03.10",
    "2024-10-13 to 2025-10-14",
    "08:00:00.123456",
    "PT45M",
    "P1DT12H30M",
    "0:45:00.123456",
    "45.1234567 s",
    "0.123456789",
    "1,234,567.89 EUR",
    "1.234.567,89 €",
    "12345.67",
    "28013",
    "SW1A 1AA",
    "75008 Paris",
    "1234567",
    "10,000,000 rows",
    "3.11.4",
    "2.11.2, 3.3.2",
    "v1.26.11",
    "confirmed",
    "Test drive 45 min, room 1201",
    "10.0.0.1:8443",
    "1,000 reads",
    "a9f8e7d6c5b4a3",
]
PHONE_NAMES = [
    "phone", "Phone", "phoneNumber", "workPhone", "mobile_phone", "phones", "mobile", "mobileNumber", "tel", "TEL",
    "tel_work", "contactTel", "telefono", "móvil", "fax", "whatsapp", "cell", "handy", "celular", "Telefon", "gsm",
]  # fmt: skip
OTHER_NAMES = ["hotel", "intelligence", "cancelled", "title", "telling", "excellent", "faxon", "mobility", "priority"]


def shown_of(text: str) -> list[str]:
    """Return what each way of hiding leaves of a text."""
    return [
        hide_personal_data(text),
        hide_personal_data([text])[0],
        next(iter(hide_personal_data({text: 1}))),
        hide_personal_data(json.dumps({"note": text}, ensure_ascii=False)),
        hide_personal_data(f"{{'note': {text!r}}}"),
        without_personal_data(text),
        masked(text),
        masked(text, {text: 1}),
    ]


def masked(text: str, given: object = None) -> str:
    for word in sorted(set(personal_data(text if given is None else given)), key=len, reverse=True):
        text = text.replace(word, "***")
    return text


def is_bare(shown: str, secret: str) -> bool:
    """Whether a name or more than two of a number's groups of digits are left."""
    digits = sum(map(str.isdecimal, re.sub(r"\\u20[0-9a-f]{2}", "", shown)))
    return any(part in shown.casefold() for part in ("ana", "アナ", "añá")) or (secret in PHONES and digits > 3)


@pytest.mark.parametrize("around", ["{}", "Ask {} first", *AROUND])
@pytest.mark.parametrize("secret", [*EMAILS, *PHONES])
def test_every_treatment_finds_it(secret: str, around: str) -> None:
    if around.startswith("https:") and set(secret) & set("/?&=#"):
        secret = quote(secret, safe="")  # As it stands in a URL.
    text = around.replace("{}", secret)
    for shown in shown_of(text):
        assert not is_bare(shown, secret), shown
    assert may_hold_personal_data(json.dumps(text, ensure_ascii=False).encode())
    assert not is_safe_key(text)


def test_what_stands_around_it_is_left() -> None:
    assert hide_personal_data("Ana <ana@x.com>, +34 600 000 000 (home)") == f"Ana <{HIDDEN}>, {HIDDEN} (home)"


@pytest.mark.parametrize("text", HARMLESS)
def test_no_treatment_finds_it(text: str) -> None:
    assert hide_personal_data(text) == text
    assert without_personal_data(text) == text
    assert list(personal_data(text)) == []
    assert not may_hold_personal_data(json.dumps(text, ensure_ascii=False).encode())


@pytest.mark.parametrize("phone", ["+34 600 1", "(600) 1"])
def test_a_number_that_runs_into_an_id_is_found(phone: str) -> None:
    text = f"{phone}99610525-1419-4010-8123-000000000001"
    assert HIDDEN in hide_personal_data(text)
    assert may_hold_personal_data(json.dumps({"id": text}).encode())
    assert may_hold_personal_data(
        json.dumps({"id": "99610525-1419-4010-8123-000000000001", "note": phone + "00 200"}).encode()
    )


def test_an_id_alone_needs_no_closer_look() -> None:
    ids = {"id": "99610525-1419-4010-8123-000000000001", "serviceId": "1610C525-F19A-40D0-8CD1-123456789012"}
    assert hide_personal_data(ids) == ids
    assert not may_hold_personal_data(json.dumps(ids).encode())


@pytest.mark.parametrize("name", PHONE_NAMES)
def test_whatever_stands_under_a_phones_name_is_hidden_and_masked(name: str) -> None:
    given = {name: ["1234", {"home": 56789}]}
    assert hide_personal_data(given) == {name: [HIDDEN, {"home": HIDDEN}]}
    assert list(personal_data(given)) == ["1234", "56789"]
    assert may_hold_personal_data(json.dumps(given, ensure_ascii=False).encode())
    for text in (json.dumps({name: "1234"}, ensure_ascii=False), str({name: "1234"})):
        assert list(personal_data(text)) == ["1234"]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_name_that_only_looks_like_a_phones_hides_nothing(name: str) -> None:
    assert hide_personal_data({name: "1234"}) == {name: "1234"}
    assert list(personal_data({name: "1234"})) == []


@pytest.mark.parametrize("name", ["agentComment", "agent_comment", "AGENTCOMMENT"])
def test_a_comment_is_hidden_and_masked_unless_a_log_needs_its_words(name: str) -> None:
    given = {name: "wants no calls today"}
    assert hide_personal_data(given) == {name: HIDDEN}
    assert list(personal_data(given)) == ["wants no calls today"]
    assert list(personal_data({name: "called"})) == []
    assert may_hold_personal_data(json.dumps(given).encode())
    for text in (json.dumps(given), str(given), json.dumps({"text": json.dumps(given)})):
        assert "calls" not in hide_personal_data(text)
        assert "calls" not in hide_personal_data(f"refused: {text}")
        assert "calls" not in without_personal_data(f"refused: {text}")


@pytest.mark.parametrize("text", ['{"phone": "1234", "x": 1}', "{'phone': '1234', 'x': 1}", 'say {"phone": 1234}'])
def test_a_phone_in_text_that_holds_an_object_is_hidden(text: str) -> None:
    assert "1234" not in hide_personal_data(text)
    assert "phone" in hide_personal_data(text)


def test_objects_deeper_than_python_goes_are_hidden_as_a_whole() -> None:
    deep: object = "ana@example.com"
    for _ in range(5_000):
        deep = [deep]
    assert hide_personal_data({"extraFields": deep}) == HIDDEN
    assert hide_personal_data("[" * 100_000) == "[" * 100_000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo\r\nthree\tfour\x0bfive\u2028six\x85seven", "one two three four five six seven"),
        ("\x1b[31mred\x1b]8;;http://x\x1b\\\\", "\\x1b[31mred\\x1b]8;;http://x\\x1b\\\\"),
        ("\x9b31m\x00\x7f", "\\x9b31m\\x00\\x7f"),
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("half \ud800", "half \\ud800"),
        ("Ñandú 例え 😀", "Ñandú 例え 😀"),
    ],
)
def test_a_text_is_shown_on_one_line_with_nothing_that_a_terminal_obeys(text: str, line: str) -> None:
    assert on_one_line(text) == line
    assert without_personal_data(text) == line


PIECES = [
    "1", "1 ", "1-", "+1", "+", "(", "@", "a@", "%40", "%2B", "%", "%25", " ", "[", "{", '"', "'", "\\", "\\n1", "A",
    "a", "0123456789abcdef-", "1234567 x", "2025-03-10", "0.", "00:00:", '"ab":"', "'ab':'", '"ab":1', '"x', "\u200b1",
    "\x00", "tel", "aA", "Zz9+/", "\\u00a0",
]  # fmt: skip
TREATMENTS = {
    "hiding": hide_personal_data,
    "hiding keys": lambda text: hide_personal_data({text: text}),
    "looking for signs": lambda text: may_hold_personal_data(text.encode()),
    "masking": lambda text: list(personal_data(text)),
    "masking keys": lambda text: list(personal_data({text: text})),
    "an error": without_personal_data,
    "one line": on_one_line,
    "a key": is_safe_key,
}


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_the_time_grows_as_the_text_and_not_faster(treatment: str) -> None:
    def seconds(text: str) -> float:
        def once() -> float:
            start = time.process_time()
            TREATMENTS[treatment](text)
            return time.process_time() - start

        return min(once(), once())

    for piece in PIECES:
        few = seconds(piece * (8_000 // len(piece)))
        many = seconds(piece * (64_000 // len(piece)))
        assert many < 40 * few + 0.02, piece


def test_text_in_text_in_text_takes_linear_time_too() -> None:
    text = json.dumps({"phone": "1234"})
    for _ in range(12):
        text = json.dumps({"text": text})
    assert len(text) > 8_000
    assert "1234" not in hide_personal_data(text)


def test_a_cleared_phone_stays_cleared() -> None:
    assert hide_personal_data({"mobile": None}) == {"mobile": None}
    assert list(personal_data({"mobile": None, "phone": True})) == []


@pytest.mark.parametrize("key", ["x" * 81, "ana@example.com", "ana%40example.com", "ana\uff20example.com", "x600000"])
def test_a_key_that_is_too_long_or_a_guests_is_not_shown(key: str) -> None:
    assert not is_safe_key(key)


@pytest.mark.parametrize("key", ["extraFields", "room 2", "tag-17", "número", "first_name"])
def test_an_ordinary_key_is_shown(key: str) -> None:
    assert is_safe_key(key)


def guest(email: str = "lg1990@example.com", **data: str) -> dict[str, object]:
    return {"email": email, "extraFields": data}


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Product demo · Lucía García", "Product demo"),
        ("Product demo · LUCIA GARCIA", "Product demo"),
        ("García: test drive, Madrid", "test drive, Madrid"),
        ("Visit of Lucía García to Madrid", "Visit of … to Madrid"),
        ("Lucía", ""),
        ("Product demo, lucia@example.org, +34 600 000 000", "Product demo, <e-mail>, <phone>"),
    ],
)
def test_a_title_is_shown_without_its_guests_names(title: str, shown: str) -> None:
    assert title_without_guests(title, [guest(firstName="Lucía", lastName="García")]) == shown


def test_a_name_in_several_parts_and_one_that_only_the_address_holds_are_taken_out_too() -> None:
    guests = [guest(firstName="Ana María", lastName="O'Neill-Sáez"), guest("jordi.puig@example.com", firstName="J.")]
    assert title_without_guests("Handover: Ana María O'Neill-Sáez, Jordi Puig", guests) == "Handover"


@pytest.mark.parametrize(
    "guests",
    [None, [], [guest()], [guest(firstName="")], [guest(firstName="Ana"), guest()], ["Ana"], [{"email": "a@b.c"}]],
)
def test_a_title_is_not_shown_where_a_guest_has_no_name_to_look_for(guests: object) -> None:
    assert title_without_guests("Visit of Lucía García", guests) == ""
