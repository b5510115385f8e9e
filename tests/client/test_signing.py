from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.client.placeholders import PLACEHOLDERS, SignedParts, moment, second_of
from onlive_provider.client.protocol import Call, build_request
from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import (
    DEFAULT_STRING_TO_SIGN,
    HASHES,
    Credentials,
    SigningProfile,
    canonical_request,
    format_date,
    sign,
    signature,
    signing_key,
    string_to_sign,
)
from onlive_provider.connection.vectors import first_difference, read_vectors
from onlive_provider.errors import OnliveConfigError
from tests.client.independent_signature import independent_signature

VECTORS = Path(__file__).parent / "vectors"
"""Each holds a request, its canonical string, its signature and its headers. The signatures were made with
``openssl dgst -mac HMAC``, the canonical strings with ``independent_signature.py``."""


def load_vectors() -> list[Any]:
    return [
        pytest.param(vector, id=f"{path.stem}: {vector['name']}")
        for path in sorted(VECTORS.glob("*.json"))
        for vector in json.loads(path.read_text(encoding="utf-8"))
    ]


def stages(vector: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Yield each stage of a signature in the order it happens: its name, what came out, what the vector holds."""
    wanted, profile = vector["request"], SigningProfile(**vector["profile"])
    credentials = Credentials(**vector["credentials"])
    payload = None if wanted["body"] is None else json.loads(wanted["body"])
    request = build_request(
        Call(wanted["method"], wanted["path"], tuple(map(tuple, wanted["query"])), payload),
        base_url=wanted["base_url"],
        profile=profile,
        credentials=credentials,
        now=wanted["seconds_since_epoch"],
    )
    yield "body", request.body, None if wanted["body"] is None else wanted["body"].encode()
    yield "URL", request.url, vector["url"]
    parts = SignedParts(
        request.method,
        request.url,
        request.body or b"",
        second_of(format_date(wanted["seconds_since_epoch"])),
        credentials.access_key_id,
        profile.signature_hash,
    )
    yield "string to sign", string_to_sign(profile, parts).decode(), vector["string_to_sign"]
    key = signing_key(profile, credentials.secret_access_key, parts)
    yield "signature", signature(profile, key, vector["string_to_sign"].encode()), vector["signature"]
    for name, value in vector["headers"].items():
        yield f"header {name}", request.headers[name], value


def differing_stage(vector: dict[str, Any]) -> str | None:
    for name, found, wanted in stages(vector):
        if found != wanted:
            return f"{name}: {found!r} instead of {wanted!r}"
    return None


@pytest.mark.parametrize("vector", load_vectors())
def test_each_stage_of_a_signature_is_what_the_vector_says(vector: dict[str, Any]) -> None:
    assert differing_stage(vector) is None


@pytest.mark.parametrize("vector", load_vectors())
def test_the_vectors_agree_with_a_second_independent_implementation(vector: dict[str, Any]) -> None:
    profile = vector["profile"]
    assert vector["signature"] == independent_signature(
        vector["string_to_sign"].encode(),
        vector["credentials"]["secret_access_key"],
        profile["signature_hash"],
        profile["signature_encoding"],
    )


@pytest.mark.parametrize("stage", ["url", "string_to_sign", "signature"])
def test_a_failing_vector_names_the_first_stage_that_differs(stage: str) -> None:
    vector = json.loads((VECTORS / "default_profile.json").read_text(encoding="utf-8"))[0]
    found = differing_stage({**vector, stage: "something else"})
    assert found is not None
    assert found.lower().startswith(stage.replace("_", " "))


def test_the_vectors_cover_every_hash_and_encoding() -> None:
    profiles = [vector.values[0]["profile"] for vector in load_vectors()]
    covered = {(profile["signature_hash"], profile["signature_encoding"]) for profile in profiles}
    assert covered == {(name, encoding) for name in HASHES for encoding in ("hex", "base64")}
    assert len({profile["string_to_sign"] for profile in profiles}) >= 3


def test_the_default_profile_is_the_documented_assumption() -> None:
    assert SigningProfile() == SigningProfile(DEFAULT_STRING_TO_SIGN, "", "{secret}", "sha256", "hex")


def no_connection() -> Settings:
    raise AssertionError("a published vector holds all that it needs")


def published() -> list[Any]:
    return [
        pytest.param(vector, id=f"{path.stem}: {vector.name}")
        for path in sorted((VECTORS / "published").glob("*.json"))
        for vector in read_vectors(path, no_connection)
    ]


@pytest.mark.parametrize("vector", published())
def test_a_published_vector_of_another_vendor_is_signed_from_settings_alone(vector: Any) -> None:
    assert first_difference(vector) is None


@pytest.mark.parametrize("vector", published())
def test_a_published_vector_does_not_agree_by_chance(vector: Any) -> None:
    for changed in ({"body": b"another"}, {"date": "20200101T000000Z"}, {"profile": SigningProfile()}):
        if (
            changed == {"body": b"another"}
            and "{body" not in f"{vector.profile.string_to_sign}{vector.profile.canonical_request}"
        ):
            continue
        assert first_difference(replace(vector, **changed)) is not None


def test_five_schemes_are_published_and_each_vector_names_its_source() -> None:
    files = sorted((VECTORS / "published").glob("*.json"))
    assert len(files) == 5
    for path in files:
        for vector in json.loads(path.read_text("utf-8")):
            assert vector["source"], path
            assert vector["signature"]


def test_azures_documented_string_to_sign_agrees_with_a_second_implementation() -> None:
    """Microsoft's App Configuration page gives a request and its string to sign, and no secret to sign it with."""
    profile = SigningProfile(
        r"{method}\n{path_query}\n{http_date};{host};{body_sha256_base64}",
        signing_key="{secret_from_base64}",
        signature_encoding="base64",
    )
    parts = SignedParts(
        "GET",
        "https://example.azconfig.io/kv?fields=*",
        b"",
        second_of("20180511T184836Z"),
        "a4016f0fa8fb0ef2",
        "sha256",
    )
    text = string_to_sign(profile, parts)
    nothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert text.decode() == f"GET\n/kv?fields=*\nFri, 11 May 2018 18:48:36 GMT;example.azconfig.io;{nothing}"
    secret = base64.b64encode(b"an invented secret").decode()
    expected = independent_signature(text, "an invented secret", "sha256", "base64")
    assert signature(profile, signing_key(profile, secret, parts), text) == expected


EXAMPLE = SignedParts(
    "PUT", "https://h.example:8443/a/b?x=1%202&y=%C3%A9", b'{"a":1}', second_of("20250526T143022Z"), "AKID", "sha512"
)
FILLED = {
    "method": b"PUT",
    "method_lower": b"put",
    "path": b"/a/b",
    "path_encoded": b"%2Fa%2Fb",
    "query": b"x=1%202&y=%C3%A9",
    "query_encoded": b"x%3D1%25202%26y%3D%25C3%25A9",
    "query_decoded": "x=1 2&y=é".encode(),
    "path_query": b"/a/b?x=1%202&y=%C3%A9",
    "path_query_encoded": b"%2Fa%2Fb%3Fx%3D1%25202%26y%3D%25C3%25A9",
    "url": b"https://h.example:8443/a/b?x=1%202&y=%C3%A9",
    "url_encoded": b"https%3A%2F%2Fh.example%3A8443%2Fa%2Fb%3Fx%3D1%25202%26y%3D%25C3%25A9",
    "host": b"h.example:8443",
    "host_name": b"h.example",
    "access_key_id": b"AKID",
    "date": b"20250526T143022Z",
    "iso_time": b"2025-05-26T14:30:22Z",
    "iso_time_ms": b"2025-05-26T14:30:22.000Z",
    "unix_seconds": b"1748269822",
    "unix_ms": b"1748269822000",
    "http_date": b"Mon, 26 May 2025 14:30:22 GMT",
    "day": b"20250526",
    "day_dashed": b"2025-05-26",
    "body": b'{"a":1}',
    "body_base64": b"eyJhIjoxfQ==",
    "body_length": b"7",
    # Each by openssl dgst, and openssl dgst -binary | base64.
    "body_sha256": b"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862",
    "body_sha256_base64": b"AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX+GI=",
    "body_md5": b"bb6cb5c68df4652941caf652a366f2d8",
    "body_md5_base64": b"u2y1xo30ZSlByvZSo2by2A==",
    "canonical_request_hash": b"",
}


def test_every_placeholder_stands_for_what_the_table_says() -> None:
    filled = {name: each.fill(EXAMPLE) for name, each in PLACEHOLDERS.items()}
    sha512 = hashlib.sha512(EXAMPLE.body)
    hashes = {"body_hash": sha512.hexdigest().encode(), "body_hash_base64": base64.b64encode(sha512.digest())}
    expected = FILLED | hashes
    ends = ("sha256", "sha256_base64", "md5", "md5_base64", "hash", "hash_base64")
    expected |= {f"body_{end}_or_empty": expected[f"body_{end}"] for end in ends}
    assert filled == expected


def test_without_a_body_its_hashes_are_those_of_nothing_or_empty() -> None:
    parts = SignedParts("GET", "https://h.example/", b"", 0, "AKID", "sha1")
    assert PLACEHOLDERS["body_md5"].fill(parts) == b"d41d8cd98f00b204e9800998ecf8427e"
    assert PLACEHOLDERS["body_hash"].fill(parts) == b"da39a3ee5e6b4b0d3255bfef95601890afd80709"
    for name, placeholder in PLACEHOLDERS.items():
        if name.endswith("_or_empty") or name in ("body", "body_base64"):
            assert placeholder.fill(parts) == b""


def test_a_query_that_is_empty_leaves_the_path_alone() -> None:
    parts = SignedParts("GET", "https://[::1]:8443/a", b"", 0, "AKID", "sha256")
    assert PLACEHOLDERS["path_query"].fill(parts) == b"/a"
    assert PLACEHOLDERS["host_name"].fill(parts) == b"[::1]"


def test_http_dates_are_english_on_every_machine() -> None:
    for second in range(0, 365 * 86_400, 13 * 86_400 + 3_601):
        assert moment(second).http_date.decode() == format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("form", "secret", "key"),
    [
        ("{secret}", "geheim", b"geheim"),
        ("TC3{secret}&", "geheim", b"TC3geheim&"),
        ("{secret_from_base64}", "Z2VoZWlt", b"geheim"),
        ("{secret_from_hex}", "676568656d", b"gehem"),
        ("{secret_base64}", "geheim", b"Z2VoZWlt"),
        ("{secret_sha256}", "", hashlib.sha256().hexdigest().encode()),
    ],
)
def test_the_first_line_of_the_signing_key_is_the_secret_in_its_form(form: str, secret: str, key: bytes) -> None:
    assert signing_key(SigningProfile(signing_key=form), secret, EXAMPLE) == key


def test_each_further_line_is_hmaced_with_the_key_so_far() -> None:
    profile = SigningProfile(signing_key=r"AWS4{secret}\n{day}\nus-east-1\niam\naws4_request")
    parts = SignedParts("GET", "https://h.example/", b"", second_of("20150830T000000Z"), "AKID", "sha256")
    # The key of the example in AWS's own documentation of Signature Version 4.
    assert signing_key(profile, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", parts).hex() == (
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    )


def test_a_derived_key_is_another_on_the_next_day_and_with_another_secret() -> None:
    profile = SigningProfile(signing_key=r"{secret}\n{day}")
    days = [SignedParts("GET", "https://h.example/", b"", day * 86_400, "AKID", "sha256") for day in (1, 2, 1)]
    first, second, again = (signing_key(profile, "geheim", day) for day in days)
    assert first == again != second
    assert signing_key(profile, "another", days[0]) != first


@pytest.mark.parametrize(
    ("form", "secret"),
    [
        ("{secret_from_base64}", "not base64!"),
        ("{secret_from_base64}", "Z2Vo*ZWlt"),
        ("{secret_from_hex}", "xyz"),
        ("{secret_from_hex}", "é"),
    ],
)
def test_a_secret_that_is_not_in_the_form_is_refused_before_any_call_and_not_shown(form: str, secret: str) -> None:
    with pytest.raises(OnliveConfigError) as refused:
        Settings(Credentials("AKID", secret), profile=SigningProfile(signing_key=form))
    assert refused.value.setting == "password"
    assert "extra.signing_key" in str(refused.value)
    assert secret not in str(refused.value)


def test_the_parts_of_a_signature_do_not_show_the_body() -> None:
    parts = SignedParts("PUT", "https://h.example/a?guest=ana@example.com", b"ana@example.com", 0, "AKID", "sha256")
    assert repr(parts) == "SignedParts(PUT /a)"


def test_text_and_percent_signs_in_a_template_stay_as_they_are() -> None:
    profile = SigningProfile(r"100% %s {date} {canonical_request_hash}", "%b é", r"%s{secret}\n100%")
    parts = SignedParts("GET", "https://h.example/", b"", second_of("20250526T143022Z"), "AKID", "sha1")
    assert canonical_request(profile, parts) == "%b é".encode()
    assert string_to_sign(profile, parts).startswith(b"100% %s 20250526T143022Z ")


def test_a_real_newline_in_a_template_is_one_too() -> None:
    request = {"method": "GET", "url": "https://h.example/", "body": b"", "now": 0.0}
    written = SigningProfile(r"{method}\n{date}", signing_key=r"{secret}\n{day}")
    real = SigningProfile("{method}\n{date}", signing_key="{secret}\n{day}")
    assert sign(written, Credentials("A", "s"), **request) == sign(real, Credentials("A", "s"), **request)


@pytest.mark.parametrize(
    ("wrong", "setting", "said"),
    [
        ({"string_to_sign": "{date}{secret}"}, "extra.string_to_sign", "{secret} stands only in the first line of"),
        ({"string_to_sign": "{day}"}, "extra.string_to_sign", "holds no {date}"),
        ({"string_to_sign": "{date}{" + "x" * 99 + "}"}, "extra.string_to_sign", "{" + "x" * 40 + "...}"),
        (
            {"string_to_sign": "{date}{canonical_request_hash}"},
            "extra.string_to_sign",
            "holds {canonical_request_hash}, and extra.canonical_request is not set",
        ),
        (
            {"canonical_request": "{method}"},
            "extra.canonical_request",
            "is set, and extra.string_to_sign holds no {canonical_request_hash}",
        ),
        (
            {"string_to_sign": "{date}", "canonical_request": "{canonical_request_hash}"},
            "extra.canonical_request",
            "holds {canonical_request_hash}, which is its own hash",
        ),
        (
            {"string_to_sign": "{canonical_request_hash}", "canonical_request": "{method}{day}"},
            "extra.string_to_sign",
            "holds no {date}",
        ),
        ({"canonical_request": "{secret_base64}"}, "extra.canonical_request", "{secret_base64} stands only in the"),
        ({"canonical_request": "{method"}, "extra.canonical_request", "a brace without its partner"),
        ({"canonical_request": "{methud}"}, "extra.canonical_request", "{methud} is not a placeholder"),
        ({"signing_key": ""}, "extra.signing_key", "holds no {secret} in its first line"),
        ({"signing_key": r"AWS4\n{day}"}, "extra.signing_key", "holds no {secret} in its first line"),
        ({"signing_key": r"{day}\n{secret}"}, "extra.signing_key", "{day} cannot stand there"),
        ({"signing_key": r"{secret}\n{secret}"}, "extra.signing_key", "{secret} stands only in the first line of"),
        ({"signing_key": r"{secret}\n{body}"}, "extra.signing_key", "{body} cannot stand there"),
        ({"signing_key": r"{secret}\n\n{day}"}, "extra.signing_key", "holds an empty line"),
        ({"signing_key": r"{secret}\n"}, "extra.signing_key", "holds an empty line"),
        ({"signing_key": "{secret}{"}, "extra.signing_key", "a brace without its partner"),
        ({"signing_key": "{secert}"}, "extra.signing_key", "{secert} is not a placeholder; accepted are {secret}"),
        ({"string_to_sign": "{date}{}"}, "extra.string_to_sign", "{} is not a placeholder"),
        ({"string_to_sign": "{date}{0}"}, "extra.string_to_sign", "{0} is not a placeholder"),
        ({"string_to_sign": "{date}{Method}"}, "extra.string_to_sign", "{Method} is not a placeholder"),
        ({"string_to_sign": "{date}{method.__class__}"}, "extra.string_to_sign", "a brace without its partner"),
        ({"string_to_sign": "{date}{method!r}"}, "extra.string_to_sign", "a brace without its partner"),
        ({"string_to_sign": "{date}{"}, "extra.string_to_sign", "a brace without its partner"),
        ({"string_to_sign": "{date}}"}, "extra.string_to_sign", "a brace without its partner"),
        ({"string_to_sign": "{method}"}, "extra.string_to_sign", "holds no {date}"),
        ({"string_to_sign": ""}, "extra.string_to_sign", "holds no {date}"),
        ({"signature_hash": "md5"}, "extra.signature_hash", "'md5' is not one of sha256, sha512, sha1"),
        ({"signature_hash": "SHA256"}, "extra.signature_hash", "'SHA256' is not one of"),
        ({"signature_hash": ""}, "extra.signature_hash", "'' is not one of"),
        ({"signature_encoding": "HEX"}, "extra.signature_encoding", "'HEX' is not one of hex, base64"),
        ({"signature_encoding": "os.system"}, "extra.signature_encoding", "'os.system' is not one of"),
    ],
)
def test_a_profile_that_could_not_sign_is_refused_naming_the_setting(
    wrong: dict[str, str], setting: str, said: str
) -> None:
    with pytest.raises(OnliveConfigError) as refused:
        SigningProfile(**wrong)
    assert refused.value.setting == setting
    assert str(refused.value).startswith(f"{setting}: {said}")


def test_the_secret_does_not_show_in_a_repr() -> None:
    credentials = Credentials("AKID", "geheim")
    assert "geheim" not in repr(credentials)
    assert "AKID" in repr(credentials)
