"""A signature that somebody else computed: the check says which stage of ours differs first, and no secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.cli import main
from onlive_provider.sandbox.server import Sandbox

SECRET = "s3cr3t-key-never-shown"
DATE = "20250526T143022Z"
EXTRA = {
    "string_to_sign": r"ONLIVE\n{date}\n{canonical_request_hash}",
    "canonical_request": r"{method}\n{path}\n{query}\n{body_sha256}",
    "signing_key": r"{secret}\n{day}",
}


def computed(**wrong: Any) -> dict[str, Any]:
    """Return a vector with all its stages, computed here, each possibly in another way than the profile's."""
    body = wrong.get("body", '{"name":"Prueba"}')
    request = "\n".join(
        [wrong.get("method", "PUT"), "/api/v1/services/1", "a=1&b=2", hashlib.sha256(body.encode()).hexdigest()]
    )
    text = f"{wrong.get('word', 'ONLIVE')}\n{DATE}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = hmac.new(wrong.get("secret", SECRET).encode(), wrong.get("day", DATE[:8]).encode(), "sha256").digest()
    made = hmac.new(key, text.encode(), wrong.get("hash", "sha256")).digest()
    return {
        "method": "PUT",
        "url": "https://openapi.onlive.site/api/v1/services/1?b=2&a=1",
        "date": DATE,
        "body": '{"name":"Prueba"}',
        "access_key_id": "AKID",
        "secret_access_key": SECRET,
        "extra": EXTRA,
        "canonical_request": request,
        "string_to_sign": text,
        "signing_key": key.hex(),
        "signature": made.hex(),
    }


class Check:
    """Runs ``onlive check --vectors`` on a file, and holds that nothing secret is shown."""

    def __init__(self, path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self._path, self._capfd = path, capfd

    def __call__(self, *vectors: dict[str, Any], arguments: tuple[str, ...] = ()) -> tuple[int, str]:
        self._path.write_text(json.dumps(vectors[0] if len(vectors) == 1 else vectors), "utf-8")
        return self.run(*arguments)

    def run(self, *arguments: str) -> tuple[int, str]:
        code = main(["check", "--vectors", str(self._path), *arguments])
        shown = self._capfd.readouterr()
        text = shown.out + shown.err
        assert SECRET not in text
        return code, text.strip()


@pytest.fixture
def check(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Check:
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    return Check(tmp_path / "vectors.json", capfd)


def test_a_vector_that_agrees_exits_with_0(check: Check):
    assert check(computed()) == (0, "vector 1: the signature is the same")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"method": "put"}, 'the canonical request differs: line 1: the vector has "put", the profile makes "PUT"'),
        ({"body": "{}"}, "the canonical request differs: line 4: "),
        ({"word": "ONLIVESITE"}, "the string to sign differs: line 1: "),
        ({"day": "2025-05-26"}, "the key differs (neither is shown)"),
        ({"secret": "another"}, "the key differs (neither is shown)"),
        ({"hash": "sha512"}, "the signature differs: the vector's has 128 characters, ours 64"),
        ({"hash": "sha3_256"}, "the signature differs: all stages before it agree"),
    ],
)
def test_each_stage_is_told_apart(check: Check, wrong: dict[str, str], said: str):
    code, text = check(computed(**wrong))
    assert code == 1
    assert text.startswith(f"vector 1: {said}")


@pytest.mark.parametrize("stage", ["canonical_request", "string_to_sign", "signing_key"])
def test_only_the_stages_that_are_known_are_compared(check: Check, stage: str):
    vector = computed(method="put")
    del vector["canonical_request"]
    assert "the string to sign differs: line 3: " in check(vector)[1]
    del vector["string_to_sign"]
    code, text = check(vector)
    assert code == 1
    assert "the signature differs: add canonical_request, string_to_sign to the vector" in text


def test_a_profile_without_a_canonical_request_says_so(check: Check):
    assert "the profile has none (extra.canonical_request)" in check(computed() | {"extra": {}})[1]


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("ONLIVE", 'line 2 is only in the profile\'s: "20250526T143022Z"'),
        (None, 'line 4 is only in the vector\'s: "more"'),
        (f"ONLIVE {SECRET}", 'line 1: the vector has "ONLIVE ***", the profile makes "ONLIVE"'),
        ("é" * 200, "the profile makes"),
    ],
)
def test_the_first_difference_is_short_and_shows_no_secret(check: Check, theirs: str | None, said: str):
    vector = computed()
    vector["string_to_sign"] = vector["string_to_sign"] + "\nmore" if theirs is None else theirs
    code, text = check(vector)
    assert code == 1
    assert said in text
    assert len(text) < 300


def test_the_headers_of_a_request_hold_date_key_and_signature(check: Check):
    vector = computed()
    headers = {
        "X-Onlive-Site-Date": vector.pop("date"),
        "Authorization": f"ONLIVESITE Credential:{vector.pop('access_key_id')}, Signature={vector.pop('signature')}",
    }
    assert check(vector | {"headers": headers})[0] == 0


def test_what_a_vector_leaves_out_comes_from_the_connection(check: Check, monkeypatch: pytest.MonkeyPatch):
    connection = {"conn_type": "onlive", "login": "AKID", "password": SECRET, "extra": EXTRA}
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_X", json.dumps(connection))
    vector = computed()
    for name in ("access_key_id", "secret_access_key", "extra"):
        del vector[name]
    code, text = check(vector, vector | {"name": "changed", "body": ""}, arguments=("--conn-id", "onlive_x"))
    assert (code, text.splitlines()[0]) == (1, "vector 1: the signature is the same")
    assert text.splitlines()[1].startswith("changed: the canonical request differs: ")
    code, text = check(vector, arguments=("--conn-id", "onlive_nowhere"))
    assert code == 2
    assert "onlive: onlive_nowhere: " in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("5", "is not a JSON object, nor a list of them"),
        ("[]", "is not a JSON object, nor a list of them"),
        ('{"methud": "PUT"}', "vector 1: methud is not a field; accepted are method, url, "),
        ('{"method": "PUT"}', "vector 1: url is missing"),
        ('{"method": "PUT", "url": "https://x/", "date": "now", "signature": "x"}', "date is not of the form"),
        ('{"method": 5}', "vector 1: method is not text"),
        ('{"headers": []}', "vector 1: headers is not an object"),
        ('{"headers": {"Authorization": "Bearer x"}}', "vector 1: Authorization is not ONLIVESITE"),
    ],
)
def test_a_file_that_cannot_be_used_exits_with_2_and_names_the_field(
    check: Check, tmp_path: Path, content: str, said: str
):
    (tmp_path / "vectors.json").write_text(content)
    code, text = check.run()
    assert code == 2
    assert said in text


def test_a_profile_or_a_secret_that_cannot_sign_exits_with_2(check: Check):
    code, text = check(computed() | {"extra": {"string_to_sign": "{dat}"}})
    assert (code, "vector 1: extra.string_to_sign: {dat} is not a placeholder" in text) == (2, True)
    code, text = check(computed() | {"extra": EXTRA | {"signing_key": "{secret_from_hex}"}})
    assert (code, "password: is not what extra.signing_key takes it for" in text) == (2, True)
    code, text = check(computed() | {"extra": {"signing_key": 5}})
    assert (code, "the signing settings in extra are text" in text) == (2, True)


def test_a_missing_file_exits_with_2(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert main(["check", "--vectors", str(tmp_path / "none.json")]) == 2
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_a_vector_makes_no_call(onlive_sandbox: Sandbox, check: Check):
    vector = computed()
    vector["url"] = vector["url"].replace("https://openapi.onlive.site", onlive_sandbox.url)
    assert check(vector)[0] == 0
    assert onlive_sandbox.calls() == []


def test_a_base64_signature_is_compared_as_it_is(check: Check):
    vector = computed()
    vector["signature"] = base64.b64encode(bytes.fromhex(vector["signature"])).decode()
    assert check(vector | {"extra": EXTRA | {"signature_encoding": "base64"}})[0] == 0


def test_the_modes_exclude_one_another_and_their_switches_belong_to_the_finder():
    for arguments in (["--vectors", "x", "--find-signature"], ["--save"], ["--find-signature", "--service-id", "1"]):
        done = subprocess.run(
            [sys.executable, "-c", "from onlive_provider.cli import main; main()", "check", *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "usage: onlive check" in done.stderr
