"""What the documentation says of the settings is what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from onlive_provider.client.settings import Settings
from onlive_provider.client.signing import Credentials, SigningProfile
from onlive_provider.connection.fields import EXTRA_FIELDS, SIGNING_FIELDS
from onlive_provider.connection.vectors import OPTIONAL, REQUIRED, first_difference, read_vectors
from onlive_provider.sandbox.signature_profile import SignatureProfile
from scripts.tables import DOCS, with_tables
from tests.bulk.child import task_instance
from tests.bulk.server import ManyRecords, record_id
from tests.documentation.blocks import block
from tests.operators.conftest import connection_to

PAGES = sorted(DOCS.glob("*.md"))
CONNECTION, CONNECT = ((DOCS / name).read_text("utf-8") for name in ("connection.md", "connect.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_the_codes(page: Path) -> None:
    text = page.read_text("utf-8")
    assert with_tables(text) == text, "run make tables"


def test_every_setting_of_the_extra_is_in_the_table_of_settings() -> None:
    assert [field.name for field in EXTRA_FIELDS if f"\n| `{field.name}` |" not in CONNECTION] == []


PROFILES = [
    json.loads(block("docs/connection.md", "The signing profile", 2)),
    json.loads(block("docs/connection.md", "The signing profile", 3)),
]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_profiles_that_it_shows_can_be_used_by_client_and_sandbox(profile: dict[str, str]) -> None:
    SigningProfile(**profile)
    SignatureProfile(profile)


def test_it_shows_a_profile_of_one_stage_and_one_of_two() -> None:
    assert {"canonical_request" in profile for profile in PROFILES} == {True, False}


def test_the_five_settings_of_a_signature_are_explained() -> None:
    section = CONNECTION.partition("## The signing profile")[2].partition("\n## ")[0]
    assert [name for name in SIGNING_FIELDS if f"`{name}`" not in section] == []


def test_every_field_of_a_vector_is_explained() -> None:
    section = CONNECT.partition("## 5. ")[2]
    assert [name for name in REQUIRED + OPTIONAL if f"`{name}`" not in section] == []


def test_the_vector_that_it_shows_gives_the_line_that_it_shows(tmp_path: Path) -> None:
    shown = block("docs/connect.md", "5. When it still differs: vectors")
    (tmp_path / "vectors.json").write_text(shown)
    (vector,) = read_vectors(tmp_path / "vectors.json", lambda: Settings(Credentials("AKID", "geheim")))
    printed = block("docs/connect.md", "5. When it still differs: vectors", 2)
    assert f"vector 1: {first_difference(vector)}\n" == printed


def test_the_nightly_task_that_it_shows_pays_for_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = block("docs/snapshot.md", "A large table every night")
    source = tmp_path / "appointments.csv"
    with ManyRecords(3) as server:
        monkeypatch.setenv("AIRFLOW_CONN_ONLIVE_DEFAULT", connection_to(server))
        for night, title in enumerate(("as it was", "as it was", "new")):
            shown: dict[str, Any] = {}
            exec(code, shown)
            task = shown["nightly"]
            source.write_text(f"APPOINTMENT_ID,TITLE\n{record_id(0)},as it was\n{record_id(1)},{title}\n")
            task.updates_path, task.snapshot_path = str(source), str(tmp_path / "appointments.snapshot")
            task.report_path = str(tmp_path / f"{night}.jsonl")
            assert task.execute({"ti": task_instance(run_id=str(night))})["from_snapshot"] == (0, 2, 1)[night]
        assert [seen.method for seen in server.requests] == ["GET", "GET", "GET", "PUT"]


def test_the_pages_that_it_links_exist() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
