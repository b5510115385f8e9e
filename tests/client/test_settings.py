from __future__ import annotations

from typing import Any

import pytest

from onlive_provider.client.settings import DEFAULT_BASE_URL, Settings, is_loopback
from onlive_provider.client.signing import Credentials
from onlive_provider.errors import OnliveConfigError
from tests.loopback import SECRET

KEY = Credentials("AKID", SECRET)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://openapi.onlive.site", "https://openapi.onlive.site"),
        ("https://openapi.onlive.site/", "https://openapi.onlive.site"),
        ("HTTPS://OpenAPI.Onlive.Site", "https://openapi.onlive.site"),
        ("https://openapi.onlive.site:443", "https://openapi.onlive.site"),
        ("https://openapi.onlive.site:80", "https://openapi.onlive.site:80"),
        ("https://openapi.onlive.site:8443/", "https://openapi.onlive.site:8443"),
        ("https://openapi.onlive.site.", "https://openapi.onlive.site."),
        ("https://under_score.internal", "https://under_score.internal"),
        ("https://192.0.2.7", "https://192.0.2.7"),
        ("https://[2001:db8::7]:8443", "https://[2001:db8::7]:8443"),
        ("http://localhost", "http://localhost"),
        ("http://localhost:80", "http://localhost"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.8.9.1:8000", "http://127.8.9.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url_is_kept_as_scheme_host_and_port(given: str, kept: str) -> None:
    assert Settings(KEY, base_url=given).base_url == kept


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "does not begin with https://"),
        ("openapi.onlive.site", "does not begin with https://"),
        ("ftp://openapi.onlive.site", "does not begin with https://"),
        ("file:///etc/passwd", "does not begin with https://"),
        ("https://", "names no usable host"),
        ("https://:443", "names no usable host"),
        ("https://open api.onlive.site", "names no usable host"),
        ("https://a..b", "names no usable host"),
        ("https://.onlive.site", "names no usable host"),
        (f"https://{'a' * 64}.site", "names no usable host"),
        ("https://ünïcode.site", "names no usable host"),
        ("https://onlive.site%2f.evil", "names no usable host"),
        ("https://[fe80::1%25eth0]", "names no usable host"),
        ("https://[::1", "not a URL"),
        ("https://[1.2.3]", "not a URL"),
        ("https://openapi.onlive.site:port", "not a URL"),
        ("https://openapi.onlive.site:65536", "not a URL"),
        ("https://openapi.onlive.site:-1", "not a URL"),
        ("https://openapi.onlive.site:0", "holds more than that"),
        ("https://openapi.onlive.site/api/v1", "holds more than that"),
        ("https://openapi.onlive.site?x=1", "holds more than that"),
        ("https://openapi.onlive.site/#x", "holds more than that"),
    ],
)
def test_a_base_url_that_is_not_scheme_host_and_port_is_refused_with_what_is_accepted(given: str, said: str) -> None:
    with pytest.raises(OnliveConfigError, match="accepted is scheme, host and optional port") as refused:
        Settings(KEY, base_url=given)
    assert refused.value.setting == "host"
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        "https://key:geheim@openapi.onlive.site",
        "https://key:gehe/im@openapi.onlive.site",
        "https://key:gehe#im@openapi.onlive.site",
        "https://key:gehe?im@openapi.onlive.site",
        "https://key:[geheim@openapi.onlive.site",
        "key:geheim@openapi.onlive.site",
    ],
)
def test_credentials_in_the_base_url_are_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(OnliveConfigError, match="holds credentials, which belong in login and password") as refused:
        Settings(KEY, base_url=given)
    assert "gehe" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    ["openapi.onlive.site", "192.0.2.7", "[2001:db8::7]", "localhost.evil.site", "127.0.0.1.evil.site", "0.0.0.0"],
)
def test_plain_http_to_another_machine_is_refused_unless_allowed(host: str) -> None:
    with pytest.raises(OnliveConfigError, match=r"host: .* is plain http to another machine"):
        Settings(KEY, base_url=f"http://{host}")
    assert Settings(KEY, base_url=f"http://{host}", allow_http=True).base_url == f"http://{host}"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.255.0.1", True), ("::1", True), ("128.0.0.1", False), ("", False)],
)
def test_loopback_is_what_can_only_mean_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"credentials": Credentials("", SECRET)}, "login"),
        ({"credentials": Credentials("AK ID", SECRET)}, "login"),
        ({"credentials": Credentials("AK,ID", SECRET)}, "login"),
        ({"credentials": Credentials("AKID\r\nX-Evil: 1", SECRET)}, "login"),
        ({"credentials": Credentials("AKÍD", SECRET)}, "login"),
        ({"credentials": Credentials("AKID", "")}, "password"),
        ({"timeout": 0.0}, "extra.timeout"),
        ({"timeout": 0.09}, "extra.timeout"),
        ({"timeout": float("nan")}, "extra.timeout"),
        ({"timeout": float("inf")}, "extra.timeout"),
        ({"max_elapsed": -1.0}, "extra.max_elapsed"),
        ({"max_elapsed": float("inf")}, "extra.max_elapsed"),
        ({"max_attempts": 0}, "extra.max_attempts"),
        ({"reads_per_minute": 0}, "extra.reads_per_minute"),
        ({"writes_per_minute": -5}, "extra.writes_per_minute"),
        ({"object_updates": "deep"}, "extra.object_updates"),
        ({"budget_scope": "galaxy"}, "extra.budget_scope"),
        ({"budget_scope": "cluster"}, "extra.budget_scope"),
    ],
)
def test_an_unusable_setting_is_refused_by_name_without_the_secret(changes: dict[str, Any], setting: str) -> None:
    with pytest.raises(OnliveConfigError) as refused:
        Settings(**{"credentials": KEY, **changes})
    assert refused.value.setting == setting
    assert str(refused.value).startswith(f"{setting}: ")
    assert SECRET not in str(refused.value)


def test_the_smallest_accepted_numbers_are_accepted() -> None:
    Settings(KEY, timeout=0.1, max_elapsed=0.0, max_attempts=1, reads_per_minute=1, writes_per_minute=1)


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Settings(KEY)
    assert settings.base_url == DEFAULT_BASE_URL == "https://openapi.onlive.site"
    assert (settings.reads_per_minute, settings.writes_per_minute) == (1000, 100)
    assert settings.verify
    assert not settings.allow_http
    assert settings.object_updates == "merge"
    assert (settings.timeout, settings.max_attempts, settings.max_elapsed) == (30.0, 5, 120.0)
    assert (settings.budget_scope, settings.budget_conn_id) == ("host", "redis_default")


def test_the_secret_does_not_show_in_the_settings_repr() -> None:
    assert SECRET not in repr(Settings(KEY))


@pytest.mark.parametrize(
    ("scope", "message"),
    [("galaxy", "'galaxy' is not host, cluster or process"), ("cluster", "is cluster, and no Redis is known")],
)
def test_a_scope_that_cannot_be_used_says_why(scope: Any, message: str) -> None:
    with pytest.raises(OnliveConfigError, match=f"^extra.budget_scope: {message}"):
        Settings(KEY, budget_scope=scope)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"credentials": Credentials("AKÍD", SECRET)}, "login: has characters that are not allowed in an HTTP header"),
        ({"timeout": 0.05}, "extra.timeout: 0.05 is not a number of seconds of at least 0.1"),
        ({"max_attempts": 0}, "extra.max_attempts: 0 is not a whole number of at least 1"),
    ],
)
def test_an_unusable_setting_is_told_with_what_was_given_and_what_is_accepted(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(OnliveConfigError) as refused:
        Settings(**{"credentials": KEY, **changes})
    assert str(refused.value).startswith(message)
