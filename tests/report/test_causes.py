"""Failures by cause: what has one cause, how it is named, and that the memory is bounded."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from onlive_provider.bulk.allowance import Allowance
from onlive_provider.bulk.summary import Summary
from onlive_provider.errors import OnliveConflictError, OnlivePayloadError
from onlive_provider.report.causes import MAX_CAUSES, Causes
from onlive_provider.report.outcomes import Outcome
from tests.bulk.server import record_id


def failure(index: int, error: Any, line: int | None = None, **more: Any) -> Outcome:
    kind, message = (type(error).__name__, str(error)) if isinstance(error, Exception) else ("OnliveError", error)
    return Outcome(index, line, record_id(index), "failed", error=kind, message=message, **more)


def conflict(index: int, **more: Any) -> OnliveConflictError:
    return OnliveConflictError(
        "the server answered 409", status=409, call=f"PUT /x/{record_id(index)}", elapsed=index / 7, **more
    )


def told(*outcomes: Outcome) -> list[str]:
    causes = Causes()
    for each in outcomes:
        causes.add_failure(each)
    return [f"{each.number} x {each.message} ({each.where})" for each in causes.by_number()]


def summary_of(*outcomes: Outcome) -> Summary:
    summary = Summary()
    for each in outcomes:
        summary.add(each)
    return summary


def text_of(*outcomes: Outcome) -> str:
    return error_text(summary_of(*outcomes))


def error_text(summary: Summary) -> str:
    return str(summary.error(Allowance.read(0, ""), None, cut_short=False, remembers=True))


def bad_lang(value: int = 5) -> OnlivePayloadError:
    return OnlivePayloadError.of("lang", f"got int {value}; accepted: text")


def test_failures_that_differ_in_ids_numbers_and_times_have_one_cause_and_the_most_frequent_comes_first() -> None:
    outcomes = [failure(0, bad_lang()), *(failure(index, conflict(index, attempts=index)) for index in (60, 1, 40, 20))]
    advice = "Choose another time, or give `fallback_slots`."
    assert told(*outcomes) == [
        f"4 x PUT /x/<id>: the server answered 409. {advice} (rows 1, 20, 40, ...)",
        "1 x lang: got int 5; accepted: text (row 0)",
    ]


def test_given_texts_do_not_make_a_cause_and_the_servers_words_do() -> None:
    outcomes = [failure(n, OnlivePayloadError.of("start", f"got str '{n}x{'y' * n}', no time")) for n in range(3)]
    outcomes += [failure(n + 3, f'the server answered 422: "{word}"') for n, word in enumerate(("late", "early"))]
    assert [line.split()[0] for line in told(*outcomes)] == ["3", "1", "1"]


def test_rows_are_named_by_line_where_the_input_has_lines() -> None:
    assert told(*(failure(n, "no", line=n + 2) for n in range(2))) == ["2 x no (lines 2, 3)"]
    assert told(failure(0, "no", line=2), failure(1, "no")) == ["2 x no (line 2, row 1)"]


def test_several_faults_of_one_row_are_one_cause() -> None:
    error = OnlivePayloadError([*bad_lang().errors, *OnlivePayloadError.of("id", "is missing").errors])
    assert told(failure(0, error)) == ["1 x lang: got int 5; accepted: text; id: is missing (row 0)"]


def test_a_cause_holds_no_guests_data_and_is_one_short_line() -> None:
    (line,) = told(failure(0, "no ana@example.com,\n+34 600 000 000 \x1b[2J" + "x" * 5_000))
    assert line.startswith(r"1 x no <e-mail>, <phone> \x1b[2Jxxx")
    assert len(line) < 350


def test_causes_beyond_a_hundred_are_counted_together_in_bounded_memory() -> None:
    def size_of(number: int) -> int:
        causes = Causes()
        tracemalloc.start()
        for index in range(number):
            word = "".join(chr(97 + int(digit)) for digit in str(index))
            causes.add_failure(failure(index, f"cause {word} {'x' * 400}"))
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(causes.by_number()) == MAX_CAUSES
        assert causes.others == number - MAX_CAUSES
        assert causes.repeat
        return size

    size_of(200)
    assert size_of(5_000) < size_of(200) + 20_000


def test_the_error_tells_the_causes_where_rows_share_one_and_the_log_the_rows_too() -> None:
    outcomes = [failure(20 * n, bad_lang(), line=20 * n) for n in range(1, 12)]
    summary = summary_of(*outcomes, failure(5, conflict(5)))
    causes = [
        "  11 x lang: got int 5; accepted: text (lines 20, 40, 60, ...)",
        "  1 x PUT /x/<id>: the server answered 409. Choose another time, or give `fallback_slots`. (row 5)",
    ]
    assert error_text(summary).splitlines()[:-1] == ["12 of 12 records failed (12 failed)", *causes]
    told = summary.told()
    assert told[:4] == [*causes, f"line 20, {record_id(20)}:", "  - lang: got int 5; accepted: text"]
    assert sum(line.startswith("line ") for line in told) == 10
    assert told[-1] == "and 2 more"


@pytest.mark.parametrize("number", [1, 2])
def test_causes_that_say_no_more_than_the_rows_are_left_out(number: int) -> None:
    text = text_of(*[failure(0, bad_lang()), failure(1, conflict(1))][:number])
    assert " x " not in text
    assert text.splitlines()[1:3] == [f"row 0, {record_id(0)}:", "  - lang: got int 5; accepted: text"]


def test_each_field_of_a_row_has_a_line_of_its_own_below_the_rows() -> None:
    error = OnlivePayloadError([*bad_lang().errors, *OnlivePayloadError.of("end", "is before start").errors])
    assert text_of(failure(3, error)).splitlines()[1:-1] == [
        f"row 3, {record_id(3)}:",
        "  - lang: got int 5; accepted: text",
        "  - end: is before start",
    ]


def test_the_error_names_five_causes_and_the_log_ten() -> None:
    words = ["".join(chr(97 + int(digit)) for digit in str(index)) for index in range(30)]
    summary = summary_of(*(failure(index, f"cause {words[index // 2]}") for index in range(60)))
    text = error_text(summary)
    assert text.count("  2 x cause ") == 5
    assert "\n  50 x other causes\n" in text
    assert sum(line.startswith("  2 x cause ") for line in summary.told()) == 10
