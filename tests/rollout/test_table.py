"""The plan as a person reads it."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len

from onlive_provider.rollout.plan import plan_service
from onlive_provider.rollout.table import MAX_BYTES, plan_table
from onlive_provider.seasons import Season
from tests.rollout.fleet import SPRING_RANGE, SUMMER, SUMMER_RANGE, service


def table(services: list[dict[str, Any]], problems: dict[str, str] | None = None, **options: Any) -> list[str]:
    seasons = options.get("seasons", [SUMMER])
    target, mode = options.get("target", "dateRanges"), options.get("mode", "add")
    plans = [plan_service(each, seasons, mode, target) for each in services]
    return plan_table(plans, problems or {}, seasons=seasons, mode=mode).splitlines()


def test_the_table_names_the_season_the_sums_and_each_service_that_changes() -> None:
    assert table([service(1), service(2, dateRanges=[SUMMER_RANGE])], {"service x": "not found"}) == [
        "add summer: 2027-06-15 to 2027-09-15, Europe/Madrid",
        "3 services: 1 to change (93 days gained, 0 lost), 1 unchanged, 1 that cannot be planned",
        "cannot be planned: service x: not found",
        "",
        "service       before                    after                                               "
        "days gained  days lost",
        "Test drive 1  2027-03-01 to 2027-04-30  2027-03-01 to 2027-04-30, 2027-06-15 to 2027-09-15  "
        "         93          0",
    ]


def test_a_range_that_is_no_whole_days_shows_its_times() -> None:
    held = {"startDate": "2027-02-28T22:00:00.000Z", "endDate": "2027-05-31T20:59:59.000Z"}
    row = table([service(1, dateRanges=[held])])[-1]
    assert "2027-02-28 23:00 to 2027-05-31 22:59:59, 2027-06-15" in row


def test_an_end_within_the_last_second_ends_its_day_and_one_at_midnight_does_not() -> None:
    ends = [{**SPRING_RANGE, "endDate": f"2027-04-30T2{end}"} for end in ("1:59:59.999Z", "2:00:00.000Z")]
    assert "2027-03-01 to 2027-04-30 " in table([service(1, dateRanges=[ends[0]])])[-1]
    assert "2027-03-01 to 2027-05-01 00:00 " in table([service(1, dateRanges=[ends[1]])])[-1]


def test_a_wrong_year_shows_in_the_row() -> None:
    wrong = Season("summer", "2072-06-15", "2072-09-15", "Europe/Madrid")
    assert "2027-03-01 to 2027-04-30, 2072-06-15 to 2072-09-15" in table([service(1)], seasons=[wrong])[-1]


def years(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {"startDate": f"20{year}-01-01T12:00:01Z", "endDate": f"20{year}-01-02T12:00:01Z"}
        for year in range(first, last)
    ]


def test_no_range_and_null_are_told_in_words() -> None:
    assert "Test drive 1  (none)  2027-06-15 to" in table([service(1, dateRanges=[])])[-1]
    assert "Test drive 1  (null)  2027-06-15 to" in table([service(1, dateRanges=None)], mode="replace")[-1]


def test_of_many_ranges_those_that_change_are_shown() -> None:
    assert (
        "Test drive 1  10 that stay  10 that stay, 2027-06-15 to 2027-09-15  "
        in table([service(1, dateRanges=years(30, 40))])[-1]
    )
    row = table([service(1, dateRanges=years(30, 36))], mode="replace")[-1]
    assert "2032-01-02 13:00:01, 3 more  2027-06-15 to 2027-09-15  " in row


def test_a_long_table_says_what_it_leaves_out() -> None:
    rows = table([service(number) for number in range(75)])
    assert len(rows) == 3 + 1 + 60 + 1
    assert rows[-1] == "... and 15 more"


def test_many_problems_are_cut_too() -> None:
    rows = table([], {f"service {number}": "x" * 1000 for number in range(30)})
    assert rows[-1] == "... and 10 more that cannot be planned"
    assert max(map(len, rows)) < 350


def test_the_table_stays_small_whatever_the_services_are_called() -> None:
    services = [service(number, name="名前" * 500, dateRanges=years(30, 34)) for number in range(75)]
    text = "\n".join(table(services, {f"サービス{n}": "問題" * 500 for n in range(30)}))
    assert len(text.encode()) < MAX_BYTES + 100
    assert "more" in text.splitlines()[-1]


def test_columns_line_up_where_letters_are_wide() -> None:
    names = ["試乗 🚗", "Test drive", "名前" * 20]
    header, *rows = table([service(number, name=name) for number, name in enumerate(names)])[-4:]
    edge = cell_len(header[: header.index("before")])
    assert [cell_len(row[: row.index("2027-03-01")]) for row in rows] == [edge] * 3
    assert {cell_len(row) for row in rows} == {cell_len(header)}
    assert rows[2].startswith("名前" * 8 + "名 …  ") or rows[2].startswith("名前" * 8 + "名…  ")


def test_a_name_of_several_lines_stays_in_its_row() -> None:
    assert "Test drive of Ana  " in table([service(1, name="Test\ndrive  of\tAna")])[-1]


def test_calendars_are_shown_by_the_days_that_they_include() -> None:
    dates = {"include": [["2027-03-01", "2027-03-02"]]}
    held = [{"calendarId": "a", "active": True, "type": "agent", "restrictionDates": dates}]
    row = table([service(1, calendars=held)], target="restrictionDates")[-1]
    assert "2027-03-01 to 2027-03-02  2027-03-01 to 2027-03-02, 2027-06-15 to 2027-09-15" in row
