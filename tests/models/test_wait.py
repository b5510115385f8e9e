from __future__ import annotations

from typing import Any

import pytest

from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.wait import AppointmentWait, needed, read_wait, summary
from tests.loopback import ID

WAIT = AppointmentWait(ID, ("confirmed",), ("cancelled", "rejected"))


def refused(*arguments: Any) -> list[str]:
    with pytest.raises(OnlivePayloadError) as caught:
        read_wait(*arguments)
    return [str(error) for error in caught.value.errors]


@pytest.mark.parametrize(
    "states",
    [("confirmed", "done"), ["confirmed", "done"], '["confirmed", "done"]', "['confirmed', 'done']"],
    ids=["tuple", "list", "JSON", "as a template prints a list"],
)
def test_states_come_as_values_or_as_the_text_that_a_template_makes_of_them(states: Any) -> None:
    assert read_wait(ID.upper(), states).states == ("confirmed", "done")
    assert read_wait(ID.upper(), states).appointment_id == ID


@pytest.mark.parametrize("state", ["cancelled", "no_show", "unconfirmed", "pending_payment", "waiting"])
def test_a_state_that_the_reference_does_not_show_is_taken(state: str) -> None:
    assert read_wait(ID, [state]).states == (state,)


@pytest.mark.parametrize("slip", ["Confirmed", "confirmd", "comfirmed", "confirm", "confirmed "])
def test_a_slip_of_a_documented_state_is_refused_and_the_near_one_named(slip: str) -> None:
    (error,) = refused(ID, ["pending", slip])
    assert error.startswith(f'states[1]: got str {slip!r}; accepted: "confirmed"')


def test_every_wrong_argument_is_named_in_one_error() -> None:
    errors = refused("none", "confirmed", ["pendng", None, ""])
    assert [error.partition(":")[0] for error in errors] == [
        "appointment_id",
        "states",
        "failure_states[0]",
        "failure_states[1]",
        "failure_states[2]",
    ]


@pytest.mark.parametrize("nothing", [[], (), "[]"])
def test_a_wait_for_no_state_is_refused(nothing: Any) -> None:
    assert refused(ID, nothing) == ["states: is empty; accepted: one state or more"]


@pytest.mark.parametrize("nothing", [None, "None", ""])
def test_states_that_rendered_to_nothing_are_refused(nothing: Any) -> None:
    (error,) = refused(ID, nothing)
    assert error.startswith("states: got ")


def test_a_state_cannot_end_the_wait_well_and_badly() -> None:
    assert refused(ID, ["confirmed"], ["cancelled", "confirmed"]) == [
        'failure_states: holds "confirmed", which states holds too'
    ]


@pytest.mark.parametrize(
    ("appointment", "is_over", "failure"),
    [
        ({"state": "confirmed"}, True, None),
        ({"state": "pending"}, False, None),
        ({"state": "pending", "deletedAt": None}, False, None),
        ({}, False, None),
        ({"state": ["confirmed"]}, False, None),
        (
            {"state": "cancelled"},
            False,
            f'Appointment {ID} is "cancelled", one of failure_states ("cancelled", "rejected"); '
            'waiting for "confirmed"',
        ),
        (
            {"state": "pending", "deletedAt": "2026-01-01T00:00:00.000Z"},
            False,
            f'Appointment {ID} was deleted at 2026-01-01T00:00:00.000Z, and was "pending" then; '
            'waiting for "confirmed"',
        ),
    ],
)
def test_what_an_appointment_means_for_a_wait(appointment: dict[str, Any], is_over: bool, failure: str | None) -> None:
    assert WAIT.is_over(appointment) == is_over
    assert WAIT.failure(appointment) == failure


def test_a_deleted_appointment_that_is_in_the_awaited_state_ends_the_wait_well() -> None:
    wait = AppointmentWait(ID, ("cancelled",))
    assert wait.is_over({"state": "cancelled", "deletedAt": "2026-01-01T00:00:00.000Z"})


def test_no_guests_data_are_kept_shown_or_returned() -> None:
    record = {
        "id": ID,
        "state": "ana@example.com",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "guests": [{"email": "ana@example.com"}],
    }
    assert set(needed(record)) == {"id", "state", "updatedAt", "deletedAt"}
    assert summary(record) == {"id": ID, "state": "<hidden>", "updatedAt": "2026-01-01T00:00:00.000Z"}
    assert "ana" not in WAIT.progress(record)
