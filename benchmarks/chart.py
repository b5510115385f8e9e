"""The chart of the results: horizontal bars in groups, as one SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.results import Bars, number

_WIDTH, _LABEL, _BAR = 860, 330, 400
_ROW, _HEAD = 24, 40


def chart(groups: Sequence[Bars]) -> str:
    """Return the SVG; in each group the longest bar fills the width."""
    parts: list[str] = []
    y = 12
    for group in groups:
        y += 18
        parts.append(f'<text x="12" y="{y}" class="title">{escape(group.title)}</text>')
        longest = max((length for _, length in group.bars), default=0) or 1
        for place, (label, length) in enumerate(group.bars):
            y += _ROW
            width = max(1.5, _BAR * length / longest)
            kind = "ours" if place == 0 else "other"
            parts.append(f'<text x="{_LABEL - 8}" y="{y}" class="label">{escape(label)}</text>')
            parts.append(f'<rect x="{_LABEL}" y="{y - 13}" width="{width:.1f}" height="17" class="{kind}"/>')
            parts.append(f'<text x="{_LABEL + width + 6:.1f}" y="{y}">{number(length)} {escape(group.unit)}</text>')
        y += _HEAD - _ROW
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img">'
        "<title>Results of the benchmark</title><style>"
        "text{font:13px system-ui,sans-serif;fill:#1f2a30}.title{font-weight:600}.label{text-anchor:end}"
        ".ours{fill:#1f7a5c}.other{fill:#9fb3bd}</style>"
        f'<rect width="{_WIDTH}" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )
