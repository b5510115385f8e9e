"""The proxy and the CA bundle that the machine's environment sets."""

from __future__ import annotations

import base64
import os
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import certifi
from requests.utils import get_environ_proxies, select_proxy

from onlive_provider.client.settings import is_host, is_loopback
from onlive_provider.errors import OnliveConfigError, OnliveTlsError

_CA_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Environment:
    """How to get to one server.

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


def trust(ca_bundle: str) -> ssl.SSLContext:
    """Return TLS settings that trust these certificates and no others.

    :param ca_bundle: path of a file or folder.
    :raises OnliveTlsError: the file contains no readable certificate.
    """
    if os.path.isdir(ca_bundle):
        return ssl.create_default_context(capath=ca_bundle)
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        raise OnliveTlsError(f"{ca_bundle} contains no readable certificate: {error}", attempts=0) from None


def split_proxy(proxy: str) -> tuple[str, dict[str, str]]:
    """Return a proxy's address without its credentials, and the header that carries them, if any."""
    parts = urlsplit(proxy)
    credentials, _, host = parts.netloc.rpartition("@")
    address = f"{parts.scheme}://{host}"
    if not credentials:
        return address, {}
    user, _, password = credentials.partition(":")
    text = f"{unquote(user)}:{unquote(password)}"
    return address, {"Proxy-Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def proxy_variable(base_url: str) -> str:
    """Return the name of the environment variable that the proxy's address comes from."""
    own = f"{urlsplit(base_url).scheme}_proxy"
    names = (own, own.upper(), "all_proxy", "ALL_PROXY")
    return next((name for name in names if os.environ.get(name)), own.upper())


def _ca_bundle() -> str:
    for name in _CA_BUNDLE_VARIABLES:
        if path := os.environ.get(name):
            if not os.path.exists(path):
                raise OnliveConfigError(name, f"{path} does not exist on this machine")
            return path
    return certifi.where()


def _proxy(base_url: str) -> str | None:
    """Return the proxy's address; never one for this machine itself, whatever the environment says.

    :raises OnliveConfigError: it is not an address. The error does not show it: it may hold a password.
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
        name = proxy_variable(base_url)
        raise OnliveConfigError(name, "is not the address of a proxy, such as http://proxy.example:3128")
    return address
