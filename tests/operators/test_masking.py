"""Guests' e-mail addresses and phone numbers reach Airflow's masker, whatever form the payload has."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import redact

from onlive_provider.errors import OnliveError
from onlive_provider.models.appointment import Guest
from onlive_provider.operators import masking
from onlive_provider.operators.masking import mask_personal_data, pattern_of, unveil, veil, without_frames
from onlive_provider.privacy import HIDDEN

GUEST = {"email": "eva.{}@example.com", "extraFields": {"firstName": "Eva", "phone": "+346111222{}"}}


def guest(number: int) -> dict[str, Any]:
    return json.loads(json.dumps(GUEST).replace("{}", str(number)))


@pytest.mark.parametrize(
    ("number", "form"),
    [
        (1, lambda guests: {"guests": guests}),
        (2, lambda guests: json.dumps({"guests": guests})),
        (3, lambda guests: str({"guests": guests})),
        (4, lambda guests: {"guests": json.dumps(guests)}),
        (5, lambda guests: {"guests": tuple(guests)}),
        (6, lambda guests: {"guests": [Guest(**guests[0])]}),
        (7, lambda guests: {"extraFields": {"note": f"ask {guests[0]['email']}", "phone": [GUEST, "+3461112227"]}}),
    ],
    ids=["a dict", "JSON text", "Python's text", "JSON text inside", "a tuple", "a model", "elsewhere"],
)
def test_guests_addresses_and_numbers_are_masked(number: int, form: Any) -> None:
    email, phone = f"eva.{number}@example.com", f"+346111222{number}"
    before = f"write to {email} or call {phone}"
    assert redact(before) == before
    mask_personal_data(form([guest(number)]))
    assert redact(before) == "write to *** or call ***"


@pytest.mark.parametrize("payload", [{}, None, 7, "", {"title": "Max", "state": None, "duration": 45}])
def test_nothing_else_is_masked(payload: Any) -> None:
    mask_personal_data(payload)
    assert redact("Max 45 confirmed") == "Max 45 confirmed"


def many(number: int) -> list[dict[str, Any]]:
    return [
        {"email": f"ida.{index}@example.com", "extraFields": {"phone": f"+4670{index:07}"}} for index in range(number)
    ]


def test_thousands_of_guests_are_masked() -> None:
    guests = many(5_000)
    mask_personal_data({"guests": guests})
    for guest in guests[::100]:
        email, phone = guest["email"], guest["extraFields"]["phone"]
        assert redact(f"write to {email} or call {phone}") == "write to *** or call ***"
    harmless = "2026-11-26T08:30:00.000Z 2026-11-26 1610c525-f19a-40d0-8cd1-03daba3d2d98 5,000 rows in 12.5 s"
    assert redact(harmless) == harmless


def test_a_pattern_is_compiled_once_a_value_however_many_guests_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    engine = getattr(masking._masker_module(), "re2", masking.re)
    compile_pattern = engine.compile

    def counted(pattern: str, *arguments: Any) -> Any:
        compiled.append(pattern)
        return compile_pattern(pattern, *arguments)

    monkeypatch.setattr(engine, "compile", counted)
    mask_personal_data({"guests": many(1_000)})
    assert len(compiled) == 1
    mask_personal_data({"guests": many(1_000)})
    assert len(compiled) == 1
    assert len(compiled[0]) < 25_000


def test_an_airflow_that_keeps_its_masker_elsewhere_masks_the_first_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(masking._masker_module(), "_secrets_masker")
    told: list[Any] = []
    monkeypatch.setattr(masking._teller_module(), "mask_secret", told.append)
    masking.mask_personal_data({"guests": [{"email": "ana.lopez@example.com"}]})
    assert told == [["ana.lopez@example.com"]]


def test_what_is_masked_later_leaves_the_guests_masked() -> None:
    mask_personal_data({"guests": many(300)})
    masking._teller_module().mask_secret("a-secret-of-later")
    assert redact("ida.299@example.com a-secret-of-later +46700000299") == "*** *** ***"


def test_numbers_of_an_odd_form_are_masked_as_long_as_there_is_room() -> None:
    numbers = [f"60-{index:02}~{index:05}" for index in range(3_000)]
    mask_personal_data({"mobile": numbers})
    assert [redact(f"to {number}.") for number in numbers[:900]] == ["to ***."] * 900
    assert redact(numbers[-1]) == numbers[-1]


@pytest.mark.parametrize(
    "words", [["a"], ["ab", "a"], ["a+b", "a.b", "a"], ["x" * length for length in range(1, 60)], ["é@x", "e@x", "é"]]
)
def test_a_pattern_of_words_finds_each_as_a_whole_and_nothing_else(words: list[str]) -> None:
    pattern = re.compile(pattern_of(words))
    assert [pattern.match(f"{word}\n")[0] for word in words] == words  # type: ignore[index]
    assert pattern.search("A-Z 0-9 ñ") is None


LIVELY = {"email": "kai.1@example.com", "extraFields": {"phone": "5678"}}
PRIVATE = {"title": "Visit", "guests": [LIVELY], "agentComment": "wants 'no' calls"}
SHOWN = {
    "title": "Visit",
    "guests": [{"email": HIDDEN, "extraFields": {"phone": HIDDEN}}],
    "agentComment": HIDDEN,
}


class Holder:
    template_fields = ("field",)

    def __init__(self, field: Any) -> None:
        self.field = field


@pytest.mark.parametrize("value", [PRIVATE, json.dumps(PRIVATE), str(PRIVATE), [PRIVATE], f" {json.dumps([PRIVATE])} "])
def test_a_veiled_value_shows_its_fields_without_guests_data_and_is_given_back_as_it_was(value: Any) -> None:
    holder = Holder(value)
    veil(holder, "field")
    veil(holder, "field")
    shown = holder.field.serialize()
    seen = json.loads(shown) if isinstance(shown, str) else shown
    assert seen in (SHOWN, [SHOWN])
    for text in (str(holder.field), repr(holder.field), f"{shown}"):
        assert "Visit" in text
        for private in ("kai", "5678", "calls"):
            assert private not in text
    unveil(holder)
    assert holder.field is value


@pytest.mark.parametrize("text", ["{'agentComment': 'wants", "wants calls", '{"agentComment": "wants"'])
def test_text_that_cannot_be_read_is_not_shown(text: str) -> None:
    holder = Holder(text)
    veil(holder, "field")
    assert str(holder.field) == f"(text of {len(text)} characters that cannot be read as JSON)"


def test_text_without_guests_data_is_shown_as_it_was_given() -> None:
    holder = Holder(' {"title":  "Visit"}')
    veil(holder, "field")
    assert str(holder.field) == ' {"title":  "Visit"}'


def test_of_a_long_list_the_beginning_is_shown() -> None:
    rows = [{"id": str(index), "agentComment": "x" * 100} for index in range(100_000)]
    holder = Holder(rows)
    veil(holder, "field")
    shown = holder.field.serialize()
    assert shown[0] == {"id": "0", "agentComment": HIDDEN}
    assert shown[-1] == "... (100,000 in all)"
    assert len(shown) < 1_000


def test_an_error_that_is_among_its_own_causes_loses_its_frames_too() -> None:
    first, second = OnliveError("first"), ValueError("second")
    for error in (first, second):
        with pytest.raises(type(error)):
            raise error
    first.__context__, second.__context__ = second, first
    without_frames(first)
    assert first.__traceback__ is None
    assert second.__traceback__ is None
