"""Broken, strange and huge input files: one outcome for the row, or one sentence for the whole file."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
from datetime import datetime
from decimal import Decimal

import pytest

from onlive_provider.bulk import lines
from onlive_provider.bulk.lines import Lines, RowTooLongError
from onlive_provider.bulk.rows import BadRow, Row, read_file, read_rows
from onlive_provider.errors import OnliveInputError, OnlivePayloadError
from onlive_provider.models.rendered import MAX_DEPTH

EMAIL = "ana@example.com"


def nested(depth):
    value = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


def read(name, content, fields=None):
    content = content if isinstance(content, bytes) else content.encode()
    return list(read_file(name, open_file=lambda _: io.BytesIO(content), id_field="id", fields=fields))


def refusal_of(name, content):
    with pytest.raises(OnlivePayloadError) as refusal:
        read(name, content)
    (error,) = refusal.value.errors
    return str(error)


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


DEEP = 3_000


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 900, DEEP])
def test_a_row_of_a_list_that_is_nested_too_deep_fails_alone_and_names_its_column(depth):
    rows = read_rows(
        [{"id": "a"}, {"id": "b", "title": "x", "extraFields": nested(depth)}, {"id": "c"}], id_field="id", fields=None
    )
    first, deep, last = rows
    assert (type(first), type(deep), type(last)) == (Row, BadRow, Row)
    assert str(deep.error) == f"extraFields: is nested deeper than {MAX_DEPTH} levels"


def test_a_row_that_holds_itself_fails_alone():
    row = {"id": "a"}
    row["extraFields"] = row
    (bad,) = read_rows([row], id_field="id", fields=None)
    assert str(bad.error) == f"extraFields: is nested deeper than {MAX_DEPTH} levels"


def test_the_deepest_row_is_read():
    value = nested(MAX_DEPTH)
    assert next(read_rows([{"id": "a", "x": value}], id_field="id", fields=None)).values["x"] is value


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 400, DEEP])
def test_a_line_of_jsonl_that_is_nested_too_deep_fails_alone(depth):
    text = '{"id": "a", "extraFields": ' + '{"a":' * depth + "1" + "}" * depth + "}"
    bad, good = read("rows.jsonl", f'{text}\n{{"id": "b"}}\n')
    assert "deep" in str(bad.error)
    assert good == Row(1, 2, {"id": "b"})


def test_a_nested_column_whose_name_may_be_a_guests_is_not_shown():
    (bad,) = read_rows([{"id": "a", EMAIL: nested(99)}], id_field="id", fields=None)
    assert EMAIL not in str(bad.error)


@pytest.fixture
def parquet():
    """Write columns as Parquet."""
    arrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    def write(columns, **options):
        content = io.BytesIO()
        write_table(arrow.table(columns), content, **options)
        return content.getvalue()

    return write


CANNOT_BE_READ = "updates_path: the file is damaged, or uses a codec or a type that the installed pyarrow cannot read"


@pytest.mark.parametrize("cut", ["footer", "end", "half"])
def test_parquet_with_a_broken_footer_is_refused_as_a_whole(parquet, cut):
    content = parquet({"id": ["a", "b"]})
    broken = {
        "footer": content[:-30] + b"\xff" * 20 + content[-10:],
        "end": content[:-20],
        "half": content[: len(content) // 2],
    }[cut]
    assert refusal_of("rows.parquet", broken) == (
        "updates_path: the file ends in .parquet and does not hold Parquet that can be read"
    )


def test_a_broken_page_is_told_after_the_rows_before_it(parquet):
    ids = [f"{number:040}" for number in range(6_000)]
    content = parquet({"id": ids}, row_group_size=2_000, use_dictionary=False, compression="none")
    place = content.index(ids[3_999].encode()) + 60  # the header of the third group's page
    content = content[:place] + b"\xff" * 60 + content[place + 60 :]
    rows = read_file("rows.parquet", open_file=lambda _: io.BytesIO(content), id_field="id", fields=None)
    taken = []
    with pytest.raises(OnliveInputError, match=r"^updates_path: the file is damaged, .* cannot read\. The ") as caught:
        taken.extend(rows)
    assert f"The {len(taken):,} rows before that place have their outcomes." in str(caught.value)
    assert [row.values["id"] for row in taken] == ids[: len(taken)]
    assert len(taken) >= 1_024
    assert not caught.value.retryable


def test_a_page_whose_checksum_is_wrong_is_not_believed(parquet):
    options = {"use_dictionary": False, "compression": "none", "write_page_checksum": True, "write_statistics": False}
    content = parquet({"id": ["a" * 40]}, **options)
    assert len(read("rows.parquet", content)) == 1
    assert refusal_of("rows.parquet", content.replace(b"a" * 40, b"a" * 39 + b"b")) == CANNOT_BE_READ


def test_a_codec_that_is_not_there_is_told_before_the_first_row(parquet):
    content = parquet({"id": ["a"]}, compression="gzip", use_dictionary=False)
    # In the footer's Thrift the codec GZIP (2) follows the column's path.
    place = content.rindex(b"\x18\x02id") if b"\x18\x02id" in content else content.rindex(b"\x02id")
    codec = content.index(b"\x15\x04", place)
    lzo = content[:codec] + b"\x15\x06" + content[codec + 2 :]
    assert refusal_of("rows.parquet", lzo) == CANNOT_BE_READ


def test_times_that_python_cannot_hold_fail_their_own_rows(parquet):
    import pyarrow

    days = pyarrow.array([0, 2_932_897, -719_163 - 366, 1, None], pyarrow.date32())
    rows = read("rows.parquet", parquet({"id": list("abcde"), "day": days}))
    assert [type(row) for row in rows] == [Row, BadRow, BadRow, Row, Row]
    assert str(rows[1].error) == (
        "day: got a date32[day] that Python cannot hold; accepted: times of the years 1 to 9999, in a known zone"
    )
    assert rows[3].values["day"].isoformat() == "1970-01-02"


@pytest.mark.parametrize("unit", ["ms", "us"])
def test_a_moment_of_the_year_10000_fails_its_own_row_and_no_other_column_matters(parquet, unit):
    import pyarrow

    factor = {"ms": 1_000, "us": 1_000_000}[unit]
    moments = pyarrow.array([0, 253_402_300_800 * factor], pyarrow.timestamp(unit, "UTC"))
    content = parquet({"id": ["a", "b"], "start": moments, "title": ["x", "y"]})
    assert [type(row) for row in read("rows.parquet", content)] == [Row, BadRow]
    assert [type(row) for row in read("rows.parquet", content, {"title": "title"})] == [Row, Row]


def test_a_zone_that_nobody_knows_fails_every_row(parquet):
    import pyarrow

    content = parquet({"id": ["a"], "start": pyarrow.array([1], pyarrow.timestamp("us", "Mars/Phobos"))})
    (row,) = read("rows.parquet", content)
    assert str(row.error).startswith("start: got a timestamp[us, tz=Mars/Phobos] that Python cannot hold")


def test_nanoseconds_are_dropped_wherever_they_stand(parquet):
    import pyarrow

    nanoseconds, moment = 1_773_129_600_123_456_789, datetime(2026, 3, 10, 8, 0, 0, 123456)
    inner = pyarrow.timestamp("ns")
    content = parquet(
        {
            "id": ["a"],
            "list": pyarrow.array([[nanoseconds]], pyarrow.list_(inner)),
            "long": pyarrow.array([[nanoseconds]], pyarrow.large_list(inner)),
            "object": pyarrow.array([{"at": nanoseconds, "n": 1}], pyarrow.struct([("at", inner), ("n", "int8")])),
            "time": pyarrow.array([1_234_567_891], pyarrow.time64("ns")),
        }
    )
    (row,) = read("rows.parquet", content)
    assert row.values["list"] == row.values["long"] == [moment]
    assert row.values["object"] == {"at": moment, "n": 1}
    assert row.values["time"].isoformat() == "00:00:01.234567"


def test_decimals_and_nested_values_come_as_they_are(parquet):
    content = parquet({"id": ["a"], "score": [Decimal("1.10")], "extraFields": [{"rooms": [{"name": "x"}]}]})
    (row,) = read("rows.parquet", content)
    assert row.values["score"] == Decimal("1.10")
    assert row.values["extraFields"] == {"rooms": [{"name": "x"}]}


def test_values_nested_too_deep_in_parquet_fail_their_row(parquet):
    import pyarrow

    kind = pyarrow.string()
    for _ in range(MAX_DEPTH + 1):
        kind = pyarrow.struct([("a", kind)])
    values = pyarrow.array([None, nested(MAX_DEPTH + 1)], kind)
    rows = read("rows.parquet", parquet({"id": ["a", "b"], "extraFields": values}))
    assert [type(row) for row in rows] == [Row, BadRow]
