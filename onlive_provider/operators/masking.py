"""Keeping guests' data out of rendered templates, logs and tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from onlive_provider.privacy import personal_data


def mask_personal_data(value: Any) -> None:
    """Give all guests' data in a rendered value to Airflow's secrets masker.

    The masker then shows ``***`` in their place wherever this task writes: the Rendered Template view, its log and its
    tracebacks. What is sent to the API and what travels through XCom stays as it is.

    :param value: a payload as rendered: a mapping, or text that holds one.
    """
    found = dict.fromkeys(personal_data(value))
    if found:
        mask_secret = _mask_secret()
        for text in found:
            mask_secret(text)


def _mask_secret() -> Callable[[str], None]:
    try:
        module = import_module("airflow.sdk.log")
    except ImportError:  # Airflow 2.11 has it elsewhere
        module = import_module("airflow.utils.log.secrets_masker")
    mask_secret: Callable[[str], None] = module.mask_secret
    return mask_secret
