"""Reads which services a rollout is for and which seasons it brings, as a caller or a template gave them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import TypeAdapter

from onlive_provider.client.listing import read_filters
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.json_values import ArrayOf, keeping
from onlive_provider.models.refusals import read_argument
from onlive_provider.models.rendered import read_array, read_object
from onlive_provider.models.sentences import Loc, Refusal, parse
from onlive_provider.models.types import RecordId
from onlive_provider.seasons import Season
from onlive_provider.seasons.members import SeasonMembers


def read_service_ids(value: object, field: str) -> list[str]:
    """Read services' ids: a list, or text that holds one as JSON.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: naming every one that is not a UUID, every one that stands twice; the list is empty.
    """

    def repeated(ids: Mapping[int, str]) -> Iterator[tuple[Loc, Refusal]]:
        first_places: dict[str, int] = {}
        for place, service_id in ids.items():
            earlier = first_places.setdefault(service_id, place)
            if earlier != place:
                yield (place,), Refusal(f"{service_id} is {field}[{earlier}] already")

    adapter: TypeAdapter[list[str]] = TypeAdapter(Annotated[list[RecordId], keeping(repeated)])
    ids = read_argument(adapter.validate_python, parse(read_array, value, field, shown=True), field)
    if not ids:
        raise OnlivePayloadError.of(field, "names no service; accepted: at least one id")
    return ids


def read_service_filter(value: object, field: str) -> dict[str, str]:
    """Read a filter of the list of services: an object, or text that holds one as JSON. ``{}`` means all services.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: naming every filter that is unknown or has no value: a gap in it would select more
        services than were meant.
    """
    return read_filters(parse(read_object, value, field, shown=True), field)


def read_seasons(value: object, field: str) -> list[Season]:
    """Read a season, or a list of seasons: as :class:`Season`, as its JSON, or as text that holds either.

    :param field: what an error calls the value.
    :raises OnlivePayloadError: naming every member that cannot be used; the list is empty.
    """
    if not _is_list(value):
        return [Season.from_json(_as_json(value), field)]
    given = [_as_json(each) for each in value] if isinstance(value, list | tuple) else value
    adapter: TypeAdapter[list[SeasonMembers]] = TypeAdapter(ArrayOf[SeasonMembers])
    seasons = [Season(**each.model_dump()) for each in read_argument(adapter.validate_python, given, field)]
    if not seasons:
        raise OnlivePayloadError.of(field, "names no season; accepted: a season, or a list of at least one")
    return seasons


def _is_list(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().startswith(("[", "("))
    return isinstance(value, Sequence) and not isinstance(value, Mapping)


def _as_json(value: object) -> object:
    return value.as_json() if isinstance(value, Season) else value
