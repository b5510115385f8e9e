"""A person at the sandbox's pages in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from onlive_provider.sandbox.server import Sandbox
from tests.browser import serious_findings, visit

pytestmark = pytest.mark.browser


def bars_of(page, service_id):
    script = """([id]) => [...document.querySelectorAll(`[data-service-id="${id}"] .bar`)].map((bar) => {
      const track = bar.parentElement.getBoundingClientRect();
      const { left, right } = bar.getBoundingClientRect();
      return [(left - track.left) / track.width, (right - track.left) / track.width];
    })"""
    expect(page.locator(f'[data-service-id="{service_id}"]')).to_be_visible()
    return page.evaluate(script, [service_id])


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing_serious_on_the_pages(chromium, sandbox, path, width, scheme):
    with visit(chromium, sandbox.url + path, width=width, color_scheme=scheme, bypass_csp=True) as page:
        expect(page.locator("[data-copies], .operations .card").first).to_be_visible()
        for each in page.locator("details").all():
            each.evaluate("(made) => (made.open = true)")
        assert serious_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(
    "season",
    [
        ("2028-06-14T22:00:00.000Z", "2028-09-15T21:59:59.000Z"),
        ("2024-06-14T22:00:00.000Z", "2024-09-15T21:59:59.000Z"),
    ],
)
def test_the_time_line_covers_the_seasons_of_other_years(chromium, sandbox, call_to, service, season):
    ranges = [dict(zip(("startDate", "endDate"), season, strict=True))]
    assert call_to(sandbox).put(f"/api/v1/services/{service['id']}", {"dateRanges": ranges}).status == 200
    with visit(chromium, sandbox.url + "/") as page:
        ((left, right),) = bars_of(page, service["id"])
        assert 0 <= left < right <= 1
        assert right - left > 0.03


def test_a_range_without_an_end_does_not_stretch_the_time_line(chromium, sandbox, call_to, service):
    with visit(chromium, sandbox.url + "/") as page:
        expect(page.locator(".tick").first).to_be_visible()
        before = page.locator(".tick").all_inner_texts()
    ranges = [{"startDate": "1999-12-31T23:00:00.000Z", "endDate": "2099-12-31T22:59:59.000Z"}]
    assert call_to(sandbox).put(f"/api/v1/services/{service['id']}", {"dateRanges": ranges}).status == 200
    with visit(chromium, sandbox.url + "/") as page:
        assert bars_of(page, service["id"]) == [pytest.approx([0, 1], abs=0.001)]
        assert page.locator(".tick").all_inner_texts() == before


def test_an_id_is_copied_by_its_button(chromium, sandbox, service, upcoming):
    with visit(chromium, sandbox.url + "/", permissions=["clipboard-read", "clipboard-write"]) as page:
        for each in (service, upcoming):
            button = page.locator(f'[data-copies="{each["id"]}"]')
            button.focus()
            page.keyboard.press("Enter")
            expect(page.locator("#copied")).to_have_text(f"Copied {each['id']}")
            assert page.evaluate("navigator.clipboard.readText()") == each["id"]


def test_where_no_page_may_copy_the_id_is_shown_to_be_copied_by_hand(chromium, sandbox, service):
    with visit(chromium, sandbox.url + "/") as page:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
        page.locator(f'[data-copies="{service["id"]}"]').click()
        field = page.locator("#copied input")
        expect(field).to_have_value(service["id"])
        assert page.evaluate("() => getSelection().toString() || document.activeElement.value") == service["id"]


def test_a_button_keeps_the_focus_when_the_page_is_drawn_anew(chromium, sandbox, call_to, service):
    with visit(chromium, sandbox.url + "/") as page:
        button = page.locator(f'[data-copies="{service["id"]}"]')
        button.focus()
        page.evaluate("() => { document.activeElement.dataset.old = 'yes'; }")
        assert call_to(sandbox).put(f"/api/v1/services/{service['id']}", {"active": False}).status == 200
        expect(button).not_to_have_attribute("data-old", "yes")
        expect(button).to_be_focused()


def test_the_documentation_shows_every_endpoint_and_asks_nobody_else(chromium, sandbox, call_to):
    schema = call_to(sandbox).send("GET", "/openapi.json", b"", {}).body
    asked: list[str] = []
    with visit(chromium, sandbox.url + "/docs") as page:
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        expected = [f"{method.upper()} {path}" for path, each in schema["paths"].items() for method in each]
        expect(page.locator(".operations h2")).to_have_text([*expected, "Headers of a signed call"])
        put = page.locator("section", has=page.get_by_role("heading", name="PUT /api/v1/services/{id}"))
        expect(put).to_contain_text("number, above 0")
        expect(put).to_contain_text("agent or asset, required")
        put.locator("summary", has_text="409").or_(put.locator("summary", has_text="422")).first.click()
        expect(put).to_contain_text("message")
    assert asked
    assert all(each.startswith((sandbox.url, "data:")) for each in asked)


def test_the_page_leads_to_the_documentation_and_to_openapi(chromium, sandbox: Sandbox):
    with visit(chromium, sandbox.url + "/") as page:
        assert [each.get_attribute("href") for each in page.locator("a").all()] == ["/docs", "/openapi.json"]
