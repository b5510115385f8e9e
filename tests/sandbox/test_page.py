"""The page that people look at, drawn by a real browser."""

from __future__ import annotations

import re
import subprocess
import threading
from html.parser import HTMLParser
from http.client import BadStatusLine, HTTPConnection
from urllib.parse import urlsplit

import pytest

from onlive_provider.sandbox.server import Sandbox

FILES = ["/", "/sandbox/page.css", "/sandbox/page.js", "/sandbox/dom.js", "/sandbox/timeline.js", "/sandbox/week.js"]
FILES += ["/sandbox/logs.js", "/sandbox/copy.js", "/favicon.ico", "/docs", "/sandbox/docs.js"]


class Page(HTMLParser):
    """The elements of a drawn page: (tag, attributes), the text in each element, and every address."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def with_attribute(self, name):
        return [attributes for _, attributes in self.elements if name in attributes]

    def addresses(self):
        return [values[name] for _, values in self.elements for name in ("src", "href") if name in values]


@pytest.fixture
def browse(tmp_path):
    """Open a sandbox's page in Chromium for some milliseconds of the page's own time, as a process."""

    def start(sandbox, milliseconds):
        return subprocess.Popen(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *("--enable-logging=stderr", f"--user-data-dir={tmp_path}"),
                *(f"--virtual-time-budget={milliseconds}", "--dump-dom", sandbox.url + "/"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _drawn(process):
    """Give what a browser has drawn at its end, and what it complained about."""
    html, messages = process.communicate(timeout=60)
    return Page(html), [line for line in messages.splitlines() if "CONSOLE" in line]


@pytest.fixture
def fetch(sandbox):
    def get(path):
        connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    return get


@pytest.mark.browser
def test_the_page_draws_services_ranges_and_appointments_and_follows_a_change(
    call_to, sandbox, browse, upcoming, service
):
    page, complaints = _drawn(browse(sandbox, 2000))
    rows = page.with_attribute("data-service-id")
    slots = {slot["data-appointment-id"]: slot for slot in page.with_attribute("data-appointment-id")}
    week = [
        each
        for each in sandbox.records("appointments")
        if "2026-03-09T06" < each["start"] < "2026-03-16" and each["serviceId"] == service["id"]
    ]
    assert complaints == []
    assert [row["data-service-id"] for row in rows] == [each["id"] for each in sandbox.records("services")]
    assert {"data-start", "data-end"} <= page.with_attribute("data-start")[0].keys()
    assert week
    assert {each["id"]: each["state"] for each in week}.items() <= {
        slot: slots[slot]["data-state"] for slot in slots
    }.items()
    assert [day["data-day"] for day in page.with_attribute("data-day")] == [f"2026-03-{day:02}" for day in range(9, 16)]
    assert "Alba Motors" in page.text
    assert "Madrid" in page.text

    caller = call_to(sandbox)
    moved = {"start": "2026-03-15T10:00:00.000Z", "end": "2026-03-15T10:45:00.000Z", "state": "confirmed"}
    summer = {"startDate": "2026-02-28T23:00:00.000Z", "endDate": "2026-09-15T21:59:59.000Z"}
    assert caller.put(f"/api/v1/services/{service['id']}", {"dateRanges": [summer]}).status == 200
    harmful = "<script>document.title='x'</script><img src=http://example.com/x.png>"
    answer = caller.put(f"/api/v1/appointments/{upcoming['id']}", {**moved, "title": harmful})
    assert answer.status == 200

    page, complaints = _drawn(browse(sandbox, 2000))
    slot = next(
        each for each in page.with_attribute("data-appointment-id") if each["data-appointment-id"] == upcoming["id"]
    )
    assert complaints == []
    assert (slot["data-state"], slot["data-updated-at"]) == ("confirmed", answer.body["updatedAt"])
    assert (summer["startDate"], summer["endDate"]) in {
        (bar["data-start"], bar["data-end"]) for bar in page.with_attribute("data-start")
    }
    assert harmful in page.text
    assert upcoming["guests"][0]["email"] in page.text
    assert all(address.startswith("/") for address in page.addresses())


@pytest.mark.browser
def test_a_change_is_drawn_and_marked_while_the_page_is_open(clock, call_to, browse):
    # Every answer reads the clock once: after this many, the files and a first state have been sent.
    answers = threading.Semaphore(0)

    def counting_clock():
        answers.release()
        return clock()

    with Sandbox(clock=counting_clock) as running:
        service = running.records("services")[20]
        process = browse(running, 900_000)
        assert all(answers.acquire(timeout=30) for _ in range(2 * len(FILES)))
        answer = call_to(running).put(f"/api/v1/services/{service['id']}", {"active": False})
        page, complaints = _drawn(process)
    row = next(each for each in page.with_attribute("data-service-id") if each["data-service-id"] == service["id"])
    assert complaints == []
    assert answer.status == 200
    assert row["data-updated-at"] == answer.body["updatedAt"]
    assert {"inactive", "changed"} <= set(row["class"].split())


@pytest.mark.browser
def test_a_call_that_a_fault_left_without_an_answer_is_drawn_as_such(clock, call_to, browse):
    with Sandbox(clock=clock, faults=[{"method": "GET", "answer": "close"}]) as running:
        with pytest.raises(BadStatusLine):
            call_to(running).get("/api/v1/services")
        page, complaints = _drawn(browse(running, 1_000))
    assert complaints == []
    assert "no answer" in page.text


@pytest.mark.parametrize("path", FILES)
def test_no_file_of_the_page_may_reach_another_host(fetch, path):
    status, headers, content = fetch(path)
    assert status == 200
    assert headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert re.findall(r"https?://[^\"' ]+", content.replace("http://www.w3.org/2000/svg", "")) == []
    assert "innerHTML" not in content


def test_every_file_that_the_page_names_is_served(fetch):
    named = {address for path in FILES for address in re.findall(r'(?:href|src)="(/[^"]*)"', fetch(path)[2])}
    named |= {f"/sandbox/{name}" for path in FILES for name in re.findall(r'from "\./([^"]+)"', fetch(path)[2])}
    assert named == {*FILES, "/openapi.json"}
    assert fetch("/openapi.json")[0] == 200


def test_the_state_shows_what_cannot_be_read_back(caller, upcoming):
    caller.put(f"/api/v1/appointments/{upcoming['id']}", {"agentComment": "Prefers calls"})
    state = caller.send("GET", "/sandbox/state", b"", {}).body
    drawn = next(each for each in state["appointments"] if each["id"] == upcoming["id"])
    assert drawn["agentComment"] == "Prefers calls"
    assert state["now"] == "2026-03-11T12:00:00.000Z"
    assert (state["objectUpdates"], state["organization"]["name"]) == ("merge", "Alba Motors")
    assert len(state["calls"]) == state["callCount"] == 1


def test_the_state_is_sent_only_when_something_changed(caller, upcoming):
    version = caller.send("GET", "/sandbox/state", b"", {}).body["version"]
    known = f"/sandbox/state?known={version}"
    assert caller.send("GET", known, b"", {}).status == 204
    caller.get(f"/api/v1/appointments/{upcoming['id']}")
    assert caller.send("GET", known, b"", {}).status == 200


def test_the_page_gets_the_last_entries_of_a_long_log(caller):
    for _ in range(41):
        caller.send("GET", "/api/v1/services", b"", {})
    state = caller.send("GET", "/sandbox/state", b"", {}).body
    assert (len(state["calls"]), state["callCount"]) == (40, 41)


def test_the_state_names_the_way_objects_are_updated(clock, call_to):
    with Sandbox(clock=clock, object_updates="replace") as replacing:
        state = call_to(replacing).send("GET", "/sandbox/state", b"", {}).body
    assert state["objectUpdates"] == "replace"
