"""Airflow's own web interface, driven in a browser: the Connection's form, the examples' forms, what runs look like."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from tests.e2e.conftest import airflow_version, environment_given_back

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from scripts.airflow_standalone import Opened

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(airflow_version < Version("3.3"), reason="an older web interface"),
]
PATIENCE = 60_000
"""Milliseconds that the interface may take on a slow machine."""
TOO_MANY = r"\d+ of \d+ appointments would change"
"""How many there are to come depends on the time of day."""
LAPTOP = {"width": 1280, "height": 800}
FORMS: dict[str, dict[str, str | None]] = {
    "onlive_bulk_languages": {},
    "onlive_evening_confirmations": {},
    "onlive_season_rollout": {"search": "Advisory call"},
    "onlive_summer_season": {"service_id": None, "timezone": None},
    "onlive_wait_for_confirmation": {"appointment_id": None},
}
"""Examples that are green when triggered from their form, and what is filled in; None: what the demo's data say."""


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    """What `make airflow` opens. The pictures show its folder, so its name is short."""
    from scripts.airflow_standalone import opened as open_airflow

    with (
        environment_given_back(),
        tempfile.TemporaryDirectory(prefix="onlive-", dir="/tmp") as folder,
        open_airflow(Path(folder)) as it,
    ):
        yield it


@pytest.fixture
def page(opened: Opened, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(base_url=opened.airflow.url, viewport=LAPTOP)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def appears(found: Locator) -> None:
    """Wait until something is drawn where it can be seen without scrolling."""
    from playwright.sync_api import expect

    expect(found.first).to_be_in_viewport(timeout=PATIENCE)


def picture(page: Page, name: str) -> None:
    """Take a picture for the documentation, if ``ONLIVE_PICTURES`` names the folder for it."""
    if folder := os.environ.get("ONLIVE_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def press_test(page: Page, conn_id: str) -> None:
    row = page.get_by_role("row").filter(has_text=conn_id)
    row.get_by_role("button", name="Test Connection").click()


def open_extra_fields(page: Page) -> None:
    page.get_by_role("dialog").get_by_text("Extra Fields", exact=True).click()


def newest_run(opened: Opened, dag_id: str, known: set[str]) -> str:
    """Wait for a run that was not there before, and return its id."""
    runs: set[str] = set()

    def is_there() -> bool:
        runs.update(each["dag_run_id"] for each in opened.airflow.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"])
        return bool(runs - known)

    opened.airflow.until(is_there, f"a new run of {dag_id}")
    (run_id,) = runs - known
    return run_id


def trigger(page: Page, opened: Opened, dag_id: str, given: dict[str, str]) -> str:
    """Trigger a DAG from its form, and return the run's id."""
    known = {each["dag_run_id"] for each in opened.airflow.call("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"]}
    page.goto(f"/dags/{dag_id}")
    page.get_by_role("button", name="Trigger").first.click()
    form = page.get_by_role("dialog")
    for name, value in given.items():
        form.locator(f"[name=element_{name}]").fill(value)
    form.get_by_role("button", name="Trigger", exact=True).click()
    return newest_run(opened, dag_id, known)


def test_the_stored_connection_is_shown_and_its_test_is_green(page: Page, opened: Opened) -> None:
    page.goto("/connections")
    appears(page.get_by_role("row").filter(has_text="onlive_default").get_by_text(str(opened.sandbox.port)))
    press_test(page, "onlive_default")
    appears(page.get_by_text(f"It works: {opened.sandbox.url} accepts the access key"))


def test_a_connection_is_stored_edited_and_tested_in_the_form_without_a_port_being_typed(
    page: Page, opened: Opened
) -> None:
    sandbox = opened.sandbox
    page.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Connection ID").fill("of_the_form")
    form.get_by_role("combobox").first.click()
    page.keyboard.type("Onlive.site")
    page.keyboard.press("Enter")
    form.get_by_label("Base URL").fill(f"http://127.0.0.1:{sandbox.port}")
    form.get_by_label("Access Key ID").fill(sandbox.access_key_id)
    form.get_by_label("Secret Access Key").fill(sandbox.secret_access_key)
    picture(page, "connection-form")
    open_extra_fields(page)
    form.get_by_label("Timeout").fill("99999")
    form.get_by_label("Timeout").blur()
    form.get_by_role("button", name="Save").click()
    appears(page.get_by_role("row").filter(has_text="of_the_form"))
    press_test(page, "of_the_form")
    appears(page.get_by_text("extra.timeout: 99999 is not a number of seconds from 0.1 to 3,600"))

    page.get_by_role("row").filter(has_text="of_the_form").get_by_role("button", name="Edit Connection").click()
    open_extra_fields(page)
    form.get_by_label("Timeout").fill("20")
    form.get_by_label("Timeout").blur()
    form.get_by_role("button", name="Save").click()
    form.wait_for(state="hidden")
    press_test(page, "of_the_form")
    appears(page.get_by_text(f"It works: {sandbox.url} accepts the access key"))
    assert '"timeout": 20' in opened.airflow.call("GET", "/connections/of_the_form")["extra"]


def test_a_run_of_each_kind_is_there_with_what_it_shows(page: Page, opened: Opened) -> None:
    shown = {"success": "Success", "failed": "Failed", "waiting": "Running"}
    assert {run.state for run in opened.runs} == set(shown)
    for run in opened.runs:
        page.goto(f"/dags/{run.dag_id}/runs/{run.run_id}")
        appears(page.get_by_text(shown[run.state], exact=True))
        appears(page.get_by_text(run.what))


def test_the_headline_of_a_red_bulk_task_is_in_view_when_its_log_opens(page: Page) -> None:
    page.goto("/dags/onlive_bulk_languages/runs/red/tasks/update_languages")
    appears(page.get_by_text(re.compile(rf"OnliveTooManyChangesError: max_changes: {TOO_MANY}")))
    picture(page, "red-task")
    assert page.get_by_text("onlive_provider/").count() == 0


def test_the_headline_of_a_rollout_that_was_put_back_is_in_view_when_its_log_opens(page: Page) -> None:
    page.goto("/dags/onlive_season_rollout/runs/put_back/tasks/roll_out/mapped/0")
    appears(page.get_by_text("OnliveRolloutFailedError: The rollout was stopped in batch 2 of 3"))


@pytest.mark.parametrize(("run_id", "shown"), [("green", r"No failure: \d+ of \d+ records written"), ("red", TOO_MANY)])
def test_onlive_report_leads_from_a_green_and_from_a_red_task_to_its_page(page: Page, run_id: str, shown: str) -> None:
    page.goto(f"/dags/onlive_bulk_languages/runs/{run_id}/tasks/update_languages/details")
    page.get_by_role("link", name="Onlive report").click()
    appears(page.get_by_role("heading", name="update_languages: outcomes"))
    appears(page.get_by_text(re.compile(shown)))
    page.get_by_role("link", name="The task and its log").click()
    appears(page.get_by_text("update_languages"))


def test_mapped_tasks_are_named_by_what_a_person_knows_and_what_came_of_it(page: Page, opened: Opened) -> None:
    page.goto("/dags/onlive_season_rollout/runs/put_back/tasks/roll_out/mapped")
    appears(page.get_by_text("summer, Europe/Madrid: 8 updated"))
    appears(page.get_by_text("summer, Europe/Lisbon: 3 put back, 1 failed, 4 not attempted"))
    page.goto("/dags/onlive_crm_sync/runs/one_row_red/tasks/move_appointment/mapped")
    appears(page.get_by_text(": unchanged"))
    picture(page, "mapped-tasks")
    drawn = page.inner_text("body")
    names = [guest["extraFields"] for each in opened.sandbox.records("appointments") for guest in each["guests"]]
    assert [name["lastName"] for name in names if f" {name['lastName']}" in drawn] == []


def test_a_waiting_approval_is_answered_and_what_was_approved_is_applied(page: Page, opened: Opened) -> None:
    from playwright.sync_api import expect

    dag_id, run_id = "onlive_season_approval", "waiting"
    page.goto("/required_actions")
    page.get_by_text("Open the summer").click()
    appears(page.get_by_text("8 of 16 services change"))
    picture(page, "approval")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Reject")).to_be_disabled(timeout=PATIENCE)
    assert opened.airflow.end_of(dag_id, run_id) == "success"
    page.goto(f"/dags/{dag_id}/runs/{run_id}/tasks/roll_out/mapped")
    appears(page.get_by_text("summer, Europe/Lisbon: 8 updated"))


@pytest.mark.parametrize("dag_id", FORMS)
def test_an_example_that_is_triggered_from_its_form_is_green(page: Page, opened: Opened, dag_id: str) -> None:
    coming = [each for each in opened.sandbox.records("appointments") if each["start"] > opened.sandbox.now()]
    confirmed = next(each["id"] for each in coming if each["state"] == "confirmed")
    data = {**opened.data.season, "appointment_id": confirmed}
    given = {name: data[name] if value is None else value for name, value in FORMS[dag_id].items()}
    run_id = trigger(page, opened, dag_id, given)
    assert opened.airflow.end_of(dag_id, run_id) == "success"


def test_a_service_that_was_changed_from_a_form_starts_the_dag_that_follows_it(page: Page, opened: Opened) -> None:
    followers = opened.airflow.call("GET", "/dags/onlive_follow_services/dagRuns")["dag_runs"]
    assert followers == []
    given = {"service_id": opened.data.season["service_id"], "duration": "50"}
    run_id = trigger(page, opened, "onlive_change_duration", given)
    assert opened.airflow.end_of("onlive_change_duration", run_id) == "success"
    follower = newest_run(opened, "onlive_follow_services", set())
    assert opened.airflow.end_of("onlive_follow_services", follower) == "success"
    page.goto(f"/dags/onlive_follow_services/runs/{follower}/tasks/look_at_changes")
    appears(page.get_by_text(f"services/{given['service_id']} has changed: duration"))


def test_the_data_driven_example_that_is_triggered_from_its_form_fails_for_its_bad_row_alone(
    page: Page, opened: Opened
) -> None:
    run_id = trigger(page, opened, "onlive_crm_sync", {})
    assert opened.airflow.end_of("onlive_crm_sync", run_id) == "failed"
    states = [each["state"] for each in opened.airflow.task_instances("onlive_crm_sync", run_id)]
    assert (states.count("failed"), set(states)) == (1, {"success", "failed"})


def test_the_approval_example_that_is_triggered_from_its_form_asks_and_takes_no_for_an_answer(
    page: Page, opened: Opened
) -> None:
    dag_id = "onlive_season_approval"
    run_id = trigger(page, opened, dag_id, {"search": "Advisory call"})
    opened.airflow.wait_for_question(dag_id, run_id)
    page.goto(f"/dags/{dag_id}/runs/{run_id}/tasks/approve/required_actions")
    page.get_by_role("button", name="Reject").click()
    assert opened.airflow.end_of(dag_id, run_id) == "success"
    states: dict[str, Any] = {each["task_id"]: each["state"] for each in opened.airflow.task_instances(dag_id, run_id)}
    assert states["roll_out"] == "skipped"
