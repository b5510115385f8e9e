"""The one table of the Connection's fields: the form of every Airflow version and the reading of a Connection use it.

It imports nothing of the client, because every Airflow process reads it; a test holds the defaults to the client's.
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
    """A field that every Connection has, and what it means in this one.

    :param label: ``None`` leaves Airflow's own.
    """

    name: str
    label: str | None
    placeholder: str


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A setting in the Connection's extra.

    :param kind: ``seconds`` and ``count`` are numbers, ``switch`` is true or false, ``choice`` is one of ``choices``.
    :param default: what holds while the field is unset.
    :param least: the smallest number accepted.
    :param most: the largest number accepted.
    :param stored: whether the form fills the default in, so that it is stored with the Connection. The signing
        profile is not: its default is an assumption, and a stored copy would outlive the correction of it.
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
    StandardField("port", None, "443"),
)
HIDDEN_FIELDS = ("schema",)

EXTRA_FIELDS = (
    ExtraField(
        "timeout",
        "Timeout",
        "Seconds to wait for a connection, and then for each part of an answer.",
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
        "string_to_sign",
        "Signing: string to sign",
        r"Template over {method} {path} {query} {host} {date} {access_key_id} {body} {body_sha256}; \n is a newline; "
        "{date} is required. Empty: this provider's assumption.",
        "text",
        default=r"{method}\n{path}\n{query}\nx-onlive-site-date:{date}\n{body_sha256}",
        stored=False,
    ),
    ExtraField(
        "signature_hash",
        "Signing: hash",
        "Hash of the HMAC over the string to sign. Empty: sha256, an assumption.",
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
