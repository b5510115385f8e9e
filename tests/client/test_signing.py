from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.client.protocol import Call, build_request
from onlive_provider.client.signing import (
    DEFAULT_STRING_TO_SIGN,
    HASHES,
    Credentials,
    SigningProfile,
    format_date,
    signature,
    string_to_sign,
)
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
    text = string_to_sign(
        profile,
        method=request.method,
        url=request.url,
        body=request.body or b"",
        date=format_date(wanted["seconds_since_epoch"]),
        access_key_id=credentials.access_key_id,
    )
    yield "string to sign", text.decode(), vector["string_to_sign"]
    secret = credentials.secret_access_key
    yield "signature", signature(profile, secret, vector["string_to_sign"].encode()), vector["signature"]
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
    assert SigningProfile() == SigningProfile(DEFAULT_STRING_TO_SIGN, "sha256", "hex")


@pytest.mark.parametrize(
    ("wrong", "setting", "said"),
    [
        ({"string_to_sign": "{date}{secret}"}, "extra.string_to_sign", "{secret} is not a placeholder"),
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
