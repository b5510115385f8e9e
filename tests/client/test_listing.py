from __future__ import annotations

from typing import Any

import pytest

from onlive_provider import errors
from onlive_provider.client.listing import PAGE_SIZE, ServiceListing, read_filters
from tests.client.drivers import connect
from tests.loopback import FakeClock, LoopbackServer, Recorded, reply, settings_for

pytestmark = pytest.mark.usefixtures("each_driver")


def service(number: int) -> dict[str, Any]:
    return {"id": f"00000000-0000-4000-8000-{number:012}", "name": f"Service {number}"}


def paged(count: int) -> Any:
    """Return a server of so many services, page by page as the API reference has it."""

    def answer(request: Recorded) -> bytes:
        page, limit = int(request.filters["page"]), int(request.filters["limit"])
        first = (page - 1) * limit
        return reply(200, {"items": [service(n) for n in range(first, min(first + limit, count))], "total": count})

    return answer


def walk(answer: Any, *script: Any, **filters: str) -> tuple[list[dict[str, Any]], list[Recorded]]:
    with LoopbackServer(*script) as server, connect(settings_for(server), clock=FakeClock()) as client:
        server.otherwise = answer or server.otherwise
        found = list(client.iter_services(**filters))
    return found, server.requests


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (19, 1), (20, 2), (21, 2), (40, 3), (45, 3)])
def test_every_service_comes_once_and_a_short_page_is_the_last(count: int, pages: int) -> None:
    found, requests = walk(paged(count))
    assert found == [service(n) for n in range(count)]
    assert [request.filters["page"] for request in requests] == [str(n) for n in range(1, pages + 1)]
    assert {request.filters["limit"] for request in requests} == {"20"}


def test_a_server_that_ignores_the_page_is_not_walked_for_ever() -> None:
    same = reply(200, {"items": [service(n) for n in range(PAGE_SIZE)]})
    found, requests = walk(None, same, same)
    assert found == [service(n) for n in range(PAGE_SIZE)]
    assert len(requests) == 2


def test_a_service_that_slid_to_the_next_page_meanwhile_comes_once() -> None:
    first = reply(200, {"items": [service(n) for n in range(20)]})
    second = reply(200, {"items": [service(n) for n in range(19, 22)]})
    found, _ = walk(None, first, second)
    assert found == [service(n) for n in range(22)]


FILTERS = {
    "userGroupId": "f329fe97-452f-4d12-aef0-f526a74569cc",
    "search": "s",
    "typeId": "e3fb21fb-83ef-4051-916b-a8e96effe81f",
    "name": "n",
    "startDate": "2025-01-01T00:00:00.000Z",
    "endDate": "2025-02-01T00:00:00.000Z",
}


def test_the_documented_filters_are_sent_with_every_page() -> None:
    _, requests = walk(paged(20), **{**FILTERS, "startDate": "2025-01-01T01:00:00+01:00"})
    for page, request in enumerate(requests, 1):
        assert request.filters == {**FILTERS, "page": str(page), "limit": "20"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("userGroupId", "7", "got str '7', which has 1 character and is not a UUID"),
        ("search", " ", "got str ' '; accepted: text that is not blank"),
        ("name", "None", "got str None, a missing value"),
        ("startDate", "2025-01-01", "got str '2025-01-01', a date without a time of day"),
        ("endDate", "2025-01-01T00:00", "got str '2025-01-01T00:00', a time without a time zone"),
    ],
)
def test_a_filter_that_selects_nothing_that_was_meant_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(errors.OnlivePayloadError) as refused:
        ServiceListing({name: value})
    (error,) = refused.value.errors
    assert error.field == name
    assert error.message.startswith(message)


def test_a_filter_of_none_is_left_out() -> None:
    assert ServiceListing({"name": None, "search": "x"}).next_query() == {"search": "x", "page": "1", "limit": "20"}


def test_an_unknown_filter_is_refused_before_any_call_with_a_suggestion() -> None:
    with (
        LoopbackServer() as server,
        connect(settings_for(server)) as client,
        pytest.raises(errors.OnlivePayloadError) as refused,
    ):
        list(client.iter_services(usergroupid="x", page="2"))
    assert server.connections == 0
    first, second = refused.value.errors
    assert first.field == "usergroupid"
    assert first.message == 'is not a filter of services; did you mean "userGroupId"?'
    assert second.field == "page"
    assert "did you mean" not in second.message


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"items": None},
        {"items": {"id": "1"}},
        {"items": ["x"]},
        {"items": [{"name": "x"}]},
        {"items": [{"id": 7}]},
        {"items": [{"id": {"a": 1}}]},
        {"items": [service(1), None]},
    ],
)
def test_an_answer_that_is_not_a_list_of_services_is_an_answer_error(document: Any) -> None:
    with pytest.raises(errors.OnliveAnswerError, match=r"GET /api/v1/services: the .*answer"):
        walk(*[reply(200, document)] * 5)


def test_a_page_that_fails_fails_the_walk() -> None:
    first = reply(200, {"items": [service(n) for n in range(20)]})
    with pytest.raises(errors.OnliveForbiddenError):
        walk(None, first, reply(403))


def test_pages_are_read_as_they_are_needed() -> None:
    with LoopbackServer() as server, connect(settings_for(server)) as client:
        server.otherwise = paged(100)
        services = client.iter_services()
        assert server.requests == []
        next(services)
        assert len(server.requests) == 1


def test_each_wrong_filter_is_named_and_a_key_that_is_no_text_at_the_place_of_all() -> None:
    with pytest.raises(errors.OnlivePayloadError) as refused:
        read_filters({7: "x", "serch": "x", "search": " "}, "service_filter")
    assert [error.field for error in refused.value.errors] == [
        "service_filter",
        "service_filter.serch",
        "service_filter.search",
    ]
