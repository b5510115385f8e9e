"""The form of a script of faults, and what is said about one that cannot be used."""

from __future__ import annotations

import json
import re

import pytest

from onlive_provider.sandbox.faults import FaultError, check_faults, read_faults
from onlive_provider.sandbox.server import Sandbox
from tests.documentation.blocks import block

LATE = {"method": "PUT", "status": 503, "apply": 3, "requests": [1, 3]}
CUT = {"path": "/api/v1/services", "truncate": 0}


@pytest.mark.parametrize(
    "content",
    [
        f"{json.dumps(LATE)}\n{json.dumps(CUT)}\n",
        f"\n{json.dumps(LATE)}\n\n{json.dumps(CUT)}",
        json.dumps([LATE, CUT], indent=2),
    ],
    ids=["JSON Lines", "with empty lines", "an array"],
)
def test_a_script_is_json_lines_or_an_array(tmp_path, content):
    path = tmp_path / "faults"
    path.write_text(content)
    assert read_faults(path) == [LATE, CUT]


def test_a_text_may_hold_any_separator_of_lines(tmp_path):
    fault = {"method": "GET", "body": "one\u2028two\x0cthree"}
    (tmp_path / "faults").write_text(json.dumps(fault, ensure_ascii=False))
    assert read_faults(tmp_path / "faults") == [fault]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"method": "GET"}\n{"method"', "faults: line 2 is not JSON: "),
        ('[{"method": "GET"}', "faults: is not JSON: "),
        ('{"a":' * 100_000, "faults: line 1 is not JSON: "),
        (b"\xff", "faults: is not JSON: "),
        (None, "faults: cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content, complaint):
    path = tmp_path / "faults"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FaultError) as refused:
        read_faults(path)
    assert str(refused.value).startswith(f"{tmp_path}/{complaint}")


NUMBERS = "must be a list of whole numbers from 1, such as [1, 3]"
SECONDS = "must be seconds, above 0 and at most 3600"
HEADERS = "must be an object of texts in ASCII, without content-length, transfer-encoding, connection, date"


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("close", "must be an object"),
        ({"methods": "GET"}, "methods: is not a member of a fault; these are: method, path, requests, apply, delay"),
        ({"method": "DELETE"}, 'method: must be "GET" or "PUT"; given: "DELETE"'),
        ({"path": "/v1/services"}, 'path: must be a path that begins with "/api/", in which * stands for anything'),
        ({"path": None}, "path: must be a path that begins"),
        ({"requests": 1}, f"requests: {NUMBERS}; given: 1"),
        ({"requests": []}, f"requests: {NUMBERS}; given: []"),
        ({"requests": [0]}, f"requests: {NUMBERS}; given: [0]"),
        ({"requests": [1.5]}, f"requests: {NUMBERS}"),
        ({"requests": [True]}, f"requests: {NUMBERS}"),
        ({"apply": "later"}, 'apply: must be true, false, or seconds, at most 3600; given: "later"'),
        ({"apply": 0}, "apply: must be true, false, or seconds"),
        ({"apply": 3601}, "apply: must be true, false, or seconds"),
        ({"delay": 0}, f"delay: {SECONDS}; given: 0"),
        ({"delay": True}, f"delay: {SECONDS}; given: true"),
        ({"answer": "lose"}, 'answer: must be "own", "another_record", "close" or "silence"; given: "lose"'),
        ({"answer": []}, "answer: must be"),
        ({"status": 103}, "status: must be a whole number, 200 to 599; given: 103"),
        ({"status": 600}, "status: must be a whole number"),
        ({"status": "503"}, "status: must be a whole number"),
        ({"headers": ["Retry-After"]}, f"headers: {HEADERS}"),
        ({"headers": {"Retry-After": 2}}, f"headers: {HEADERS}"),
        ({"headers": {"Retry-After": "2\r\nX: y"}}, f"headers: {HEADERS}"),
        ({"headers": {"Content-Length": "2"}}, f"headers: {HEADERS}"),
        ({"headers": {"Date": "x"}}, f"headers: {HEADERS}"),
        ({"body": "\ud800"}, "body: must be JSON, or a text that is sent as it is"),
        ({"body": float("nan")}, "body: must be JSON"),
        ({"truncate": -1}, "truncate: must be a whole number of bytes, 0 or more; given: -1"),
        ({"date": "gestern \u2028"}, "date: must be the seconds that the Date header is off, or its text"),
        ({"date": True}, "date: must be the seconds"),
        ({"answer": "close", "apply": True, "status": 500}, 'status: cannot stand beside "answer": "close"'),
        ({"answer": "silence", "apply": True, "date": 1}, 'date: cannot stand beside "answer": "silence"'),
        ({"answer": "another_record", "apply": True, "body": {}}, 'body: cannot stand beside "answer": "another_r'),
        ({"answer": "close"}, "apply: is missing; say whether the write is made"),
        ({"method": "PUT", "status": 503}, "apply: is missing"),
        ({"method": "PUT", "body": {}}, "apply: is missing"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_a_fault_that_cannot_be_used_is_named_with_its_member(fault, problem):
    with pytest.raises(FaultError) as refused:
        Sandbox(faults=[{"method": "GET"}, fault])
    head, line = str(refused.value).splitlines()
    assert head == "the faults cannot be used:"
    assert line.startswith(f"  - fault 2: {problem}")


def test_a_read_needs_no_word_on_the_write():
    assert check_faults([{"method": "GET", "status": 503}, {"method": "GET", "answer": "close"}])


def test_every_problem_is_named_at_once_up_to_twenty():
    with pytest.raises(FaultError) as refused:
        check_faults([{"method": "GET", "status": 1, "delay": 0}] * 11)
    lines = str(refused.value).splitlines()
    assert len(lines) == 22
    assert lines[1].startswith("  - fault 1: status: ")
    assert lines[2].startswith("  - fault 1: delay: ")
    assert lines[-1] == "  and 2 more"


def test_the_documented_scripts_can_be_used_and_every_member_is_documented(tmp_path, pytestconfig):
    documentation = (pytestconfig.rootpath / "docs" / "sandbox.md").read_text()
    section = documentation.partition("\n## Faults\n")[2].partition("\n## ")[0]
    (tmp_path / "faults").write_text(block("docs/sandbox.md", "Faults"))
    examples = [json.loads(each) for each in re.findall(r"^\| .* \| `(\{.*\})` \|$", section, re.MULTILINE)]
    assert len(read_faults(tmp_path / "faults")) == 3
    assert len(examples) == 9
    assert len(check_faults([*read_faults(tmp_path / "faults"), *examples])) == 12
    with pytest.raises(FaultError) as refused:
        check_faults([{"?": 0}])
    members = str(refused.value).partition("these are: ")[2].split(", ")
    assert set(members) == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
