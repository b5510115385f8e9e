"""The lines of .jsonl and .csv: other formats, line ends, and rows of any length."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys

import pytest

from onlive_provider.bulk import lines
from onlive_provider.bulk.lines import Lines, RowTooLongError
from onlive_provider.bulk.rejected_rows import rejected_rows
from onlive_provider.bulk.rejects import Reasons
from onlive_provider.bulk.rows import Row
from tests.bulk.reading import read, refusal_of

OTHER_FORMATS = {
    "gzip": (gzip.compress(b"id,title\na,x\n"), "compressed with gzip"),
    "bzip2": (b"BZh91AY&SY", "compressed with bzip2"),
    "xz": (b"\xfd7zXZ\x00\x00", "compressed with xz"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04", "compressed with zstd"),
    "spreadsheet": (b"PK\x03\x04\x14\x00", "a ZIP archive or a spreadsheet"),
    "Parquet": (b"PAR1\x15\x04", "Parquet"),
    "UTF-16": ("id,title\na,x\n".encode("utf-16"), "UTF-16 text"),
    "UTF-16, big end first": (b"\xfe\xff" + "id,title\n".encode("utf-16-be"), "UTF-16 text"),
    "UTF-16 without a mark": ("id,title\n".encode("utf-16-le"), "UTF-16 text, or no text"),
}


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
@pytest.mark.parametrize("kind", OTHER_FORMATS)
def test_a_file_of_another_format_is_refused_as_a_whole_and_named(name, kind):
    content, named = OTHER_FORMATS[kind]
    assert refusal_of(name, content) == f"updates_path: the file is {named}; accepted: UTF-8 text, not compressed"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_every_line_end_is_taken_with_and_without_a_last_one_and_a_mark(end, last, mark):
    csv = end.join(["id,title", "a,x", "b,y"]) + end * last
    assert read("rows.csv", mark + csv.encode()) == [
        Row(0, 2, {"id": "a", "title": "x"}),
        Row(1, 3, {"id": "b", "title": "y"}),
    ]
    jsonl = end.join(['{"id": "a"}', '{"id": "b"}']) + end * last
    assert read("rows.jsonl", mark + jsonl.encode()) == [Row(0, 1, {"id": "a"}), Row(1, 2, {"id": "b"})]


def test_a_header_alone_and_an_empty_file_of_lines_have_no_rows():
    assert read("rows.csv", "id,title\n") == read("rows.jsonl", "") == []


@pytest.fixture
def short(monkeypatch):
    """Take 40 characters for the most that a row may have, and read what is skipped in pieces of 5."""
    monkeypatch.setattr(Lines.__init__, "__defaults__", (40,))
    monkeypatch.setattr(lines, "_PIECE", 5)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("length", [39, 40, 41, 42, 45, 46, 47, 90])
def test_a_line_that_is_too_long_fails_alone_wherever_it_is_cut(length, end):
    long = '{"id": "' + "x" * (length - 10 - len(end)) + '"}' + end
    rows = read("rows.jsonl", '{"id": "a"}' + end + long + '{"id": "b"}' + end)
    assert [(row.index, row.line) for row in rows] == [(0, 1), (1, 2), (2, 3)]
    assert isinstance(rows[2], Row)
    if length > 40:
        assert str(rows[1].error) == "line 2 is longer than 40 characters"
    else:
        assert isinstance(rows[1], Row)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("extra", range(12))
def test_a_row_of_csv_that_is_too_long_takes_in_its_quoted_lines_and_nothing_more(extra, end):
    quoted = f'"{"y" * (30 + extra)}{end}b,"",""a title{end}{"z" * extra}"""'
    rows = read("rows.csv", end.join(["id,title,lang", f"a,{quoted},es", "c,x,es", ""]))
    assert [(row.index, row.line) for row in rows] == [(0, 4), (1, 5)]
    assert str(rows[0].error) == "the row from line 2 to 4 is longer than 40 characters"
    assert rows[1] == Row(1, 5, {"id": "c", "title": "x", "lang": "es"})


@pytest.mark.usefixtures("short")
def test_a_long_row_of_csv_whose_quotation_mark_stays_open_ends_with_the_file():
    (row,) = read("rows.csv", f'id,title\na,"{"y" * 60}\nb,x\nc,x')
    assert str(row.error) == "the row from line 2 to 4 is longer than 40 characters"


def test_what_follows_a_cell_above_pythons_limit_in_its_quotation_marks_is_no_row():
    rows = read("rows.csv", f'id,title\na,"{"y" * 131_073}\nb,made up\n"\nc,x\n')
    assert str(rows[0].error).startswith("the row from line 2 to 4 cannot be read as CSV: field larger than")
    assert rows[1:] == [Row(1, 5, {"id": "c", "title": "x"})]


def rejected(name, content):
    """Return the rejects of a file of which every row failed."""
    reasons = Reasons()
    for index in range(10):
        reasons.put(index, "why")
    return b"".join(rejected_rows(name, lambda _: io.BytesIO(content.encode()), reasons)).decode()


def test_a_cell_above_pythons_limit_is_whole_in_the_rejects():
    row = f'a,"{"y" * 131_073}\nb,""made up""\n"'
    quoted = row.replace('"', '""')
    assert rejected("rows.csv", f"id,title\n{row}\nc,x\n") == (
        f'id,title,onlive_error\n"{quoted}",onlive_error: why\nc,x,why\n'
    )


@pytest.mark.usefixtures("short")
def test_of_a_row_that_is_too_long_the_rejects_hold_the_beginning_and_say_so():
    cut = "why; only the beginning of the row stands here"
    (made,) = rejected("rows.jsonl", '"' + "x" * 90).splitlines()
    assert json.loads(made) == {"onlive_row": '"' + "x" * 40, "onlive_error": cut}
    lines = rejected("rows.csv", f"id,title,lang\na,{'y' * 90},es\nb,x,es\n").splitlines()
    assert lines == ["id,title,lang,onlive_error", f'"a,{"y" * 39}",onlive_error: {cut}', "b,x,es,why"]


@pytest.mark.usefixtures("short")
def test_a_first_line_that_is_too_long_is_refused_as_a_whole():
    assert refusal_of("rows.csv", "x" * 41) == (
        "updates_path: the first line of the file is too long to be the names of columns"
    )


def test_rows_may_have_sixteen_mebi_characters():
    kept = Lines(io.BytesIO(b"x" * 16 * 2**20))
    assert len(next(kept)) == 16 * 2**20
    with pytest.raises(RowTooLongError):
        next(Lines(io.BytesIO(b"x" * (16 * 2**20 + 1))))


GROWTH = """
import io, itertools, resource, sys
from onlive_provider.bulk.rows import BadRow, read_file

class Made(io.RawIOBase):
    def __init__(self, parts):
        self.parts = iter(parts)
    def readable(self):
        return True
    def readinto(self, buffer):
        part = next(self.parts, b"")
        buffer[:len(part)] = part
        return len(part)

name, megabytes = sys.argv[1], int(sys.argv[2])
piece = b"x" * 8191 + (b"\\n" if name == "lines.csv" else b"x")
start, end = {
    "rows.jsonl": (b'{"id": "a"}\\n{"id": "', b'"}\\n{"id": "b"}\\n'),
    "rows.csv": (b'id,title\\na,x\\n"', b'",x\\nb,x\\n'),
    "lines.csv": (b'id,title\\na,x\\n"', b'",x\\nb,x\\n'),
}[name]
parts = itertools.chain([start], itertools.repeat(piece, megabytes * 128), [end])
rows = read_file(name, open_file=lambda _: io.BufferedReader(Made(parts), 8192), id_field="id", fields=None)
kinds = [type(row) is BadRow for row in rows]
assert kinds == [False, True, False], kinds
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "lines.csv"])
def test_the_memory_does_not_grow_with_the_length_of_a_row(name):
    def megabytes(length):
        done = subprocess.run([sys.executable, "-c", GROWTH, name, str(length)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert megabytes(250) < megabytes(50) + 20
