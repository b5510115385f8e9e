"""The profiles that a search tries: the likeliest first, some hundreds, each of them usable."""

from __future__ import annotations

from onlive_provider.client.placeholders import PLACEHOLDERS
from onlive_provider.client.signing import ENCODINGS, HASHES, SigningProfile
from onlive_provider.connection.signature_candidates import body_variants, candidates, differences
from onlive_provider.connection.signature_table import BODY_FORMS

PROFILES = [candidate.profile for candidate in candidates()]


def test_the_default_profile_is_the_likeliest() -> None:
    assert PROFILES[0] == SigningProfile()


def test_there_are_some_hundreds_of_every_kind() -> None:
    assert 500 <= len(PROFILES) <= 2000
    assert {profile.signature_hash for profile in PROFILES} == set(HASHES)
    assert {profile.signature_encoding for profile in PROFILES} == set(ENCODINGS)
    assert {bool(profile.canonical_request) for profile in PROFILES} == {True, False}
    assert len({profile.signing_key for profile in PROFILES}) > 10


def test_no_profile_holds_a_word_that_was_to_be_replaced() -> None:
    for profile in PROFILES:
        text = f"{profile.string_to_sign} {profile.canonical_request} {profile.signing_key}"
        assert not any(word in text for word in ("STRING", "BODY", "ALGORITHM", "BRAND", "REQUEST", "-HASH"))


def test_every_order_of_the_five_parts_is_tried() -> None:
    tried = {profile.string_to_sign for profile in PROFILES}
    assert r"{body_sha256}\n{date}\n{query}\n{path}\n{method}" in tried
    assert r"{path}\n{date}\n{method}\n{body_sha256}\n{query}" in tried


def test_the_variants_of_a_profile_differ_in_the_bodys_part_only() -> None:
    for profile in (SigningProfile(), SigningProfile("{date}"), PROFILES[-1]):
        variants = list(body_variants(profile))
        assert len(variants) == len(BODY_FORMS)
        assert len({(each.signing_key, each.signature_hash, each.signature_encoding) for each in variants}) == 1


def test_every_form_of_the_body_is_a_variant() -> None:
    group = {f"{{{name}}}" for name, each in PLACEHOLDERS.items() if each.group == "body"}
    assert group <= set(BODY_FORMS)


def test_only_what_differs_from_the_default_is_to_be_pasted() -> None:
    assert differences(SigningProfile()) == {}
    for profile in PROFILES[::50]:
        assert SigningProfile(**differences(profile)) == profile
