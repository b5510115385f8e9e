"""Arithmetic of date ranges, on examples and against a model that counts seconds one by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.service import DateRange, ServiceUpdate
from onlive_provider.seasons.date_ranges import add, expire, remove, replace

Json = dict[str, Any]

YEAR = {"startDate": "2024-12-31T23:00:00.000Z", "endDate": "2025-12-31T22:59:59.000Z"}
MAY = {"startDate": "2025-04-30T22:00:00.000Z", "endDate": "2025-05-31T21:59:59.000Z"}
JUNE = {"startDate": "2025-05-31T22:00:00.000Z", "endDate": "2025-06-30T21:59:59.000Z"}
AUGUST = {"startDate": "2025-07-31T22:00:00.000Z", "endDate": "2025-08-31T21:59:59.000Z"}
MAY_AND_JUNE = {"startDate": MAY["startDate"], "endDate": JUNE["endDate"]}
ODD_MAY = {"endDate": "2025-05-31T23:59:59+02:00", "startDate": "2025-05-01 00:00:00.000000+0200", "_id": 7}


def wanted(content: Json) -> DateRange:
    return DateRange(**content)


def shifted(text: str, **by: float) -> str:
    moment = datetime.fromisoformat(text) + timedelta(**by)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def test_an_added_range_stands_in_its_place_and_the_others_are_as_the_server_gave_them() -> None:
    result = add([AUGUST, ODD_MAY], wanted({**JUNE, "startDate": "2025-06-02T22:00:00.000Z"}))
    assert result == [ODD_MAY, {**JUNE, "startDate": "2025-06-02T22:00:00.000Z"}, AUGUST]
    assert list(result[0]) == list(ODD_MAY)


def test_ranges_that_the_caller_changes_afterwards_are_not_the_servers() -> None:
    held = [dict(MAY)]
    add(held, wanted(MAY))[0]["startDate"] = "changed"
    assert held == [MAY]


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        pytest.param(-5, [MAY_AND_JUNE], id="overlapping"),
        pytest.param(-1, [MAY_AND_JUNE], id="from the same instant"),
        pytest.param(0, [MAY_AND_JUNE], id="from the next second"),
        pytest.param(
            0.001, [MAY, {**JUNE, "startDate": shifted(JUNE["startDate"], seconds=0.001)}], id="a moment later"
        ),
    ],
)
def test_what_touches_within_a_second_is_joined(seconds: float, result: list[Json]) -> None:
    later_june = {**JUNE, "startDate": shifted(JUNE["startDate"], seconds=seconds)}
    assert add([MAY], wanted(later_june)) == result
    assert add([later_june], wanted(MAY)) == result


def test_a_joined_range_keeps_the_spelling_of_the_ends_that_stay_and_no_unknown_member() -> None:
    assert add([ODD_MAY], wanted(JUNE)) == [{"startDate": ODD_MAY["startDate"], "endDate": JUNE["endDate"]}]
    odd_june = {"startDate": JUNE["startDate"], "endDate": "2025-06-30T23:59:59+02:00", "_id": 8}
    assert add([odd_june], wanted(MAY)) == [{"startDate": MAY["startDate"], "endDate": odd_june["endDate"]}]


def test_an_end_that_an_added_range_shares_keeps_the_spelling_of_the_server() -> None:
    assert add([ODD_MAY], wanted(MAY_AND_JUNE)) == [{"startDate": ODD_MAY["startDate"], "endDate": JUNE["endDate"]}]
    odd_june = {"startDate": JUNE["startDate"], "endDate": "2025-06-30T23:59:59+02:00"}
    assert add([odd_june], wanted(MAY_AND_JUNE)) == [{"startDate": MAY["startDate"], "endDate": odd_june["endDate"]}]


def test_an_added_range_joins_what_it_lies_between() -> None:
    july = {"startDate": "2025-06-30T22:00:00.000Z", "endDate": "2025-07-31T21:59:59.000Z"}
    assert add([AUGUST, MAY_AND_JUNE], wanted(july)) == [{**MAY, "endDate": AUGUST["endDate"]}]


def test_several_ranges_are_added_in_any_order() -> None:
    july = {"startDate": "2025-06-30T22:00:00.000Z", "endDate": "2025-07-31T21:59:59.000Z"}
    result = [MAY_AND_JUNE, AUGUST]
    assert add([], wanted(AUGUST), wanted(JUNE), wanted(MAY)) == result
    assert add(result, wanted(AUGUST), wanted(july)) == [{**MAY, "endDate": AUGUST["endDate"]}]


def test_the_order_of_added_ranges_does_not_matter_even_where_one_makes_another_needless() -> None:
    july = {"startDate": "2025-06-30T22:00:00.000Z", "endDate": "2025-07-31T21:59:59.000Z"}
    from_mid_may = {"startDate": "2025-05-15T22:00:00.000Z", "endDate": july["endDate"]}
    result = [{"startDate": MAY["startDate"], "endDate": july["endDate"]}]
    assert add([MAY, JUNE], wanted(from_mid_may), wanted(july)) == result
    assert add([MAY, JUNE], wanted(july), wanted(from_mid_may)) == result


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([YEAR], id="inside"),
        pytest.param([{**JUNE, "_id": 1, "endDate": "2025-06-30T21:59:59Z"}], id="the same"),
        pytest.param(
            [
                {"startDate": MAY["startDate"], "endDate": "2025-06-15T21:59:59.000Z", "_id": 1},
                {"startDate": "2025-06-15T22:00:00.000Z", "endDate": AUGUST["endDate"], "_id": 2},
            ],
            id="held by two together",
        ),
        pytest.param([MAY, JUNE, AUGUST], id="beside one that touches"),
    ],
)
def test_adding_what_is_there_already_changes_nothing(held: list[Json]) -> None:
    assert add(held, wanted(JUNE)) == held


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([{**JUNE, "startDate": shifted(JUNE["startDate"], seconds=1)}], id="the first second"),
        pytest.param([{**JUNE, "endDate": shifted(JUNE["endDate"], seconds=-1)}], id="the last second"),
        pytest.param(
            [
                {"startDate": MAY["startDate"], "endDate": "2025-06-15T21:59:59.000Z"},
                {"startDate": "2025-06-15T22:00:01.000Z", "endDate": AUGUST["endDate"]},
            ],
            id="a second in between",
        ),
    ],
)
def test_adding_what_lacks_one_second_adds_that_second(held: list[Json]) -> None:
    whole = {"startDate": min(one["startDate"] for one in held), "endDate": max(one["endDate"] for one in held)}
    joined = {
        "startDate": min(whole["startDate"], JUNE["startDate"]),
        "endDate": max(whole["endDate"], JUNE["endDate"]),
    }
    assert add(held, wanted(JUNE)) == [joined]


def test_ranges_of_the_server_that_only_touch_are_left_as_they_are() -> None:
    ending_at_midnight = {**MAY, "endDate": JUNE["startDate"]}
    assert add([JUNE, ending_at_midnight], wanted(AUGUST)) == [ending_at_midnight, JUNE, AUGUST]


def test_ranges_of_the_server_that_overlap_are_joined() -> None:
    late_may = {"startDate": "2025-05-20T00:00:00Z", "endDate": "2025-06-10T00:00:00Z", "_id": 1}
    result = [{"startDate": MAY["startDate"], "endDate": "2025-06-10T00:00:00Z"}, AUGUST]
    assert add([late_may, MAY], wanted(AUGUST)) == result
    assert remove([late_may, MAY, AUGUST, JUNE], wanted({**AUGUST, "endDate": "2026-01-01T00:00:00Z"})) == [
        MAY_AND_JUNE
    ]


def test_of_ranges_inside_another_that_other_is_kept_as_the_server_gave_it() -> None:
    whole_year = {**YEAR, "_id": 1}
    assert add([MAY, whole_year, JUNE], wanted(AUGUST)) == [whole_year]


def test_the_same_range_twice_comes_back_once_whatever_the_order() -> None:
    plain_may = {**MAY, "_id": 1}
    assert add([plain_may, ODD_MAY], wanted(AUGUST)) == add([ODD_MAY, plain_may], wanted(AUGUST))
    assert len(add([plain_may, ODD_MAY], wanted(AUGUST))) == 2


def test_a_cut_ends_one_second_before_and_goes_on_one_second_after() -> None:
    assert remove([YEAR], wanted(JUNE)) == [
        {"startDate": YEAR["startDate"], "endDate": "2025-05-31T21:59:59.000Z"},
        {"startDate": "2025-06-30T22:00:00.000Z", "endDate": YEAR["endDate"]},
    ]


def test_adding_what_was_removed_joins_the_parts_again() -> None:
    assert add(remove([YEAR], wanted(JUNE)), wanted(JUNE)) == [YEAR]


def test_a_cut_range_keeps_the_spelling_of_the_end_that_stays_and_no_unknown_member() -> None:
    middle = {"startDate": "2025-05-10T22:00:00.000Z", "endDate": "2025-05-20T21:59:59.000Z"}
    assert remove([ODD_MAY], wanted(middle)) == [
        {"startDate": ODD_MAY["startDate"], "endDate": "2025-05-10T21:59:59.000Z"},
        {"startDate": "2025-05-20T22:00:00.000Z", "endDate": ODD_MAY["endDate"]},
    ]


def test_several_ranges_are_removed() -> None:
    assert remove([YEAR, {**AUGUST, "_id": 1}], wanted(YEAR), wanted(AUGUST)) == []
    assert remove([MAY_AND_JUNE, AUGUST], wanted(AUGUST), wanted(MAY)) == [JUNE]


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert remove([AUGUST, ODD_MAY], wanted(JUNE)) == [ODD_MAY, AUGUST]


@pytest.mark.parametrize(("seconds", "left"), [(1, 0), (1.001, 1), (2, 1)])
def test_a_part_of_a_single_instant_is_dropped(seconds: float, left: int) -> None:
    longer = {
        "startDate": shifted(JUNE["startDate"], seconds=-seconds),
        "endDate": shifted(JUNE["endDate"], seconds=seconds),
    }
    assert len(remove([longer], wanted(JUNE))) == 2 * left


def test_replacing_leaves_nothing_but_what_is_wanted() -> None:
    assert replace([YEAR, AUGUST], wanted(JUNE)) == [JUNE]
    assert replace([], wanted(AUGUST), wanted(JUNE), wanted(MAY)) == [MAY_AND_JUNE, AUGUST]
    assert replace([YEAR]) == []


def test_replacing_keeps_what_is_wanted_already_as_the_server_gave_it() -> None:
    assert replace([AUGUST, ODD_MAY], wanted(MAY)) == [ODD_MAY]


def test_replacing_keeps_the_same_one_of_two_that_are_wanted() -> None:
    plain_may = {**MAY, "_id": 1}
    assert replace([plain_may, ODD_MAY], wanted(MAY)) == replace([ODD_MAY, plain_may], wanted(MAY))


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("2025-05-31T21:59:59+00:00", [ODD_MAY, AUGUST]),
        ("2025-05-31T21:59:59.001+00:00", [AUGUST]),
        ("2025-08-15T12:00:00+02:00", [AUGUST]),
        ("2025-09-01T00:00:00+00:00", []),
    ],
)
def test_what_ended_before_now_expires_and_what_goes_on_stays_whole(now: str, left: list[Json]) -> None:
    assert expire([AUGUST, ODD_MAY], datetime.fromisoformat(now)) == left


def test_a_past_range_leaves_no_trace_in_one_that_it_overlapped() -> None:
    assert expire([MAY, {**JUNE, "startDate": MAY["startDate"], "_id": 1}], datetime(2025, 6, 10, tzinfo=UTC)) == [
        {**JUNE, "startDate": MAY["startDate"], "_id": 1}
    ]


def test_now_needs_an_offset() -> None:
    with pytest.raises(OnlivePayloadError, match=r"now: got .*, a time without a time zone"):
        expire([MAY], datetime(2025, 6, 1))


def test_everything_that_is_no_date_range_is_refused_by_its_place() -> None:
    held = [
        MAY,
        {"startDate": None, "endDate": "2025-05-31"},
        {"startDate": "2025-05-31T00:00:00"},
        "May",
        {"startDate": JUNE["startDate"], "endDate": "2025-06-01T00:00:00+02:00"},
    ]
    operations: list[Callable[..., Any]] = [add, remove, replace, lambda ranges: expire(ranges, datetime.now(UTC))]
    for operation in operations:
        with pytest.raises(OnlivePayloadError) as error:
            operation(held)
        told = [str(refusal).partition("; accepted: ") for refusal in error.value.errors]
        assert [what for what, _, accepted in told if accepted] == [
            "dateRanges[1].startDate: got null (None)",
            "dateRanges[1].endDate: got str '2025-05-31', a date without a time of day",
            "dateRanges[2].startDate: got str '2025-05-31T00:00:00', a time without a time zone",
            "dateRanges[2].endDate: got null (None)",
            "dateRanges[3]: got str 'May'",
            "dateRanges[4].endDate: 2025-06-01T00:00:00+02:00 is not after the startDate, 2025-05-31T22:00:00.000Z",
        ]


def test_ranges_to_the_end_of_time_are_added_to_and_cut() -> None:
    for_ever = {"startDate": "0001-01-01T00:00:00.000Z", "endDate": "9999-12-31T23:59:59.999Z"}
    assert add([for_ever], wanted(JUNE)) == [for_ever]
    assert add([JUNE], wanted(for_ever)) == [for_ever]
    assert remove([JUNE, for_ever], wanted(for_ever)) == []
    assert [one["startDate"] for one in remove([for_ever], wanted(JUNE))] == [
        for_ever["startDate"],
        "2025-06-30T22:00:00.000Z",
    ]


# The model: a range is a run of seconds, first to last, each of which is or is not in it.

Run = tuple[int, int]
WINDOW = 60
BEGIN = datetime(2025, 3, 30, 0, 59, 30, tzinfo=UTC)
SPELLINGS: list[Callable[[datetime], str]] = [
    lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}.000Z",
    lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z",
    lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}.000000+00:00",
    lambda moment: (moment + timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat() + "+05:30",
    lambda moment: (moment - timedelta(hours=3)).replace(tzinfo=None).isoformat() + "-0300",
]


def spelled(run: Run, spelling: int, unknown: int = 0) -> Json:
    spell = SPELLINGS[spelling]
    content = {
        name: spell(BEGIN + timedelta(seconds=at)) for name, at in zip(("startDate", "endDate"), run, strict=True)
    }
    return {**content, "_id": unknown} if unknown else content


def run_of(content: Json) -> Run:
    start, end = (datetime.fromisoformat(content[name]) - BEGIN for name in ("startDate", "endDate"))
    return round(start.total_seconds()), round(end.total_seconds())


def seconds_of(run: Run) -> set[int]:
    return set(range(run[0], run[1] + 1))


def runs_in(seconds: set[int]) -> list[Run]:
    firsts = sorted(second for second in seconds if second - 1 not in seconds)
    lasts = sorted(second for second in seconds if second + 1 not in seconds)
    return list(zip(firsts, lasts, strict=True))


def model_apart(runs: list[Run]) -> list[Run]:
    """Join any two that have more than one second in common, until there are none."""
    for one in runs:
        for other in runs:
            if one is not other and len(seconds_of(one) & seconds_of(other)) > 1:
                rest = [run for run in runs if run is not one and run is not other]
                return model_apart(rest + runs_in(seconds_of(one) | seconds_of(other)))
    return sorted(runs)


def model_add(runs: list[Run], added: Run) -> list[Run]:
    apart = model_apart(runs)
    wanted_seconds = seconds_of(added)
    if wanted_seconds <= set().union(*map(seconds_of, apart)):
        return apart
    near = [run for run in apart if seconds_of(run) & seconds_of((added[0] - 1, added[1] + 1))]
    joined = runs_in(wanted_seconds.union(*map(seconds_of, near)))
    return sorted([run for run in apart if run not in near] + joined)


def model_remove(runs: list[Run], removed: Run) -> list[Run]:
    parts = [part for run in model_apart(runs) for part in runs_in(seconds_of(run) - seconds_of(removed))]
    return [(first, last) for first, last in parts if first < last]


def model_replace(runs: list[Run], replacement: Run) -> list[Run]:
    return [replacement]


MODEL: dict[Callable[..., list[Json]], Callable[[list[Run], Run], list[Run]]] = {
    add: model_add,
    remove: model_remove,
    replace: model_replace,
}


def assert_agrees_with_the_model(operation: Callable[..., list[Json]], held: list[Json], run: Run) -> list[Json]:
    """Compare the instants, and demand the server's own words for every range that is what it was."""
    result = operation(held, wanted(spelled(run, 0)))
    expected = MODEL[operation](list(map(run_of, held)), run)
    assert list(map(run_of, result)) == expected, (operation.__name__, held, run)
    for content in result:
        alike = [one for one in held if run_of(one) == run_of(content)]
        own_words = bool(alike) and (operation is replace or run_of(content) in model_apart([*map(run_of, held)]))
        assert content in alike if own_words else content in alike or set(content) == {"startDate", "endDate"}
    return result


def a_run(dice: random.Random) -> Run:
    first = dice.randrange(WINDOW - 1)
    return first, min(WINDOW, first + dice.randint(1, 12))


def test_ten_thousand_random_operations_agree_with_the_model_that_counts_seconds() -> None:
    dice = random.Random("date ranges")
    held: list[Json] = []
    lengths = set()
    for _ in range(10_000):
        if dice.random() < 0.2:
            held = [
                spelled(a_run(dice), dice.randrange(len(SPELLINGS)), dice.randrange(3))
                for _ in range(dice.randint(0, 7))
            ]
        operation = dice.choices([add, remove, replace], weights=[10, 8, 1])[0]
        held = assert_agrees_with_the_model(operation, held, a_run(dice))
        lengths.add(len(held))
        dice.shuffle(held)
    assert lengths >= {0, 1, 2, 3, 4, 5}


runs = st.tuples(st.integers(0, WINDOW), st.integers(1, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))
server_ranges = st.lists(st.builds(spelled, runs, st.integers(0, len(SPELLINGS) - 1), st.integers(0, 2)), max_size=6)
operations = st.sampled_from([add, remove, replace])
quickly = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@quickly
@given(operations, server_ranges, runs)
def test_every_operation_agrees_with_the_model(
    operation: Callable[..., list[Json]], held: list[Json], run: Run
) -> None:
    assert_agrees_with_the_model(operation, held, run)


@quickly
@given(operations, server_ranges, runs)
def test_doing_it_twice_is_doing_it_once(operation: Callable[..., list[Json]], held: list[Json], run: Run) -> None:
    once = operation(held, wanted(spelled(run, 0)))
    assert operation(once, wanted(spelled(run, 0))) == once


@quickly
@given(operations, server_ranges, runs, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    operation: Callable[..., list[Json]], held: list[Json], run: Run, dice: random.Random
) -> None:
    shuffled = dice.sample(held, len(held))
    assert operation(shuffled, wanted(spelled(run, 0))) == operation(held, wanted(spelled(run, 0)))


@quickly
@given(server_ranges, runs)
def test_adding_and_removing_again_leaves_what_was_outside(held: list[Json], run: Run) -> None:
    season = wanted(spelled(run, 0))
    assert list(map(run_of, remove(add(held, season), season))) == list(map(run_of, remove(held, season)))


@quickly
@given(st.sampled_from([add, remove]), server_ranges, runs)
def test_nothing_outside_the_season_ever_changes(
    operation: Callable[..., list[Json]], held: list[Json], run: Run
) -> None:
    season = wanted(spelled(run, 0))
    apart = remove(held, wanted(spelled((WINDOW + 50, WINDOW + 51), 0)))
    around = seconds_of((run[0] - 1, run[1] + 1))
    outside = [content for content in apart if not seconds_of(run_of(content)) & around]
    result = operation(apart, season)
    assert [content for content in result if not seconds_of(run_of(content)) & around and content in apart] == outside


@quickly
@given(operations, server_ranges, runs)
def test_the_api_takes_every_result(operation: Callable[..., list[Json]], held: list[Json], run: Run) -> None:
    result = operation(held, wanted(spelled(run, 0)))
    payload = [{name: content[name] for name in ("startDate", "endDate")} for content in result]
    sent = ServiceUpdate.from_payload({"dateRanges": payload}).model_dump(exclude_unset=True)["dateRanges"]
    assert list(map(run_of, sent)) == list(map(run_of, result))


@quickly
@given(server_ranges, st.integers(0, WINDOW + 20))
def test_nothing_that_goes_on_expires(held: list[Json], now: int) -> None:
    result = expire(held, BEGIN + timedelta(seconds=now))
    assert list(map(run_of, result)) == model_apart([run_of(content) for content in held if run_of(content)[1] >= now])
