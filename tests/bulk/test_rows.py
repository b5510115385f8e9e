"""The rows of a bulk update, from lists and files, and what each of them asks for."""

from __future__ import annotations

import io
import itertools
import json
import tracemalloc
from decimal import Decimal

import pytest

from onlive_provider.bulk.rows import BadRow, Missing, Row, as_update, read_file, read_rows
from onlive_provider.errors import OnlivePayloadError
from onlive_provider.models.rendered import MAX_DEPTH

EMAIL = "ana@example.com"


@pytest.fixture
def read(tmp_path):
    """Write a file and read its rows."""

    def write_and_read(name, content, id_field="id", fields=None):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_file(str(path), open_file=lambda at: open(at, "rb"), id_field=id_field, fields=fields))

    return write_and_read


def read_list(items, id_field="id", fields=None):
    return list(read_rows(items, id_field=id_field, fields=fields))


def update_of(values, fields=None, on_null="omit", id_field="id"):
    return as_update(Row(0, None, values), id_field=id_field, fields=fields, on_null=on_null)


def errors_of(refusal):
    return {error.field: error.message for error in refusal.value.errors}


def test_a_list_gives_its_objects_in_order_without_lines():
    rows = read_list([{"id": "a", "title": "x"}, {"id": "b", "title": None}])
    assert rows == [Row(0, None, {"id": "a", "title": "x"}), Row(1, None, {"id": "b", "title": None})]


def test_what_is_no_object_in_a_list_is_a_bad_row_in_its_place():
    rows = read_list([{"id": "a"}, EMAIL, None, {"id": "b"}])
    assert [type(row) for row in rows] == [Row, BadRow, BadRow, Row]
    assert [row.index for row in rows] == [0, 1, 2, 3]
    assert str(rows[1].error) == "updates[1]: got str; accepted: an object with the record's id and its fields"


def test_one_object_in_place_of_a_list_is_refused():
    with pytest.raises(OnlivePayloadError, match="updates: got dict; accepted: a list of objects"):
        read_list({"id": "a"})


def test_jsonl_gives_a_row_a_line_and_skips_empty_lines(read):
    rows = read("rows.jsonl", '\ufeff{"id": "a", "title": "ñ"}\r\n\n  \n{"id": "b", "lang": null}')
    assert rows == [Row(0, 1, {"id": "a", "title": "ñ"}), Row(1, 4, {"id": "b", "lang": None})]


def test_indexes_count_rows_and_not_lines(read):
    rows = read("rows.jsonl", '\n{"id": "a"}\n\n\n{\n\n{"id": "b"}\n')
    assert [(row.index, row.line) for row in rows] == [(0, 2), (1, 5), (2, 7)]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"id": "a", "title": "ana@example.com"', "line 2 is not valid JSON from column 39 on"),
        (b'["ana@example.com"]', "line 2 holds list; accepted: one JSON object on each line"),
        (b'{"id": "a", "title": "ana@example.com \xff"}', "line 2 is not UTF-8 text"),
        (b'{"id": ' + b"[" * 100_000, "line 2 holds a number too long or an object too deep to read"),
        (b'{"id": ' + b"1" * 10_000 + b"}", "line 2 holds a number too long or an object too deep to read"),
        (
            b'{"id": "a", "title": "x", "id": "b"}',
            "line 2 holds id twice; there is no way to know which of the two is right",
        ),
        (
            b'{"id": "a", "extraFields": {"ana@example.com": 1, "ana@example.com": 2}}',
            "line 2 holds (name not shown) twice; there is no way to know which of the two is right",
        ),
    ],
    ids=["cut", "a list", "not UTF-8", "too deep", "too long a number", "two ids", "two keys"],
)
def test_a_broken_line_of_jsonl_is_a_bad_row_that_names_its_line_and_not_its_content(read, line, why):
    rows = read("rows.jsonl", b'{"id": "a"}\n' + line + b'\n{"id": "b"}\n')
    assert [(row.index, row.line) for row in rows] == [(0, 1), (1, 2), (2, 3)]
    assert str(rows[1].error) == why
    assert EMAIL not in repr(rows)
    assert isinstance(rows[2], Row)


def test_csv_gives_a_row_a_record_with_the_line_on_which_it_ends(read):
    rows = read("rows.csv", 'id,title,description\na,Drive,"first\nsecond, with ""quotes"""\n\nb,ñ,x\n')
    assert rows == [
        Row(0, 3, {"id": "a", "title": "Drive", "description": 'first\nsecond, with "quotes"'}),
        Row(1, 5, {"id": "b", "title": "ñ", "description": "x"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_column(read):
    assert read("rows.csv", b"\xef\xbb\xbfid,title\r\na,Drive\r\n") == [Row(0, 2, {"id": "a", "title": "Drive"})]


def test_the_line_ends_inside_a_cell_stay_as_they_are(read):
    (row,) = read("rows.csv", b'id,description\r\na,"one\r\ntwo\nthree"\r\n')
    assert row.values["description"] == "one\r\ntwo\nthree"


def test_empty_lines_before_the_header_are_skipped(read):
    assert read("rows.csv", "\n\nid\na\n") == [Row(0, 4, {"id": "a"})]


def test_the_ending_is_read_in_any_case(read):
    assert read("ROWS.CSV", "id\na\n") == [Row(0, 2, {"id": "a"})]


@pytest.mark.parametrize("cell", ["", "NULL", "None", "NaN", "nan", "NaT", "<NA>"])
def test_a_gap_in_a_csv_is_no_value(read, cell):
    (row,) = read("rows.csv", f"id,title,lang\na,{cell},es\n")
    assert row.values == {"id": "a", "title": Missing.GAP, "lang": "es"}


@pytest.mark.parametrize("cell", ["null", "none", "NA", "-", "0", " "])
def test_other_words_in_a_csv_are_values(read, cell):
    (row,) = read("rows.csv", f"id,title\na,{cell}\n")
    assert row.values["title"] == cell


def test_too_many_and_too_few_cells_are_bad_rows_that_name_their_line(read):
    rows = read("rows.csv", f"id,title\na,x,{EMAIL}\nb\nc,y\n")
    assert [str(row.error) for row in rows[:2]] == [
        "line 2 has 3 cells; the header names 2 columns",
        "line 3 has 1 cell; the header names 2 columns",
    ]
    assert rows[2] == Row(2, 4, {"id": "c", "title": "y"})


def test_a_quotation_mark_that_is_not_closed_costs_no_row_after_the_next_quotation_mark(read):
    rows = read("rows.csv", 'id,title\na,"x\nb,y\nc,"z"\nd,w\n')
    assert [(row.index, row.line) for row in rows] == [(0, 4), (1, 5)]
    assert str(rows[0].error).startswith("the row from line 2 to 4 cannot be read as CSV: ")
    assert rows[1] == Row(1, 5, {"id": "d", "title": "w"})


def test_a_quotation_mark_open_at_the_end_of_a_csv_is_a_bad_row(read):
    rows = read("rows.csv", 'id,title\na,x\nb,"y\n')
    assert [type(row) for row in rows] == [Row, BadRow]


def test_a_row_of_a_csv_that_is_not_utf8_fails_alone(read):
    rows = read("rows.csv", b"id,title\na,caf\xe9\nb,y\n")
    assert str(rows[0].error) == "line 2 is not UTF-8 text"
    assert rows[1] == Row(1, 3, {"id": "b", "title": "y"})


@pytest.mark.parametrize(
    ("header", "field", "words"),
    [
        (b"", "updates_path", "the file is empty"),
        (b"\n\n", "updates_path", "the file is empty"),
        (b"\xff\xfei\x00d\x00", "updates_path", "the file is UTF-16 text; accepted: UTF-8 text, not compressed"),
        (b"caf\xe9,title\n", "updates_path", "not UTF-8"),
        (b'id,"title', "updates_path", "cannot be read as CSV"),
        (b"id,title,title\na,x,y", "updates_path", "the column title more than once"),
        (b"id,\na,x", "updates_path", "column 2 of the file has no name"),
        (b"key,title\na,x", "id_field", "got 'id', which is not a column of the file; found: key, title"),
        (b"ana@example.com,+34600000000\n", "id_field", "found: (name not shown), (name not shown)"),
    ],
)
def test_a_header_that_cannot_be_used_is_refused_before_any_row(read, header, field, words):
    with pytest.raises(OnlivePayloadError) as refusal:
        read("rows.csv", header)
    assert list(errors_of(refusal)) == [field]
    assert words in errors_of(refusal)[field]
    assert EMAIL not in str(refusal.value)


def test_an_email_address_that_stands_twice_in_the_first_line_is_not_shown(read):
    with pytest.raises(OnlivePayloadError) as refusal:
        read("rows.csv", f"id,{EMAIL},{EMAIL}\n")
    assert "the column (name not shown) more than once" in str(refusal.value)
    assert EMAIL not in str(refusal.value)


def test_columns_that_fields_does_not_name_may_be_nameless_or_doubled(read):
    rows = read("rows.csv", ",id,name,note,note\n0,a,x,1,2\n", fields={"name": "title"})
    assert update_of(rows[0].values, {"name": "title"}) == ("a", {"title": "x"})


def test_a_mapped_column_that_the_file_does_not_have_is_refused_before_any_row(read):
    with pytest.raises(OnlivePayloadError) as refusal:
        read("rows.csv", "id,titel\na,x\n", fields={"title": "title", "start": "start"})
    assert errors_of(refusal) == {
        "fields['title']": "is not a column of the file; found: id, titel",
        "fields['start']": "is not a column of the file; found: id, titel",
    }


@pytest.mark.parametrize(("header", "named"), [("id,id,name", "id"), ("id,name,name", "name"), ("id,name,,", None)])
def test_of_the_columns_that_are_used_there_is_one_each(read, header, named):
    if named is None:
        assert read("rows.csv", f"{header}\n", fields={"name": "title"}) == []
        return
    with pytest.raises(OnlivePayloadError, match=f"names the column {named} more than once"):
        read("rows.csv", f"{header}\n", fields={"name": "title"})


@pytest.mark.parametrize(
    ("fields", "named", "words"),
    [
        ({"a": "title", "b": "title"}, "fields['b']", "got 'title', which the column 'a' sets already"),
        ({"a": "extraFields.x", "b": "extraFields.x"}, "fields['b']", "which the column 'a' sets already"),
        ({"a": "extraFields", "b": "extraFields.x"}, "fields['b']", "a member of 'extraFields', which the column 'a'"),
        ({"b": "extraFields.x.y", "a": "extraFields"}, "fields['b']", "a member of 'extraFields', which the column"),
        (
            {"a": "extraFields.x", "b": "extraFields.x.y"},
            "fields['b']",
            "got 'extraFields.x.y', a member of 'extraFields.x', which the column 'a' sets as a whole",
        ),
        ({"a": "extraFields."}, "fields['a']", "got 'extraFields.'; accepted: a field, or a member of one"),
        ({"a": ""}, "fields['a']", "got ''; accepted: a field"),
    ],
)
def test_a_mapping_that_cannot_be_followed_is_refused(fields, named, words):
    with pytest.raises(OnlivePayloadError) as refusal:
        read_list([], fields=fields)
    assert list(errors_of(refusal)) == [named]
    assert words in errors_of(refusal)[named]


def test_two_members_of_one_object_may_come_from_two_columns():
    assert read_list([], fields={"a": "extraFields.x", "b": "extraFields.y"}) == []


def test_an_id_field_without_a_name_is_refused():
    with pytest.raises(OnlivePayloadError, match="id_field: got ''"):
        read_list([], id_field="")


@pytest.mark.parametrize(
    ("path", "given"), [("rows.xlsx", ".xlsx"), ("rows", "no ending"), ("s3://b/rows.csv?sig=secret", "no ending")]
)
def test_a_file_of_another_kind_is_refused_without_being_opened(path, given):
    with pytest.raises(OnlivePayloadError) as refusal:
        read_file(path, open_file=None, id_field="id", fields=None)
    assert errors_of(refusal) == {"updates_path": f"got a file with {given}; accepted: .jsonl, .csv, .parquet"}


class Closing(io.BytesIO):
    """Keeps who closed it apart from what Python closes by itself once nobody holds it."""

    left = False

    def __exit__(self, *_):
        self.left = True


def test_a_file_is_closed_when_its_rows_are_given_up():
    file = Closing(b"id\na\nb\n")
    rows = read_file("rows.csv", open_file=lambda _: file, id_field="id", fields=None)
    next(rows)
    rows.close()
    assert file.left


class Endless(io.RawIOBase):
    """A file of any number of lines that are made as they are read."""

    def __init__(self, lines):
        self.lines = iter(lines)
        self.rest = b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while len(self.rest) < len(buffer) and (line := next(self.lines, None)) is not None:
            self.rest += line
        taken, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


CSV_LINES = (b"%d,Drive %d,%s\n" % (number, number, b"x" * 50) for number in itertools.count())
LINES = {
    "rows.csv": lambda count: itertools.chain([b"id,title,description\n"], itertools.islice(CSV_LINES, count)),
    "rows.jsonl": lambda count: (b'{"id": %d, "title": "Drive", "description": "x"}\n' % n for n in range(count)),
}


@pytest.mark.parametrize("name", LINES)
def test_the_memory_does_not_grow_with_the_number_of_rows(name):
    def peak_of(count):
        rows = read_file(
            name, open_file=lambda _: io.BufferedReader(Endless(LINES[name](count))), id_field="id", fields=None
        )
        tracemalloc.start()
        try:
            assert sum(1 for _ in rows) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_of(100)
    few, many = peak_of(1_000), peak_of(40_000)
    assert many < few + 20_000


def test_without_fields_every_other_column_is_a_field_of_its_name():
    values = {"id": "a", "title": "x", "extraFields": {"city": "y"}}
    assert update_of(values) == ("a", {"title": "x", "extraFields": {"city": "y"}})


def test_fields_map_columns_and_the_others_are_ignored():
    values = {"ref": "a", "name": "x", "town": "Mollet", "room": "2", "other": "z"}
    fields = {"name": "title", "town": "extraFields.city", "room": "event.place.room"}
    assert update_of(values, fields, id_field="ref") == (
        "a",
        {"title": "x", "extraFields": {"city": "Mollet"}, "event": {"place": {"room": "2"}}},
    )


def test_a_mapped_column_that_a_row_does_not_have_leaves_the_field_alone():
    assert update_of({"id": "a"}, {"name": "title"}, on_null="clear") == ("a", {})


GAPS = [Missing.GAP, float("nan"), Decimal("NaN")]


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_leaves_the_field_alone_unless_it_shall_clear(gap):
    values = {"id": "a", "name": gap, "town": gap}
    fields = {"name": "title", "town": "extraFields.city"}
    assert update_of(values, fields) == ("a", {})
    assert update_of(values, fields, on_null="clear") == ("a", {"title": None, "extraFields": {"city": None}})


@pytest.mark.parametrize("name", ["NaT", "<NA>"])
def test_the_missing_values_of_data_frames_are_gaps(name):
    class OfAFrame:
        def __str__(self):
            return name

        def __ne__(self, other):
            raise TypeError("boolean value of NA is ambiguous")

    assert update_of({"id": "a", "title": OfAFrame()}) == ("a", {})


@pytest.mark.parametrize("on_null", ["omit", "clear"])
def test_an_explicit_null_clears_whatever_becomes_of_gaps(on_null):
    assert update_of({"id": "a", "title": None}, on_null=on_null) == ("a", {"title": None})


@pytest.mark.parametrize("value", ["", "NULL", "nan", 0, False, [], {}])
def test_values_that_are_not_gaps_are_sent_as_given(value):
    assert update_of({"id": "a", "title": value}) == ("a", {"title": value})


@pytest.mark.parametrize("values", [{"title": "x"}, *({"ref": gap} for gap in [None, *GAPS])])
def test_a_row_without_an_id_is_refused_by_the_name_of_its_column(values):
    with pytest.raises(OnlivePayloadError) as refusal:
        update_of(values, id_field="ref")
    assert list(errors_of(refusal)) == ["ref"]


def test_a_row_does_not_show_its_values():
    assert EMAIL not in repr(Row(0, None, {"id": "a", "title": EMAIL}))


def test_json_of_any_origin_keeps_its_types(read):
    sent = {"id": "a", "duration": 45, "active": True, "guests": [{"email": EMAIL}], "title": "007"}
    (row,) = read("rows.jsonl", json.dumps(sent))
    assert update_of(row.values) == ("a", {name: value for name, value in sent.items() if name != "id"})


DEEP = 3_000


def nested(depth):
    value = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


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
def test_a_line_of_jsonl_that_is_nested_too_deep_fails_alone(read, depth):
    text = '{"id": "a", "extraFields": ' + '{"a":' * depth + "1" + "}" * depth + "}"
    bad, good = read("rows.jsonl", f'{text}\n{{"id": "b"}}\n')
    assert "deep" in str(bad.error)
    assert good == Row(1, 2, {"id": "b"})


def test_a_nested_column_whose_name_may_be_a_guests_is_not_shown():
    (bad,) = read_rows([{"id": "a", EMAIL: nested(99)}], id_field="id", fields=None)
    assert EMAIL not in str(bad.error)
