"""What the machine's environment says about the way to a server: its proxy and its CA bundle."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from onlive_provider.client.errors import OnliveConfigError
from onlive_provider.client.settings import is_host, is_loopback

_CA_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Environment:
    """The way to one server.

    :param proxy: the proxy's address, which may hold a password, or ``None``.
    :param ca_bundle: path of a file or folder of trusted certificates.
    """

    proxy: str | None
    ca_bundle: str

    def __repr__(self) -> str:
        return f"Environment(proxy={'set' if self.proxy else None}, ca_bundle={self.ca_bundle!r})"


def read_environment(base_url: str) -> Environment:
    """Read the environment once.

    :raises OnliveConfigError: naming the variable that cannot be used.
    """
    return Environment(_proxy(base_url), _ca_bundle())


def _ca_bundle() -> str:
    for name in _CA_BUNDLE_VARIABLES:
        if path := os.environ.get(name):
            if not os.path.exists(path):
                raise OnliveConfigError(name, f"{path} does not exist on this machine")
            return path
    return certifi.where()


def _proxy(base_url: str) -> str | None:
    """Return the proxy's address, none on the way to this very machine, whatever the environment says.

    :raises OnliveConfigError: without the proxy's address, which may hold a password.
    """
    parts = urlsplit(base_url)
    if is_loopback(parts.hostname or ""):
        return None
    proxy = select_proxy(base_url, get_environ_proxies(base_url))
    if proxy is None:
        return None
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        split = urlsplit(address)
        usable = split.scheme in _PROXY_SCHEMES and is_host(split.hostname or "") and split.port != 0
    except ValueError:
        usable = False
    if not usable:
        name = f"{parts.scheme.upper()}_PROXY"
        raise OnliveConfigError(name, "is not the address of a proxy, such as http://proxy.example:3128")
    return address
