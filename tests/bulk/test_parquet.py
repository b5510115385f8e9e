"""The rows of Parquet: their types, and what Python or pyarrow cannot read."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from onlive_provider.bulk.rows import BadRow, Row, as_update, read_file
from onlive_provider.errors import OnliveInputError, OnlivePayloadError
from onlive_provider.models.rendered import MAX_DEPTH
from tests.bulk.reading import read, refusal_of


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


def test_parquet_gives_typed_rows_without_lines_and_gaps_for_nulls(parquet):
    start = datetime(2026, 3, 10, 8, tzinfo=UTC)
    content = parquet(
        {
            "id": ["a", "b", "c"],
            "duration": [45, None, 30],
            "score": [1.5, float("nan"), 2.0],
            "title": ["x", "", "NULL"],
            "start": [start, None, start],
            "extraFields": [{"city": "Mollet"}, None, {"city": None}],
        }
    )
    rows = read("rows.parquet", content)
    assert [(row.index, row.line) for row in rows] == [(0, None), (1, None), (2, None)]
    first, second, third = (as_update(row, id_field="id", fields=None, on_null="omit") for row in rows)
    assert first == (
        "a",
        {"duration": 45, "score": 1.5, "title": "x", "start": start, "extraFields": {"city": "Mollet"}},
    )
    assert second == ("b", {})
    assert third == ("c", {"duration": 30, "score": 2.0, "start": start})


@pytest.mark.parametrize(
    ("on_null", "payloads"),
    [
        ("omit", [{"extraFields": {"city": "Mollet"}}, {"extraFields": {"floor": 2}}, {}]),
        (
            "clear",
            [
                {"extraFields": {"city": "Mollet", "floor": None}},
                {"extraFields": {"city": None, "floor": 2}},
                {"extraFields": {"city": None, "floor": None}},
            ],
        ),
    ],
)
def test_a_key_that_a_row_of_parquet_does_not_have_is_a_gap_like_an_empty_cell(parquet, on_null, payloads):
    import pyarrow

    objects = pyarrow.array([{"city": "Mollet"}, {"floor": 2}, {}])
    rows = read("rows.parquet", parquet({"id": ["a", "b", "c"], "extraFields": objects}))
    assert [as_update(row, id_field="id", fields=None, on_null=on_null)[1] for row in rows] == payloads


def test_a_member_that_an_item_of_parquet_does_not_have_is_left_out(parquet):
    guests = [[{"email": "a@example.com", "extraFields": {"phone": None}}, {"email": "b@example.com"}]]
    (row,) = read("rows.parquet", parquet({"id": ["a"], "guests": guests}))
    _, payload = as_update(row, id_field="id", fields=None, on_null="omit")
    assert payload == {"guests": [{"email": "a@example.com"}, {"email": "b@example.com"}]}


def test_nanoseconds_of_a_parquet_time_are_dropped(parquet):
    import pyarrow

    moments = pyarrow.array([1_773_129_600_123_456_789], pyarrow.timestamp("ns", "UTC"))
    (row,) = read("rows.parquet", parquet({"id": ["a"], "start": moments}))
    assert row.values["start"] == datetime(2026, 3, 10, 8, 0, 0, 123456, tzinfo=UTC)


def test_a_parquet_file_without_the_id_column_is_refused(parquet):
    with pytest.raises(OnlivePayloadError, match="id_field: got 'id', which is not a column of the file; found: key"):
        read("rows.parquet", parquet({"key": ["a"]}))


def test_a_file_that_only_ends_in_parquet_is_refused():
    pytest.importorskip("pyarrow")
    with pytest.raises(OnlivePayloadError, match=r"the file ends in \.parquet and does not hold Parquet"):
        read("rows.parquet", "id\na\n")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(OnlivePayloadError, match=r"pip install 'airflow-provider-onlive\[parquet\]'"):
        read("rows.parquet", "")


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
    codec = content.index(b"\x15\x04", content.rindex(b"\x18\x02id"))
    lzo = content[:codec] + b"\x15\x06" + content[codec + 2 :]
    assert refusal_of("rows.parquet", lzo) == CANNOT_BE_READ


def test_a_file_is_read_as_its_rows_are_taken(parquet):
    class Counting(io.BytesIO):
        count = 0

        def read(self, size=-1):
            data = super().read(size)
            self.count += len(data)
            return data

    numbers = range(8_000)
    columns = {"id": [str(number) for number in numbers], "title": [f"{number:01000}" for number in numbers]}
    content = parquet(columns, row_group_size=500, compression="none", use_dictionary=False)
    file = Counting(content)
    rows = read_file("rows.parquet", open_file=lambda _: file, id_field="id", fields=None)
    next(rows)
    assert file.count < len(content) / 3
    assert sum(1 for _ in rows) == len(numbers) - 1
    assert file.count > len(content) / 2


def test_times_that_python_cannot_hold_fail_their_own_rows(parquet):
    import pyarrow

    days = pyarrow.array([0, 2_932_897, -719_163 - 366, 1, None], pyarrow.date32())
    rows = read("rows.parquet", parquet({"id": list("abcde"), "day": days}))
    assert [(row.index, type(row)) for row in rows] == list(enumerate([Row, BadRow, BadRow, Row, Row]))
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
    nested = "x"
    for _ in range(MAX_DEPTH + 1):
        kind, nested = pyarrow.struct([("a", kind)]), {"a": nested}
    values = pyarrow.array([None, nested], kind)
    rows = read("rows.parquet", parquet({"id": ["a", "b"], "extraFields": values}))
    assert [type(row) for row in rows] == [Row, BadRow]
