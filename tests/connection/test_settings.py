"""A Connection, however it was written, becomes the same settings, or an error that names its field."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import BaseHook, Connection

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials, SigningProfile
from onlive_provider.connection.fields import EXTRA_FIELDS, SIGNING_FIELDS
from onlive_provider.connection.settings import read_settings
from onlive_provider.errors import OnliveConfigError

SECRET = "wJalr/XUt+nFEMI%K7MDENG=bPx@R:fi#CY?EXAMPLE"
PLAIN = Settings(Credentials("AKONLIVE", SECRET))


def connection(**parts: Any) -> Connection:
    extra = parts.pop("extra", None)
    if isinstance(extra, dict):
        extra = json.dumps(extra)
    named = {"conn_id": "onlive_x", "conn_type": "onlive", "login": "AKONLIVE", "password": SECRET}
    return Connection(**named | parts, extra=extra)


def settings(**parts: Any) -> Settings:
    return read_settings(connection(**parts), lambda conn_id: Connection(conn_id=conn_id, conn_type="redis"))


def refusal(**parts: Any) -> OnliveConfigError:
    with pytest.raises(OnliveConfigError) as caught:
        settings(**parts)
    assert SECRET not in str(caught.value)
    return caught.value


def test_key_id_and_secret_are_enough():
    assert settings() == PLAIN


def test_the_tables_defaults_are_the_clients():
    values = {field.name: getattr(PLAIN, field.name, None) for field in EXTRA_FIELDS}
    profile = SigningProfile()
    values |= {name: getattr(profile, name) for name in SIGNING_FIELDS}
    assert {field.name: field.default for field in EXTRA_FIELDS} == values


@pytest.mark.parametrize("field", [f for f in EXTRA_FIELDS if f.kind in ("seconds", "count")], ids=lambda f: f.name)
def test_the_tables_bounds_hold_and_the_client_accepts_what_lies_within(field):
    for value in (field.least, field.most):
        assert getattr(settings(extra={field.name: value}), field.name) == value
    for value in (math.nextafter(field.least, -1), field.least - 1, field.most + 1):
        error = refusal(extra={field.name: value})
        assert error.setting == f"extra.{field.name}"
        assert f"from {field.least:g} to {field.most:,}" in str(error)


@pytest.mark.parametrize("field", [f for f in EXTRA_FIELDS if f.choices], ids=lambda f: f.name)
def test_every_choice_of_the_table_is_one_to_the_client(field):
    for choice in field.choices:
        found = settings(extra={field.name: choice})
        assert choice in (getattr(found, field.name, None), getattr(found.profile, field.name, None))
    error = refusal(extra={field.name: "another"})
    assert error.setting == f"extra.{field.name}"
    assert str(error).endswith(f'"another" is not {" or ".join(field.choices)}')


@pytest.mark.parametrize("missing", [None, ""])
@pytest.mark.parametrize(("part", "held"), [("login", "Access Key ID"), ("password", "Secret Access Key")])
def test_a_missing_key_part_is_named_with_what_it_holds(part, held, missing):
    error = refusal(**{part: missing})
    assert error.setting == part
    assert held in str(error)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, "https://openapi.onlive.site"),
        ({"host": ""}, "https://openapi.onlive.site"),
        ({"host": "  https://booking.example  "}, "https://booking.example"),
        ({"host": "booking.example"}, "https://booking.example"),
        ({"host": "booking.example/"}, "https://booking.example"),
        ({"host": "https://booking.example/"}, "https://booking.example"),
        ({"host": "booking.example:8443"}, "https://booking.example:8443"),
        ({"host": "booking.example", "port": 8443}, "https://booking.example:8443"),
        ({"host": "booking.example:8443", "port": 8443}, "https://booking.example:8443"),
        ({"host": "https://booking.example:8443/", "port": 8443}, "https://booking.example:8443"),
        ({"host": "https://booking.example", "port": 443}, "https://booking.example"),
        ({"port": 8443}, "https://openapi.onlive.site:8443"),
        ({"port": 0}, "https://openapi.onlive.site"),
        ({"host": "http://127.0.0.1", "port": 8080}, "http://127.0.0.1:8080"),
        ({"host": "127.0.0.1:8080"}, "https://127.0.0.1:8080"),
        ({"host": "::1"}, "https://[::1]"),
        ({"host": "::1", "port": 8080}, "https://[::1]:8080"),
        ({"host": "http://[::1]:8080", "port": 8080}, "http://[::1]:8080"),
        ({"host": "http://calendar.internal", "extra": {"allow_http": True}}, "http://calendar.internal"),
    ],
)
def test_host_and_port_make_the_base_url(parts, expected):
    assert settings(**parts).base_url == expected


@pytest.mark.parametrize(
    ("parts", "setting", "said"),
    [
        ({"host": "booking.example:8443", "port": 443}, "port", "443 differs from the port 8443 in host"),
        ({"port": 65536}, "port", "65536 is not a port from 1 to 65535"),
        ({"port": -1}, "port", "-1 is not a port"),
        ({"host": "http://booking.example"}, "host", "plain http"),
        ({"host": "ftp://booking.example"}, "host", "https://"),
        ({"host": "https://booking.example/api/v1"}, "host", "scheme, host and optional port"),
        ({"host": "https://booking.example/api/v1", "port": 8443}, "host", "scheme, host and optional port"),
        ({"host": "https://booking.example:no"}, "host", "not a URL"),
        ({"host": "https://booking.example:no", "port": 443}, "host", "not a URL"),
        ({"host": "https://[::1", "port": 443}, "host", "not a URL"),
        ({"host": f"https://key:{quote(SECRET, safe='')}@booking.example"}, "host", "belong in login and password"),
        ({"schema": "https"}, "schema", "the scheme belongs in host, the Base URL"),
        ({"login": "AK ONLIVE"}, "login", "space"),
    ],
)
def test_what_cannot_be_an_address_is_refused_naming_the_field(parts, setting, said):
    error = refusal(**parts)
    assert error.setting == setting
    assert said in str(error)


def test_a_refused_schema_is_not_shown_because_a_broken_uri_leaves_part_of_the_secret_there():
    assert "RET@host" not in str(refusal(schema="RET@host"))


@pytest.mark.parametrize("unset", [None, ""])
def test_null_and_empty_text_mean_unset(unset):
    assert settings(extra={field.name: unset for field in EXTRA_FIELDS}) == PLAIN


@pytest.mark.parametrize("extra", [None, "", "{}"])
def test_an_empty_extra_means_nothing_is_set(extra):
    assert settings(extra=extra) == PLAIN


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("timeout", "10", 10),
        ("timeout", 2.5, 2.5),
        ("timeout", "2.5", 2.5),
        ("max_attempts", "3", 3),
        ("max_attempts", 3.0, 3),
        ("max_elapsed", 0, 0),
        ("reads_per_minute", "500", 500),
        ("verify", False, False),
        ("verify", "false", False),
        ("verify", "False", False),
        ("verify", "true", True),
        ("allow_http", "TRUE", True),
        ("object_updates", "replace", "replace"),
    ],
)
def test_a_setting_is_read_in_its_type_also_from_text(name, value, expected):
    found = getattr(settings(extra={name: value}), name)
    assert found == expected
    assert isinstance(found, type(expected))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("timeout", "ten", '"ten" is not a number of seconds from 0.1 to 3,600'),
        ("timeout", True, "true is not a number of seconds"),
        ("timeout", "1e3", '"1e3" is not a number of seconds'),
        ("timeout", "٣", "is not a number of seconds"),
        ("timeout", "9" * 400, "is not a number of seconds"),
        ("timeout", [10], "[10] is not a number of seconds"),
        ("max_attempts", 2.5, "2.5 is not a whole number from 1 to 100"),
        ("max_attempts", "-1", '"-1" is not a whole number'),
        ("verify", 1, "1 is not true or false"),
        ("verify", "no", '"no" is not true or false'),
        ("object_updates", ["merge"], '["merge"] is not merge or replace'),
        ("object_updates", False, "false is not merge or replace"),
        ("string_to_sign", 5, "5 is not text"),
        ("string_to_sign", "{method}", "{date}"),
        ("string_to_sign", "{date}{secret}", "{secret} stands only in the first line of extra.signing_key"),
        ("canonical_request", "{method}", "extra.string_to_sign holds no {canonical_request_hash}"),
        ("signing_key", "{day}", "{day} cannot stand there"),
        ("signing_key", ["{secret}"], '["{secret}"] is not text'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_is_accepted(name, value, said):
    error = refusal(extra={name: value})
    assert error.setting == f"extra.{name}"
    assert said in str(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_refused(value):
    for name in ("timeout", "max_attempts"):
        assert refusal(extra={name: value}).setting == f"extra.{name}"


def test_a_long_wrong_value_is_cut():
    assert len(str(refusal(extra={"timeout": "x" * 500}))) < 200


def test_an_unknown_key_is_named_with_the_one_that_was_meant():
    error = refusal(extra={"timeuot": 10})
    assert error.setting == "extra.timeuot"
    assert "did you mean timeout?" in str(error)


def test_an_unknown_key_is_named_even_when_it_is_unset_and_its_value_is_not_shown():
    error = refusal(extra={"zzz": SECRET, "timeout": 10})
    assert error.setting == "extra.zzz"
    assert "did you mean" not in str(error)
    assert "accepted are timeout, max_attempts" in str(error)
    assert refusal(extra={"zzz": None}).setting == "extra.zzz"


class Parts:
    """A Connection as a secrets backend may hand it over, with an extra that Airflow has not looked at."""

    host = schema = port = None
    login = "AKONLIVE"
    password = SECRET

    def __init__(self, extra: str) -> None:
        self.extra = extra


def test_an_extra_that_is_null_means_nothing_is_set():
    assert read_settings(Parts("null")) == PLAIN


@pytest.mark.parametrize(
    ("extra", "said"),
    [("timeout=10", "is not JSON"), ("[1]", "is not a JSON object"), ('"x"', "is not a JSON object"), ("5", "object")],
)
def test_an_extra_that_is_no_json_object_is_refused(extra, said):
    with pytest.raises(OnliveConfigError, match=said) as caught:
        read_settings(Parts(extra))
    assert caught.value.setting == "extra"


def test_the_signing_profile_comes_from_the_extra():
    profile = {
        "string_to_sign": r"{date}\n{canonical_request_hash}",
        "canonical_request": "{method}",
        "signing_key": r"{secret}\n{day}",
        "signature_hash": "sha1",
        "signature_encoding": "base64",
    }
    assert settings(extra=profile).profile == SigningProfile(**profile)


TEMPLATE = r"{date}\n{body}"


def as_uri() -> str:
    extra = f"timeout=10&verify=false&string_to_sign={quote(TEMPLATE, safe='')}"
    return f"onlive://AKONLIVE:{quote(SECRET, safe='')}@{quote('http://127.0.0.1:8080', safe='')}/?{extra}"


def as_json() -> str:
    extra = {"timeout": 10, "verify": False, "string_to_sign": TEMPLATE, "max_attempts": None}
    return json.dumps(
        {"conn_type": "onlive", "login": "AKONLIVE", "password": SECRET, "host": "http://127.0.0.1:8080"}
        | {"extra": extra}
    )


WRITTEN = Settings(
    Credentials("AKONLIVE", SECRET),
    "http://127.0.0.1:8080",
    SigningProfile(TEMPLATE),
    timeout=10,
    verify=False,
)


@pytest.mark.parametrize("write", [as_uri, as_json])
def test_airflow_reads_it_from_the_environment(monkeypatch, write: Callable[[], str]):
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_WRITTEN", write())
    assert read_settings(BaseHook.get_connection("onlive_written")) == WRITTEN


@pytest.mark.parametrize("write", [as_uri, as_json])
def test_airflow_reads_it_from_a_secrets_backend(monkeypatch, tmp_path: Path, write: Callable[[], str]):
    text = write()
    (tmp_path / "connections.json").write_text(
        json.dumps({"onlive_filed": json.loads(text) if text.startswith("{") else text})
    )
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv(
        "AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(tmp_path / "connections.json")})
    )
    assert read_settings(BaseHook.get_connection("onlive_filed")) == WRITTEN


def from_uri(monkeypatch: pytest.MonkeyPatch, uri: str) -> Connection:
    monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_URI", uri)
    return BaseHook.get_connection("onlive_uri")


@pytest.mark.parametrize("uri", [as_uri(), "onlive://AKONLIVE:S%2FE%25C@[::1]:8080/", "onlive://K:SECRET@/?timeout=10"])
def test_the_uri_that_airflow_makes_of_it_reads_the_same(monkeypatch, uri):
    first = from_uri(monkeypatch, uri)
    again = from_uri(monkeypatch, first.get_uri())
    assert read_settings(again) == read_settings(first)


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("onlive://AKONLIVE:SECRET@openapi.onlive.site/?timeout=10", "https://openapi.onlive.site"),
        ("onlive://AKONLIVE:SECRET@openapi.onlive.site:8443/?timeout=10", "https://openapi.onlive.site:8443"),
        ("onlive://AKONLIVE:SECRET@http%3A%2F%2F127.0.0.1%3A8080/?timeout=10", "http://127.0.0.1:8080"),
        ("onlive://AKONLIVE:SECRET@http%3A%2F%2F127.0.0.1:8080/?timeout=10", "http://127.0.0.1:8080"),
        ("onlive://http://AKONLIVE:SECRET@127.0.0.1:8080/?timeout=10", "http://127.0.0.1:8080"),
        ("onlive://AKONLIVE:SECRET@?timeout=10", "https://openapi.onlive.site"),
    ],
)
def test_every_way_to_write_the_address_in_a_uri_works(monkeypatch, uri, base_url):
    found = read_settings(from_uri(monkeypatch, uri))
    assert found == Settings(Credentials("AKONLIVE", "SECRET"), base_url, timeout=10)


def test_the_address_of_reports_is_kept_without_the_slash_at_its_end():
    assert settings(extra={"report_base_url": "https://r.example.com/x/"}).report_base_url == "https://r.example.com/x"
    assert settings(extra={"report_base_url": "http://10.0.0.1:81"}).report_base_url == "http://10.0.0.1:81"
    assert settings(extra={"report_base_url": ""}).report_base_url == ""


@pytest.mark.parametrize(
    "given",
    [
        "reports.example.com",
        "javascript:alert(1)",
        "s3://bucket",
        "https://",
        "https://[::1",
        "https://r.example.com:99999",
        "https://me:geheim@r.example.com",
        "https://r.example.com/?token=geheim",
        "https://r.example.com/#geheim",
        "https://r.example.com/a b",
        "https://r.example.com/\u202e",
    ],
)
def test_an_address_that_no_link_can_begin_with_is_refused_without_what_may_be_secret(given):
    error = refusal(extra={"report_base_url": given})
    assert error.setting == "extra.report_base_url"
    assert "accepted is an address of http or https" in str(error)
    assert "geheim" not in str(error)
