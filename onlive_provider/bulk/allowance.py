"""How many records may fail or change: a number of them, or a share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from onlive_provider.errors import OnlivePayloadError

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Allowance:
    """A number of records, or a share of them.

    :param number: of records, or percent.
    :param is_share: whether ``number`` is a percentage.
    """

    number: Fraction
    is_share: bool

    @classmethod
    def read(cls, value: object, field: str) -> Allowance:
        """Read ``3``, ``"3"`` or ``"5%"``.

        :raises OnlivePayloadError: it is anything else.
        """
        text = str(value).strip()
        if not isinstance(value, bool) and text.isascii() and text.isdecimal():
            return cls(Fraction(text), is_share=False)
        found = _SHARE.fullmatch(text) if isinstance(value, str) else None
        if found and Fraction(found[1]) <= 100:
            return cls(Fraction(found[1]), is_share=True)
        message = f"got {value!r}; accepted: a number of records such as 3, or a share of them such as '5%'"
        raise OnlivePayloadError.of(field, message)

    def __str__(self) -> str:
        return f"{float(self.number):g}%" if self.is_share else f"{int(self.number):,}"

    def is_exceeded(self, number: int, total: int) -> bool:
        """Whether so many of all records are too many."""
        return number > (self.number * total / 100 if self.is_share else self.number)
