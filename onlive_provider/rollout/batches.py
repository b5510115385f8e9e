"""The batches of a rollout: which services come first, and how many at a time.

A hash of its id decides a service's place, so that it is the same in every run and does not follow a name, an age or a
region. Batches are cumulative: ``("5%", "25%", "100%")`` of 400 services are 20, then 80 more, then the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from hashlib import sha256
from itertools import pairwise

from onlive_provider.errors import FieldError, OnlivePayloadError
from onlive_provider.models.rendered import read_array
from onlive_provider.models.sentences import Refusal, parse, refuse_missing

_ACCEPTED = 'a number of services such as 10, or a share of them such as "25%"'


@dataclass(frozen=True, slots=True)
class BatchSize:
    """The size of a batch together with the earlier ones.

    :param number: of services, or of hundredths of them.
    :param is_share: whether ``number`` is a percentage.
    """

    number: Decimal
    is_share: bool

    def __str__(self) -> str:
        return f"{self.number}%" if self.is_share else str(self.number)

    def of(self, total: int) -> int:
        """Return how many of so many services that is, rounded up."""
        number = self.number * total / 100 if self.is_share else self.number
        return min(total, int(number.to_integral_value(ROUND_CEILING)))


def read_batches(value: object, field: str) -> list[BatchSize]:
    """Read ``("5%", "25%", "100%")`` or ``(1, 10)``: a list, or text that holds one as JSON.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: it is anything else, or a batch is no larger than the one before.
    """
    sizes: list[BatchSize] = []
    errors: list[FieldError] = []
    for position, item in enumerate(parse(read_array, value, field, shown=False)):
        try:
            sizes.append(_read_size(item))
        except Refusal as refusal:
            errors.append(FieldError(f"{field}[{position}]", str(refusal)))
    if errors:
        raise OnlivePayloadError(errors)
    if not sizes:
        raise OnlivePayloadError.of(field, f"got no batch; accepted: at least one, {_ACCEPTED}")
    for earlier, later in pairwise(sizes):
        if earlier.is_share == later.is_share and later.number <= earlier.number:
            raise _not_growing(field, earlier, later)
    return sizes


def split(ids: Sequence[str], sizes: Sequence[BatchSize], field: str) -> list[list[str]]:
    """Return the services of each batch that no earlier one holds, in the order in which they are worked on.

    Services beyond the last batch are in none.

    :param field: what an error calls the batches.
    :raises OnlivePayloadError: a batch of this many services is smaller than the one before it.
    """
    ordered = sorted(ids, key=lambda service_id: sha256(service_id.encode()).digest())
    batches = []
    begin = 0
    for position, size in enumerate(sizes):
        end = size.of(len(ordered))
        if end < begin:
            raise _not_growing(field, sizes[position - 1], size, f" of {len(ordered)} services")
        batches.append(ordered[begin:end])
        begin = end
    return batches


def _read_size(value: object) -> BatchSize:
    refuse_missing(value)
    text = value.strip() if isinstance(value, str) else value
    is_share = isinstance(text, str) and text.endswith("%")
    digits = text.removesuffix("%").strip() if isinstance(text, str) else str(text)
    if not isinstance(value, bool) and digits.isascii() and digits.replace(".", "", int(is_share)).isdecimal():
        number = Decimal(digits)
        if number > 0 and (not is_share or number <= 100):
            return BatchSize(number, is_share)
    raise Refusal(f"got {value!r}; accepted: {_ACCEPTED}")


def _not_growing(field: str, earlier: BatchSize, later: BatchSize, where: str = "") -> OnlivePayloadError:
    message = f"{later} after {earlier} reaches no further{where}; accepted: batches that grow, such as 5%, 25%, 100%"
    return OnlivePayloadError.of(field, message)
