"""Times as a server answers them, made comparable."""

from __future__ import annotations

import pytest

from onlive_provider.models.instants import epoch, instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-10T08:00:00.000Z", "2025-03-10T08:00:00.000000"),
        ("2025-03-10T09:00:00+01:00", "2025-03-10T08:00:00.000000"),
        ("2025-03-10T08:00:00.123456Z", "2025-03-10T08:00:00.123456"),
        ("20250310T080000Z", "2025-03-10T08:00:00.000000"),
        ("2025-03-10T08:00:00", None),
        ("2025-03-10", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("tomorrow", None),
        ("", None),
        (None, None),
        (1741593600, None),
    ],
)
def test_an_instant_is_an_iso_time_with_an_offset_and_nothing_else(text: object, expected: str | None) -> None:
    assert instant(text) == expected
    assert (epoch(text) is None) == (expected is None)


def test_an_instant_counts_seconds_since_the_epoch() -> None:
    assert epoch("2025-03-10T08:00:00.500Z") == 1741593600.5
    assert epoch("2025-03-10T09:00:00.500+01:00") == 1741593600.5
