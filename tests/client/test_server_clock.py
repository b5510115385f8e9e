"""What is learnt of the server's clock."""

from __future__ import annotations

from onlive_provider.client.server_clock import ServerClock


def test_most_of_the_last_five_answers_decide() -> None:
    clock = ServerClock()
    assert clock.ahead == 0.0
    for _ in range(20):
        clock.see(1200.0)
    clock.see(-3600.0)
    assert clock.ahead == 1200.0, "one wrong Date changes nothing"
    for _ in range(3):
        clock.see(0.0)
    assert clock.ahead == 0.0, "a clock that was set right is believed after three answers"
