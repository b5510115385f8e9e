"""Pages of reports for tests: outcomes to make them of, and scripts that look at them in a browser."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime

from onlive_provider.report.outcomes import Outcome
from onlive_provider.report.page import write_page
from onlive_provider.seasons import Season

SUMMER = ("2027-06-15", "2027-09-15")
SPRING = ("2027-03-01", "2027-05-31")
HARMFUL = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"><!--"


def page_of(outcomes, title="A run", details=None, **more):
    """Return a page; ``more`` is what :func:`write_page` takes besides."""
    file = io.BytesIO()
    write_page(outcomes, file, title=title, details=details or {}, **more)
    return file.getvalue().decode()


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page).group(1))


def outcomes_of(*names):
    return [Outcome(index, None, f"id-{index}", name) for index, name in enumerate(names)]


def season(first, last, zone="Europe/Madrid", mode="add", target="dateRanges"):
    made = Season("Summer", first, last, zone)
    return {**made.as_json(), **made.date_range().model_dump(exclude_unset=True), "mode": mode, "target": target}


def opened(index, before, after, name="updated", zone="Europe/Madrid", **more):
    """Return the outcome of a service that was open from the first to the last day of each pair."""
    old, new = (
        [Season("Any", *pair, zone).date_range().model_dump(exclude_unset=True) for pair in pairs]
        for pairs in (before, after)
    )
    return Outcome(index, None, f"id-{index}", name, {"dateRanges": old}, {"dateRanges": new}, **more)


def included(index, *calendars, name="updated", exclude=(), **more):
    """Return the outcome of a service whose calendars include, each before and after, these pairs of days."""
    old, new = (
        [
            {"calendarId": f"calendar-{at}", "active": True, "restrictionDates": {"include": pairs, "exclude": exclude}}
            for at, pairs in enumerate(side)
        ]
        for side in zip(*calendars, strict=True)
    )
    return Outcome(index, None, f"id-{index}", name, {"calendars": old}, {"calendars": new}, **more)


def in_line(page, *texts):
    """Return where times, in UTC, lie on the page's line: 0 is its begin, 1 its end."""
    line = data_of(page)["timeline"]
    moments = [datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in texts]
    return [(moment - line["from"]) / (line["to"] - line["from"]) for moment in moments]


STEPS = """
const rows = () => [...document.querySelectorAll("tbody tr")].map((row) => Number(row.dataset.index));
const type = (text) => {
  const box = document.querySelector("input[type=search]");
  box.value = text;
  box.dispatchEvent(new Event("input"));
  return rows();
};
const click = (name) => {
  document.querySelector(`input[name=${name}]`).click();
  return rows();
};
"""

ROWS = """
const services = () => [...document.querySelectorAll(".service")].filter((row) => !row.hidden);
const indexes = () => services().map((row) => Number(row.dataset.index));
const words = () => services().map((row) => row.querySelector(".days").textContent.trim().replaceAll("\u2013", "-"));
const boxes = (name) => [...document.querySelectorAll(`.service .${name}`)].map((bar) => {
  const track = bar.ownerSVGElement.getBoundingClientRect();
  const { left, right } = bar.getBoundingClientRect();
  return [(left - track.left) / track.width, (right - track.left) / track.width];
});
"""

HEAD = """const card = document.querySelector('.timeline').parentElement;
const head = (name) => [...card.querySelectorAll(name)].map(
  (part) => part.textContent.trim().replaceAll("\u2013", "-"));
"""
