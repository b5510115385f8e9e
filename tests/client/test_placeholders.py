"""The set of placeholders: each is known by its own name and belongs to one group."""

from __future__ import annotations

from typing import get_args

import pytest

from onlive_provider.client.placeholders import KEY_PLACEHOLDERS, PLACEHOLDERS, SECRET_FORMS, Group, SignedParts
from onlive_provider.client.signing import SigningProfile


def test_every_placeholder_is_of_a_group_and_says_what_it_stands_for() -> None:
    for placeholder in PLACEHOLDERS.values():
        assert placeholder.group in get_args(Group), placeholder.name
        assert placeholder.meaning
    assert {each.name for each in PLACEHOLDERS.values() if each.name.startswith("body")} == {
        each.name for each in PLACEHOLDERS.values() if each.group == "body"
    }


def test_every_placeholder_of_a_key_can_stand_in_its_further_lines() -> None:
    assert set(KEY_PLACEHOLDERS) <= set(PLACEHOLDERS)
    for name in KEY_PLACEHOLDERS:
        SigningProfile(signing_key=rf"{{secret}}\n{{{name}}}")
    for name in SECRET_FORMS:
        SigningProfile(signing_key=f"{{{name}}}")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://api.example", b"api.example"),
        ("https://api.example:8443", b"api.example"),
        ("http://[::1]", b"[::1]"),
        ("http://[::1]:8080", b"[::1]"),
        ("http://7", b"7"),
    ],
)
def test_the_name_of_a_host_is_the_host_without_its_port(address: str, name: bytes) -> None:
    parts = SignedParts("GET", f"{address}/api", b"", 0, "AKID", "sha256")
    assert PLACEHOLDERS["host_name"].fill(parts) == name


def test_no_repr_shows_a_body() -> None:
    parts = SignedParts("PUT", "https://api.example/api/x?page=2", b"ana@example.com", 0, "AKID", "sha256")
    assert repr(parts) == "SignedParts(PUT /api/x)"
