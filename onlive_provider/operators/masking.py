"""Keeping guests' e-mail addresses and phone numbers out of rendered templates, logs and tracebacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

_EMAIL = re.compile(r"[^\s\"'<>,;:()\\]+@[^\s\"'<>,;:()\\]+")
_PHONE_MEMBER = re.compile(r"""["']phone["']\s*:\s*["']([^"']+)["']""", re.IGNORECASE)


def mask_personal_data(value: Any) -> None:
    """Give every guest's e-mail address and phone number in a rendered value to Airflow's secrets masker.

    The masker then shows ``***`` in their place wherever this task writes: the Rendered Template view, its log and its
    tracebacks. What is sent to the API and what travels through XCom stays as it is.

    :param value: a payload as rendered: a mapping, or text that holds one.
    """
    found = dict.fromkeys(_personal_data(value))
    if found:
        mask_secret = _mask_secret()
        for text in found:
            mask_secret(text)


def _personal_data(value: Any, key: object = None) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _personal_data(member, name)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _personal_data(item, key)
    elif isinstance(value, str):
        yield from _EMAIL.findall(value)
        yield from _PHONE_MEMBER.findall(value)
        if isinstance(key, str) and key.casefold() == "phone":
            yield value
    elif hasattr(value, "model_dump"):
        yield from _personal_data(value.model_dump(exclude_unset=True), key)


def _mask_secret() -> Callable[[str], None]:
    try:
        module = import_module("airflow.sdk.log")
    except ImportError:  # Airflow 2.11 has it elsewhere
        module = import_module("airflow.utils.log.secrets_masker")
    mask_secret: Callable[[str], None] = module.mask_secret
    return mask_secret
