"""A sandbox that checks signatures by any signing profile, as a customer's Connection has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onlive_provider.client.placeholders import KEY_PLACEHOLDERS, PLACEHOLDERS, SECRET_FORMS, SignedParts
from onlive_provider.client.signing import SigningProfile, canonical_request, signature, signing_key, string_to_sign
from onlive_provider.client.sync import OnliveClient
from onlive_provider.connection.settings import read_settings
from onlive_provider.errors import OnliveUnauthorizedError
from onlive_provider.sandbox import signature_profile
from onlive_provider.sandbox.server import Sandbox
from onlive_provider.sandbox.signature_profile import ExtraError, SignatureProfile, read_extra

EXTRAS: list[dict[str, Any]] = [
    {"string_to_sign": r"{date}|{method}|{path_query}|{body}", "signature_encoding": "base64"},
    {
        "string_to_sign": r"ONLIVE\n{unix_seconds}\n{canonical_request_hash}",
        "canonical_request": r"{method}\n{path}\n{query}\nhost:{host}\n{body_hash}",
        "signing_key": r"ONLIVE{secret}\n{day_dashed}\nrequest",
        "signature_hash": "sha512",
        "timeout": 7,
        "verify": None,
    },
]


def connect(sandbox: Sandbox) -> OnliveClient:
    """Return the client of the Connection that the sandbox prints."""

    class Parts:
        schema = port = None

        def __init__(self, written: Mapping[str, Any]) -> None:
            self.login, self.password, self.host = (written[name] for name in ("login", "password", "host"))
            self.extra = json.dumps(written.get("extra", {}))

    return OnliveClient(read_settings(Parts(json.loads(sandbox.connection_json()))))


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_connection_that_it_prints_reads_and_writes(extra: dict[str, Any]):
    with Sandbox(extra=extra) as sandbox, connect(sandbox) as client:
        service = next(client.iter_services(name=sandbox.records("services")[0]["name"]))
        assert client.put_service(service["id"], {"name": "Prueba é"})["name"] == "Prueba é"
        assert {call["status"] for call in sandbox.calls()} == {200}


def test_another_profile_than_the_sandboxs_is_refused():
    with Sandbox(extra=EXTRAS[0]) as sandbox, Sandbox() as other:
        sandbox.url, other.url = other.url, sandbox.url
        for swapped in (sandbox, other):
            with connect(swapped) as client, pytest.raises(OnliveUnauthorizedError):
                client.probe()


def test_both_sides_know_the_same_placeholders():
    example = {"method": "GET", "path": "/", "query": "", "host": "h", "body": b"", "access_key_id": "k"}
    values = signature_profile._values(**example, date=datetime(2026, 1, 1, tzinfo=UTC), hash_name="sha1")
    assert set(values) | {"canonical_request_hash"} == set(PLACEHOLDERS)
    assert set(signature_profile._secrets("c0ffee00")) == set(SECRET_FORMS)
    assert set(signature_profile.DEFAULTS) == {
        "string_to_sign",
        "canonical_request",
        "signing_key",
        "signature_hash",
        "signature_encoding",
    }
    assert SigningProfile(**signature_profile.DEFAULTS) == SigningProfile()


names = sorted(set(PLACEHOLDERS) - {"canonical_request_hash"})
texts = st.lists(st.one_of(st.sampled_from([f"{{{name}}}" for name in names]), st.sampled_from(["\\n", "|", "é", "%"])))


@given(
    body=st.binary(max_size=20),
    query=st.sampled_from(["", "a=1", "a=%C3%A9&b=x%20y"]),
    host=st.sampled_from(["openapi.onlive.site", "127.0.0.1:8765"]),
    string=texts,
    request=texts,
    key=st.lists(st.sampled_from([f"{{{name}}}" for name in KEY_PLACEHOLDERS]), max_size=3),
    form=st.sampled_from(sorted(SECRET_FORMS)),
    hash_name=st.sampled_from(["sha256", "sha512", "sha1"]),
    encoding=st.sampled_from(["hex", "base64"]),
    second=st.integers(0, 4_000_000_000),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_sides_sign_every_profile_alike(
    body: bytes,
    query: str,
    host: str,
    string: list[str],
    request: list[str],
    key: list[str],
    form: str,
    hash_name: str,
    encoding: str,
    second: int,
):
    written = {
        "string_to_sign": "".join(string) + "{date}" + ("{canonical_request_hash}" if request else ""),
        "canonical_request": "".join(request),
        "signing_key": "\\n".join([f"a{{{form}}}b", *key]),
        "signature_hash": hash_name,
        "signature_encoding": encoding,
    }
    secret, profile = "c0ffee00", SigningProfile(**written)
    parts = SignedParts("PUT", f"http://{host}/a/%41b{'?' + query if query else ''}", body, second, "AKID", hash_name)
    if request:
        canonical_request(profile, parts)
    ours = signature(profile, signing_key(profile, secret, parts), string_to_sign(profile, parts))
    theirs = SignatureProfile(written).signature(
        method="PUT",
        path="/a/%41b",
        query=query,
        host=host,
        body=body,
        date=datetime.fromtimestamp(second, UTC),
        access_key_id="AKID",
        secret=secret,
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"string_to_sign": "{dat}"}, "{dat} is not a placeholder"),
        ({"string_to_sign": "{secret}"}, "{secret} is not a placeholder that can stand there"),
        ({"signing_key": "{day}"}, "{day} is not a placeholder that can stand there"),
        ({"string_to_sign": 5}, "string_to_sign: must be text"),
        ({"signature_hash": "md5"}, "signature_hash: must be sha256, sha512 or sha1"),
        ({"signature_encoding": "HEX"}, "signature_encoding: must be hex or base64"),
    ],
)
def test_an_extra_that_cannot_be_used_is_refused_before_it_serves(extra: dict[str, Any], said: str):
    with pytest.raises(ExtraError) as refused:
        Sandbox(extra=extra)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"), [("{", "is not JSON"), ("[]", "is not a JSON object"), (None, "cannot be")]
)
def test_a_file_that_is_no_extra_is_refused(tmp_path: Path, content: str | None, said: str):
    if content is not None:
        (tmp_path / "extra.json").write_text(content)
    with pytest.raises(ExtraError, match=said):
        read_extra(tmp_path / "extra.json")
