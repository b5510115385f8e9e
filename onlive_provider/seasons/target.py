"""What carries a season in a service, and what is done with it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["add", "remove", "replace"]
Target: TypeAlias = Literal["dateRanges", "restrictionDates"]

TARGET_FIELDS: Mapping[str, str] = {"dateRanges": "dateRanges", "restrictionDates": "calendars"}
"""The field of a service that holds each target: restriction days belong to its calendars."""
