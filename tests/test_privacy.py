"""The report, Airflow's masker and the errors give the same answer about every spelling of guests' data."""

from __future__ import annotations

import json

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.fields import APPOINTMENT
from onlive_provider.privacy import (
    HIDDEN,
    hide_personal_data,
    is_safe_key,
    may_hold_personal_data,
    personal_data,
    without_personal_data,
)

EMAILS = ["ana.lopez+x@example.co.uk", "ANA@EXAMPLE.COM", "añá@exämple.com", "ana%40example.com", "ana@team.test"]
PHONES = [
    "+34600000000",
    "+34 600 000 000",
    "+34-600-000-000",
    "+34 (600) 000-000",
    "+(34) 600 000 000",
    "0034600000000",
    "600000000",
    "600 000 000",
    "600.000.000",
    "(600) 000-0000",
    "030/60000000",
    "60 00 00 00",
    "+34\u00a0600\u00a0000\u00a0000",
    "+34\u2009600\u2009000\u2009000",
    "+34\n600\n000\n000",
    "600\t000\t000",
    "\uff16\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff10",
]
HARMLESS = [
    "1610c525-f19a-40d0-8cd1-03daba3d2d98",
    "12345678-1234-4123-8123-123456789012",
    "2025-03-10T08:00:00.000Z",
    "2025-03-10T08:30:00+02:00",
    "2025-03-10 08:00",
    "2024-10-13 to 2025-10-14",
    "confirmed",
    "Test drive 45 min, room 1201",
    "10.0.0.1:8443",
    "1,000 reads",
]
PHONE_NAMES = [
    "phone", "Phone", "phoneNumber", "workPhone", "mobile_phone", "phones", "mobile", "mobileNumber", "tel", "TEL",
    "tel_work", "contactTel", "telefono", "móvil", "fax", "whatsapp", "cell",
]  # fmt: skip
OTHER_NAMES = ["hotel", "intelligence", "cancelled", "title", "telling", "excellent", "faxon", "mobility", "priority"]


def is_hidden(text: str) -> bool:
    return HIDDEN in hide_personal_data(text)


@pytest.mark.parametrize("text", [*EMAILS, *PHONES])
def test_every_treatment_finds_it(text: str) -> None:
    sentence = f"Ask {text} first"
    assert hide_personal_data(sentence) == f"Ask {HIDDEN} first" or text.startswith("(")
    assert is_hidden(sentence)
    assert may_hold_personal_data(json.dumps(sentence, ensure_ascii=False).encode())
    assert not is_safe_key(text)
    assert hide_personal_data({text: 1}) != {text: 1}
    assert without_personal_data(sentence) != " ".join(sentence.split())
    masked = list(personal_data(sentence))
    assert len(masked) == 1
    assert masked[0] in text
    assert list(personal_data({text: 1})) == masked


@pytest.mark.parametrize("text", HARMLESS)
def test_no_treatment_finds_it(text: str) -> None:
    assert hide_personal_data(text) == text
    assert without_personal_data(text) == text
    assert list(personal_data(text)) == []
    assert not may_hold_personal_data(json.dumps(text).encode())


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


def test_a_cleared_phone_stays_cleared() -> None:
    assert hide_personal_data({"mobile": None}) == {"mobile": None}
    assert list(personal_data({"mobile": None, "phone": True})) == []


@pytest.mark.parametrize("text", [*EMAILS, *PHONES])
def test_an_id_that_is_a_guests_data_does_not_stand_in_the_error(text: str) -> None:
    with pytest.raises(OnlivePayloadError, match="is not a UUID") as caught:
        APPOINTMENT.record_path(text)
    shown = str(caught.value)
    assert text not in shown
    assert "ana" not in shown.casefold()
    assert "600" not in shown


@pytest.mark.parametrize("key", ["x" * 81, "ana@example.com", "ana%40example.com", "x600000"])
def test_a_key_that_is_too_long_or_a_guests_is_not_shown(key: str) -> None:
    assert not is_safe_key(key)


@pytest.mark.parametrize("key", ["extraFields", "room 2", "tag-17", "número", "first_name"])
def test_an_ordinary_key_is_shown(key: str) -> None:
    assert is_safe_key(key)
