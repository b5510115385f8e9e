"""Guests' e-mail addresses and phone numbers reach Airflow's masker, whatever form the payload has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import redact

from onlive_provider.models.appointment import Guest
from onlive_provider.operators.masking import mask_personal_data

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
