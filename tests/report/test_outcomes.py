"""The outcomes of a run: how they stand in a report, are read back, counted, and stripped of guests' data."""

from __future__ import annotations

import io
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.privacy import HIDDEN, hide_personal_data, may_hold_personal_data
from onlive_provider.report.outcomes import Counts, Outcome, ReportReader, to_line

EMAIL = "ana.lopez+x@example.co.uk"
PHONE = "+34 600 000 000"

WHOLE = Outcome(
    index=7,
    line=9,
    resource="appointment",
    id="1610c525-f19a-40d0-8cd1-03daba3d2d98",
    outcome="failed",
    before={"title": None, "duration": 45},
    after={"title": "ñ\u2028 \U0001f697", "duration": 0},
    updated_at="2025-03-09T19:32:06.669Z",
    error="OnliveConflictError",
    message="409 Scheduling conflict",
    field_errors=[{"field": "time", "message": "is taken"}],
    attempts=2,
    retryable=True,
    name="Test drive",
)


def written(outcomes):
    return b"".join(to_line(outcome.as_json()) + b"\n" for outcome in outcomes)


def read(content):
    return list(ReportReader(io.BytesIO(content)))


def plain(index, outcome="unchanged", **members):
    return Outcome(index, None, f"id {index}", outcome, **members)


def test_an_outcome_as_json_has_the_names_of_a_report():
    assert WHOLE.as_json() == {
        "index": 7,
        "line": 9,
        "resource": "appointment",
        "id": "1610c525-f19a-40d0-8cd1-03daba3d2d98",
        "outcome": "failed",
        "before": {"title": None, "duration": 45},
        "after": {"title": "ñ\u2028 \U0001f697", "duration": 0},
        "updatedAt": "2025-03-09T19:32:06.669Z",
        "error": "OnliveConflictError",
        "message": "409 Scheduling conflict",
        "fieldErrors": [{"field": "time", "message": "is taken"}],
        "attempts": 2,
        "retryable": True,
        "name": "Test drive",
    }


def test_members_that_say_nothing_are_left_out_and_the_first_index_is_not():
    assert Outcome(0, None, None, "not_attempted").as_json() == {"index": 0, "outcome": "not_attempted"}


@pytest.mark.parametrize("outcome", [WHOLE, plain(0), Outcome(3, 4, None, "failed", error="OnlivePayloadError")])
def test_an_outcome_comes_back_from_its_json_as_it_was(outcome):
    assert Outcome.from_json(json.loads(json.dumps(outcome.as_json()))) == outcome


@pytest.mark.parametrize(
    "data", [[], 1, None, {}, {"index": 0}, {"index": "0", "outcome": "failed"}, {"index": 0, "outcome": "done"}]
)
def test_what_is_no_outcome_is_refused(data):
    with pytest.raises((TypeError, ValueError), match="an outcome is"):
        Outcome.from_json(data)


def test_counts_have_a_number_for_each_outcome_and_their_sum():
    counts = Counts()
    for outcome in ["updated", "updated", "unchanged", "skipped", "failed", "not_attempted", "planned"]:
        counts.add(plain(0, outcome))
    assert list(counts.as_json().items()) == [
        ("total", 7),
        ("updated", 2),
        ("unchanged", 1),
        ("skipped", 1),
        ("failed", 1),
        ("not_attempted", 1),
        ("planned", 1),
    ]


def test_a_report_has_one_compact_line_of_utf8_for_each_outcome():
    content = written([plain(0), plain(1, after={"title": "ñ"})])
    assert content.decode() == (
        '{"index":0,"id":"id 0","outcome":"unchanged"}\n'
        '{"index":1,"id":"id 1","outcome":"unchanged","after":{"title":"ñ"}}\n'
    )


def test_a_report_comes_back_as_it_was_written():
    outcomes = [Outcome(0, None, "a", "updated", before={"title": "\ud800"}, after={"title": None}), plain(1)]
    assert read(written(outcomes)) == outcomes


def test_a_last_line_that_was_cut_off_anywhere_is_left_out():
    whole = written([plain(0, after={"title": "ñ"}), plain(1, after={"title": "\U0001f697"})])
    first = whole.index(b"\n") + 1
    for length in range(first, len(whole) - 1):
        assert [outcome.index for outcome in read(whole[:length])] == [0]
    assert [outcome.index for outcome in read(whole[:-1])] == [0, 1]


@pytest.mark.parametrize("line", ["{", "[]", '{"index":0}', "ana@example.com", '{"outcome":"updated"}', "[" * 100_000])
def test_a_whole_line_that_is_no_outcome_is_refused_by_its_number(line):
    content = written([plain(0)]) + line.encode() + b"\n" + written([plain(0)])
    with pytest.raises(OnlivePayloadError) as refusal:
        read(content)
    assert str(refusal.value.errors[0]).startswith(
        "report_path: line 2 of the file is not an outcome; accepted: a report"
    )
    assert "ana@example.com" not in str(refusal.value)


def test_an_empty_report_has_no_outcomes():
    assert read(written([])) == []


def test_the_memory_does_not_grow_with_the_number_of_outcomes(tmp_path):
    def peak_of(count):
        path = tmp_path / "report.jsonl"
        path.write_bytes(written(plain(index, "updated", after={"title": "x" * 50}) for index in range(count)))
        tracemalloc.start()
        try:
            with path.open("rb") as file:
                assert sum(1 for _ in ReportReader(file)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_of(100)
    few, many = peak_of(1_000), peak_of(10_000)
    assert many < few + 30_000


def without_personal_data(outcome):
    return Outcome.from_json(hide_personal_data(outcome.as_json()))


def shown_without_personal_data(**members):
    return without_personal_data(Outcome(0, 1, "a", "failed", **members))


@pytest.mark.parametrize("side", ["before", "after"])
def test_guests_emails_and_phones_are_hidden_wherever_they_stand(side):
    guest = {"email": EMAIL, "extraFields": {"phone": "600000000", "firstName": "Ana", "lastName": None}}
    given = {
        "title": f"Call <{EMAIL}>, or {PHONE}",
        "guests": [guest],
        "extraFields": {"workPhone": 600000000, "Phones": [{"home": "600"}, "601"], EMAIL: True, "city": "Mollet"},
        "event": {"iCallUrl": "https://meet.example.com/x?guest=ana%40example.com&room=2"},
        "start": "2025-03-10T08:00:00.000+01:00",
        "duration": 45,
    }
    shown = shown_without_personal_data(**{side: given})
    assert getattr(shown, side) == {
        "title": f"Call <{HIDDEN}>, or {HIDDEN}",
        "guests": [{"email": HIDDEN, "extraFields": {"phone": HIDDEN, "firstName": "Ana", "lastName": None}}],
        "extraFields": {"workPhone": HIDDEN, "Phones": [{"home": HIDDEN}, HIDDEN], HIDDEN: True, "city": "Mollet"},
        "event": {"iCallUrl": f"https://meet.example.com/x?guest={HIDDEN}&room=2"},
        "start": "2025-03-10T08:00:00.000+01:00",
        "duration": 45,
    }


def test_a_cleared_phone_shows_as_cleared():
    assert shown_without_personal_data(after={"extraFields": {"phone": None}}).after == {"extraFields": {"phone": None}}


def test_messages_and_ids_hold_no_personal_data_either():
    shown = without_personal_data(
        Outcome(
            0,
            None,
            EMAIL,
            "failed",
            message=f"{EMAIL} is invited twice; {PHONE} too",
            field_errors=[{"field": "guests[0].email", "message": f"{EMAIL} is taken"}],
        )
    )
    assert shown.id == HIDDEN
    assert shown.message == f"{HIDDEN} is invited twice; {HIDDEN} too"
    assert shown.field_errors == [{"field": "guests[0].email", "message": f"{HIDDEN} is taken"}]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="aP@+%40 1PHOnephone-.") | st.just(PHONE),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["phone", "Phones", "a", EMAIL]), inner)
    ),
    max_leaves=8,
)


@given(_JSON)
def test_a_line_without_the_signs_of_personal_data_has_nothing_to_hide(value):
    if not may_hold_personal_data(to_line(value)):
        assert hide_personal_data(value) == value


@pytest.mark.parametrize("value", [{"Phone": "1"}, ["ana%40example.com"], "ana@example.com", "+34600000000"])
def test_a_line_with_a_sign_of_personal_data_is_looked_at_closely(value):
    assert may_hold_personal_data(to_line(value))


def test_a_line_like_most_is_not_looked_at_closely():
    assert not may_hold_personal_data(to_line(WHOLE.as_json()))


def test_the_rest_of_an_outcome_stays_as_it_is():
    shown = without_personal_data(WHOLE)
    assert shown == WHOLE


def test_an_outcome_does_not_show_its_values():
    outcome = Outcome(
        0, 1, EMAIL, "failed", {"a": EMAIL}, {"a": EMAIL}, message=EMAIL, field_errors=[{"message": EMAIL}]
    )
    assert EMAIL not in repr(outcome)
