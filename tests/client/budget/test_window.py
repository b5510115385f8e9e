"""The window alone: never more than the limit, first come first served, and nobody waits longer than they must."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlive_provider.client.budget.budget import Grant
from onlive_provider.client.budget.process import ProcessBudget, ProcessWindow
from onlive_provider.client.budget.window import LEAST_SHARE, State, Window
from tests.loopback import at


class Turns(dict[int, float]):
    def get(self, ticket: int) -> float:  # type: ignore[override]
        return super().get(ticket, -inf)

    def put(self, ticket: int, at: float) -> None:
        self[ticket] = at


def new_window() -> Window:
    return Window(State(era=1), Turns())


@dataclass
class Callers:
    """Everybody who asks: a caller waits for its turn, and its call may be slow to reach the server."""

    window: Window = field(default_factory=new_window)
    limit: int = 3
    now: float = 0.0
    sent: list[tuple[float, int]] = field(default_factory=list)
    refusals: list[Grant] = field(default_factory=list)
    _waiting: list[tuple[float, int, Grant]] = field(default_factory=list)
    sleeps: int = 0
    _asked: int = 0

    def ask(self) -> None:
        grant = self.window.take(self.limit, self.now)
        self._asked += 1
        self._wait_or_send(self._asked, grant)

    def move(self, seconds: float) -> None:
        """Let time pass; whoever's turn comes in between wakes up at its moment."""
        end = self.now + seconds
        while self._waiting and min(self._waiting)[0] <= end:
            next_ = min(self._waiting)
            self._waiting.remove(next_)
            self.now = max(self.now, next_[0])
            self._wait_or_send(next_[1], self.window.confirm(next_[2], self.limit, self.now))
        self.now = end

    def _wait_or_send(self, caller: int, grant: Grant) -> None:
        if grant.wait:
            self.sleeps += 1
            self._waiting.append((self.now + grant.wait, caller, grant))
        else:
            self.sent.append((self.now, caller))
            self.refusals.append(grant)

    def finish(self) -> None:
        while self._waiting:
            self.move(61.0)


def most_in_a_minute(moments: list[float]) -> int:
    return max(sum(begin <= moment < begin + 60 - 1e-6 for moment in moments) for begin in moments)


@pytest.mark.parametrize(
    ("limit", "asked_at", "waits"),
    [
        (1, [0, 0, 0], [0, 61, 122]),
        (2, [0, 30, 30, 61, 61, 91], [0, 0, 31, 30, 61, 61]),
        (3, [0, 0, 0, 0], [0, 0, 0, 61]),
        (2, [0, 100, 110, 120], [0, 0, 0, 41]),
    ],
)
def test_a_call_beyond_the_limit_has_its_turn_when_the_window_has_room_again(
    limit: int, asked_at: list[float], waits: list[float]
) -> None:
    window = new_window()
    assert [window.take(limit, now).wait for now in asked_at] == pytest.approx(waits)


@given(
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 40), st.sampled_from(["ask", "ask", "ask", "close", "refuse"])), max_size=60),
)
def test_no_minute_holds_more_calls_than_the_limit_and_whoever_asks_first_is_first(
    limit: int, steps: list[tuple[float, str]]
) -> None:
    callers = Callers(limit=limit)
    for gap, deed in steps:
        callers.move(gap)
        if deed == "ask":
            callers.ask()
        elif callers.refusals:
            lower = deed == "refuse"
            callers.window.refused(callers.refusals[-1], callers.now, gap, lower=lower)
    callers.finish()
    if callers.sent:
        assert most_in_a_minute([moment for moment, _ in callers.sent]) <= limit
    asked = [caller for _, caller in callers.sent]
    assert len(asked) == sum(deed == "ask" for _, deed in steps), "everybody has had a turn"
    if all(deed == "ask" for _, deed in steps):
        assert asked == sorted(asked)
        assert callers.sleeps <= len(asked), "nobody sleeps twice for one turn"


@given(st.integers(1, 6), st.integers(1, 40))
def test_nobody_waits_longer_than_those_before_it_take(limit: int, callers: int) -> None:
    window = new_window()
    waits = [window.take(limit, 0.0).wait for _ in range(callers)]
    assert waits == [61.0 * (number // limit) for number in range(callers)]


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20)), min_size=1, max_size=40),
)
def test_calls_that_are_slow_to_reach_the_server_are_no_more_than_the_limit_there(
    limit: int, calls: list[tuple[float, float]]
) -> None:
    """One call after another; the server counts each at its answer, the latest moment that there can be."""
    window, now, counted = new_window(), 0.0, []
    for gap, slow in calls:
        now += gap
        grant = window.take(limit, now)
        while grant.wait:
            now += grant.wait
            grant = window.confirm(grant, limit, now)
        now += slow
        window.answered(grant, now)
        counted.append(now)
    assert most_in_a_minute(counted) <= limit


@given(st.integers(1, 5), st.integers(1, 20))
def test_the_limit_can_be_used_up_whole_in_every_window(limit: int, windows: int) -> None:
    callers = Callers(limit=limit)
    for _ in range(limit * windows):
        callers.ask()
    callers.finish()
    assert callers.sent[-1][0] == pytest.approx(61.0 * (windows - 1))


def test_no_turn_comes_before_that_of_an_earlier_ticket_even_to_a_clock_that_is_behind() -> None:
    window = new_window()
    window.take(5, 10.0)
    assert window.take(5, 9.5).at == 10.0


def test_whoever_oversleeps_counts_by_the_moment_of_waking() -> None:
    window = new_window()
    window.take(1, 0.0)
    late = window.confirm(window.take(1, 0.0), 1, 90.0)
    assert (late.wait, late.at) == (0.0, 90.0)
    assert window.take(1, 90.0).wait == 61.0


def test_a_caller_that_dies_wastes_one_turn_for_one_window() -> None:
    window = new_window()
    window.take(2, 0.0)
    window.take(2, 0.0)
    window.take(2, 0.0)  # Its turn would be at 61; nobody comes back for it.
    assert window.take(2, 1.0).wait == 60.0
    assert window.take(2, 1.0).wait == 121.0, "one turn of the second window is lost"
    assert window.take(2, 1.0).wait == 121.0, "and none of the third"


def test_a_closed_window_lets_nobody_through_and_everybody_after() -> None:
    window = new_window()
    window.refused(window.take(5, 0.0), 0.0, 30.0, lower=False)
    assert (window.take(5, 10.0).wait, window.take(5, 10.0).reason) == (20.0, "closed")
    assert window.take(5, 29.5).wait == 0.5
    assert window.take(5, 30.0).wait == 0.0


def test_closing_a_window_again_never_opens_it_sooner() -> None:
    window = new_window()
    grant = window.take(5, 0.0)
    window.refused(grant, 0.0, 30.0, lower=False)
    window.refused(grant, 0.0, 10.0, lower=False)
    assert window.take(5, 20.0).wait == 10.0


def test_whoever_waits_when_the_window_is_closed_is_put_off_in_the_old_order() -> None:
    callers = Callers(limit=1)
    for _ in range(4):
        callers.ask()
    callers.move(10.0)
    callers.window.refused(callers.refusals[0], callers.now, 90.0, lower=False)
    callers.finish()
    assert callers.sent == [(0.0, 1), (100.0, 2), (161.0, 3), (222.0, 4)]


def test_a_refusal_halves_the_pace_and_every_window_without_one_gives_a_tenth_back() -> None:
    window = new_window()
    window.refused(window.take(100, 0.0), 0.0, 5.0, lower=True)
    assert window.usage(100, 5.0).pace == 50
    assert window.usage(100, 5.0 + 61).pace == pytest.approx(60)
    assert window.usage(100, 5.0 + 5 * 61).pace == pytest.approx(100)
    assert window.usage(100, 5.0 + 99 * 61).pace == pytest.approx(100)


def test_while_the_pace_is_low_the_calls_are_evenly_spaced() -> None:
    callers = Callers(limit=61)
    callers.ask()
    callers.window.refused(callers.refusals[0], 0.0, 1.0, lower=True)
    for _ in range(5):
        callers.ask()
    callers.finish()
    moments = [moment for moment, _ in callers.sent]
    gaps = [later - earlier for earlier, later in pairwise(moments[1:])]
    assert gaps == pytest.approx([2.0] * 4, abs=0.05)


def test_calls_that_left_before_the_pace_was_lowered_do_not_lower_it_again() -> None:
    window = new_window()
    grants = [window.take(100, 0.0) for _ in range(10)]
    for grant in grants:
        window.refused(grant, 0.5, 5.0, lower=True)
    assert window.usage(100, 5.5).pace == 50
    later = window.take(100, 6.0)
    window.refused(later, 6.1, 5.0, lower=True)
    assert window.usage(100, 11.1).pace == pytest.approx(25, abs=0.2)


@pytest.mark.parametrize(("limit", "least"), [(1000, 1000 * LEAST_SHARE), (4, 1), (1, 1)])
def test_the_pace_never_falls_to_nothing(limit: int, least: float) -> None:
    window, now = new_window(), 0.0
    for _ in range(50):
        grant = window.take(limit, now)
        now += grant.wait
        window.refused(window.confirm(grant, limit, now), now, 1.0, lower=True)
        now += 1.0
    assert window.usage(limit, now).pace == pytest.approx(least, rel=0.2)


def test_of_two_limits_the_smaller_counts_until_its_calls_have_left_the_window() -> None:
    window = new_window()
    window.take(2, 0.0)
    assert [window.take(5, 1.0).wait, window.take(5, 1.0).wait] == [0.0, 60.0]
    assert window.take(5, 1.0).allowed == 2
    assert window.take(5, 300.0).allowed == 5
    assert [window.take(5, 300.0).wait for _ in range(5)] == [0.0] * 4 + [61.0]
    assert window.take(2, 310.0).wait > 50, "a smaller limit counts what was called before it"


def test_the_use_of_the_last_minute_is_told() -> None:
    window = new_window()
    for now in (0.0, 30.0, 50.0, 50.0):
        window.take(3, now)
    told = window.usage(3, 55.0)
    assert (told.used, told.waiting, told.allowed, told.pace, told.closed_for) == (3, 1, 3, 3.0, 0.0)
    assert window.usage(3, 60.5).used == 2
    assert window.usage(3, 500.0).used == 0


def test_tickets_begin_again_when_nothing_is_left_in_the_window() -> None:
    window = new_window()
    first = window.take(1, 0.0)
    again = window.take(1, 61.0)
    assert (first.ticket, again.ticket, again.wait) == (0, 0, 0.0)
    assert again.era != first.era
    window.answered(first, 300.0)
    assert window.take(1, 62.0).wait == 60.0, "a call of an earlier era counts no more"
    late = window.confirm(first, 1, 62.0)
    assert late.wait == 121.0, "and waits like anybody else"


def test_the_memory_of_a_process_holds_the_turns_that_later_ones_depend_on_and_no_more() -> None:
    window = ProcessWindow()
    budget = ProcessBudget(2, window)
    for number in range(1_000):
        grant = budget.take(at(number * 30.5))
        assert grant.wait == 0.0
    assert len(window._turns._turns) <= 4 * 64
    assert budget.take(at(999 * 30.5)).wait == pytest.approx(30.5)


def test_turns_of_a_larger_limit_are_forgotten_when_the_tickets_begin_again() -> None:
    window = ProcessWindow()
    many, one = ProcessBudget(300, window), ProcessBudget(1, window)
    assert all(many.take(at(0.0)).wait == 0.0 for _ in range(300))
    assert [one.take(at(100.0)).wait, one.take(at(100.0)).wait] == [0.0, 61.0]


def test_the_first_call_of_a_window_may_be_the_last_to_be_answered() -> None:
    budget = ProcessBudget(3, ProcessWindow())
    grants = [budget.take(at(0.0)) for _ in range(2)]
    budget.answered(grants[0], at(30.0))
    assert budget.take(at(30.0)).wait == 0.0
    assert budget.take(at(30.0)).wait == 60.0, "the first call may have reached the server at second 29"
    assert budget.usage(at(30.0)).used == 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "answered", "confirm"]), st.integers(0, 9), st.sampled_from([0.0, 0.5, 2.0, 40.0])
        ),
        max_size=40,
    )
)
def test_the_memory_of_a_process_is_that_of_one_that_forgets_nothing(steps: list[tuple[str, int, float]]) -> None:
    budget, plain = ProcessBudget(3, ProcessWindow()), new_window()
    now, grants = 0.0, []
    for what, which, pause in steps:
        now += pause
        if what == "take":
            grants.append((budget.take(at(now)), plain.take(3, now)))
            assert grants[-1][0].wait == grants[-1][1].wait
        elif grants:
            place = which % len(grants)
            mine, theirs = grants[place]
            if what == "answered":
                budget.answered(mine, at(now))
                plain.answered(theirs, now)
            else:
                grants[place] = (budget.confirm(mine, at(now)), plain.confirm(theirs, 3, now))
                assert grants[place][0].wait == grants[place][1].wait
