"""A long run on a bad day, in small; ``make endurance`` is the long one."""

from __future__ import annotations

from scripts.endurance import endure


def test_a_run_with_faults_has_every_effect_once_and_leaves_nothing():
    assert endure(1_500) == []
