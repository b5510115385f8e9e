"""The documentation's tables of fields are what the code says, and every model has a row for each of its fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from onlive_provider.models.fields import SERVICE, Field
from onlive_provider.models.service import ServiceUpdate
from scripts.tables import DOCS, MODELS, fields_table, tables, with_tables

PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_are_up_to_date(page):
    text = page.read_text("utf-8")
    assert with_tables(text) == text, "run `make tables`"


def test_every_table_stands_in_a_page():
    texts = "".join(page.read_text("utf-8") for page in PAGES)
    assert [name for name in tables() if f"<!-- table: {name} -->" not in texts] == []


@pytest.mark.parametrize(("resource", "model"), MODELS, ids=lambda each: getattr(each, "name", ""))
def test_every_field_has_a_description_and_a_row_of_its_own(resource, model):
    rows = fields_table(resource, model.model_json_schema()).splitlines()[2:]
    cells = [row.split(" | ") for row in rows]
    assert {row[0].strip("| `") for row in cells if "." not in row[0]} == set(model.model_fields)
    assert all(row[2].strip() for row in cells)


def test_a_new_field_is_one_row_and_one_line_of_its_model():
    class WithPriority(ServiceUpdate):
        priority: str | None = None

    row = Field("priority", "text", "Update Booking Service")
    resource = replace(SERVICE, fields={**SERVICE.fields, "priority": row})
    written = fields_table(resource, WithPriority.model_json_schema())
    assert "| `priority` | text |  | shown |" in written


def test_a_row_names_its_page_if_it_is_another_and_says_what_is_sent_at_every_run():
    fields = {
        "name": Field("name", "text", "Update Booking Service"),
        "active": Field("active", "flag", "Update Booking Service", shown=False, readable=False),
        "image": Field("image", "text", "Get Service"),
        "typeId": Field("typeId", "text", "Update Booking Service, Request Example"),
    }
    written = fields_table(replace(SERVICE, fields=fields), ServiceUpdate.model_json_schema()).splitlines()[2:]
    assert [row.split(" | ", 2)[2] for row in written] == [
        "Name. | shown |",
        "Whether the service is available. Sent at every run. | not shown |",
        "Address of a picture: a URL, a path, a `data:` URL, or empty. (*Get Service*) | shown |",
        "UUID of the service type. (*Request Example*) | shown |",
    ]
