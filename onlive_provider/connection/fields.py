"""The one table of the Connection's fields, from which its form is built and by which it is read.

Every Airflow process imports this module, so it imports nothing of the client. A test compares the defaults with the
client's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CONN_TYPE = "onlive"
DEFAULT_CONN_ID = "onlive_default"
HOOK_NAME = "Onlive.site"
HOOK_CLASS = "onlive_provider.hooks.onlive.OnliveHook"


@dataclass(frozen=True, slots=True)
class StandardField:
    """A field that every Airflow Connection has, and what this one uses it for.

    :param label: ``None`` leaves Airflow's own.
    """

    name: str
    label: str | None
    placeholder: str


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A setting in the Connection's extra.

    :param kind: ``seconds`` and ``count`` are numbers, ``switch`` is true or false, ``choice`` is one of ``choices``.
    :param default: the value of an unset field.
    :param least: the smallest number accepted.
    :param most: the largest number accepted.
    :param stored: whether the form fills in the default, so that it is stored with the Connection. Not for the signing
        profile: its default is an assumption, and a stored copy would outlive its correction.
    """

    name: str
    label: str
    help: str
    kind: Literal["seconds", "count", "switch", "choice", "text"]
    default: float | bool | str
    least: float = 0
    most: float = 0
    choices: tuple[str, ...] = ()
    stored: bool = True


STANDARD_FIELDS = (
    StandardField("login", "Access Key ID", "as Onlive issued it"),
    StandardField("password", "Secret Access Key", "as Onlive issued it"),
    StandardField("host", "Base URL", "https://openapi.onlive.site"),
    StandardField("port", "Port", "that of the Base URL"),
)
HIDDEN_FIELDS = ("schema",)

EXTRA_FIELDS = (
    ExtraField(
        "timeout",
        "Timeout",
        "Seconds to wait for a connection, and then for each part of an answer. A call that is not over after twice as "
        "many is given up.",
        "seconds",
        default=30,
        least=0.1,
        most=3600,
    ),
    ExtraField(
        "max_attempts",
        "Attempts per call",
        "How often one call may be sent, the first time included.",
        "count",
        default=5,
        least=1,
        most=100,
    ),
    ExtraField(
        "max_elapsed",
        "Patience per call",
        "Seconds after which a call is not sent again. Waits for the budgets below do not count.",
        "seconds",
        default=120,
        least=0,
        most=86_400,
    ),
    ExtraField(
        "reads_per_minute",
        "Reads per minute",
        "Budget of GET calls, shared as the budget scope says. Lower it when other programs use the access key.",
        "count",
        default=1000,
        least=1,
        most=1_000_000,
    ),
    ExtraField(
        "writes_per_minute",
        "Writes per minute",
        "Budget of PUT calls, shared as the budget scope says. Lower it when other programs use the access key.",
        "count",
        default=100,
        least=1,
        most=1_000_000,
    ),
    ExtraField(
        "budget_scope",
        "Budget scope",
        "Who shares the two budgets: host is all processes of one machine and user, cluster is all machines (kept in "
        "Redis), process is each process for itself.",
        "choice",
        default="host",
        choices=("host", "cluster", "process"),
    ),
    ExtraField(
        "budget_conn_id",
        "Budget's Redis",
        "Id of the Connection of type redis that keeps the budgets of the scope cluster.",
        "text",
        default="redis_default",
    ),
    ExtraField(
        "verify",
        "Check the certificate",
        "Whether the server's TLS certificate is checked. Leave it on for a real calendar.",
        "switch",
        default=True,
    ),
    ExtraField(
        "allow_http",
        "Allow plain http",
        "Whether plain http may go to another machine. To this machine it always may.",
        "switch",
        default=False,
    ),
    ExtraField(
        "object_updates",
        "Object updates",
        "What the server does with keys of extraFields and event that an update does not name: "
        "merge keeps them, replace drops them.",
        "choice",
        default="merge",
        choices=("merge", "replace"),
    ),
    ExtraField(
        "report_base_url",
        "Reports' web address",
        "Where a web server shows the store of the reports, such as https://reports.example.com. Empty: Airflow 3.1 "
        "and newer show reports themselves.",
        "text",
        default="",
    ),
    ExtraField(
        "string_to_sign",
        "Signing: string to sign",
        r"Template of what is signed, such as {method}\n{path}\n{date}\n{body_sha256}; \n is a newline, and the "
        "documentation lists the placeholders. Empty: this provider's assumption.",
        "text",
        default=r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n{body_sha256}",
        stored=False,
    ),
    ExtraField(
        "canonical_request",
        "Signing: canonical request",
        "Template whose hash is {canonical_request_hash} in the string to sign, for a signature of two stages. "
        "Empty: none, an assumption.",
        "text",
        default="",
        stored=False,
    ),
    ExtraField(
        "signing_key",
        "Signing: key",
        r"The first line, with {secret}, is the key; each further line, after \n, is HMACed with the key so far. "
        "Empty: {secret}, an assumption.",
        "text",
        default="{secret}",
        stored=False,
    ),
    ExtraField(
        "signature_hash",
        "Signing: hash",
        "Hash of the HMACs and of the canonical request. Empty: sha256, an assumption.",
        "choice",
        default="sha256",
        choices=("sha256", "sha512", "sha1"),
        stored=False,
    ),
    ExtraField(
        "signature_encoding",
        "Signing: encoding",
        "How the signature is written. Empty: hex (lower case), an assumption.",
        "choice",
        default="hex",
        choices=("hex", "base64"),
        stored=False,
    ),
)
SIGNING_FIELDS = tuple(field.name for field in EXTRA_FIELDS if not field.stored)
"""The settings that make up the signing profile."""
