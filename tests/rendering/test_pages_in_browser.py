"""Every page of the tool on a desk and in a hand, light and dark: whole, found by keyboard, quiet."""

import shutil
from pathlib import Path

import pytest
from rendering.browser import CHROMIUM, check_is_well

from tests.places import place_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
DEMO = Path(__file__).parents[2] / "specs" / "demo.yaml"
PAIRS = 40


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of each command, of a stack with which not all is well."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copy(DEMO, folder)
    with place_in(folder) as place:

        def keep(name, *command):
            said = place.run(*command, "--format", "html", code=None)
            (folder / f"{name}.html").write_text(said.out, encoding="utf-8")

        keep("plan", "plan", "demo.yaml")
        keep("rehearsal", "rehearse", "demo.yaml", "--faults")
        place.run("apply", "demo.yaml", "--yes")
        keep("ledger", "ledger", "show", "demo.yaml")
        for row in place.sandbox.state.account.apps.table:
            row["scopes"] = ["sql"]
        keep("verification", "verify", "demo.yaml")
        keep("drift", "drift", "demo.yaml")
        place.write("demo.yaml", place.read("demo.yaml").replace("Acts as the person", "Acts as a person"))
        place.run("plan", "demo.yaml", "-o", "saved.json", code=None)
        keep("saved", "show", "saved.json")
        place.load(**estate(PAIRS))
        keep("estate", "audit", "--side", "connect")
        keep("estate", "audit")
        place.load(**estate(300))
        keep("large", "audit")
    return folder


def estate(count):
    config = {"auth_type": "Viewer", "auth_mode": "Public", "workspace_host": "a.cloud.databricks.com"}
    apps, integrations = [], []
    for n in range(count):
        apps.append({"client_id": f"c-{n}", "name": f"app {n:03d}", "scopes": ["sql"]})
        own = {**config, "client_id": f"c-{n}"}
        integrations.append({"name": f"for app {n:03d}", "template": "databricks", "config": own})
    return {"apps": apps, "integrations": integrations}


NAMES = ["plan", "rehearsal", "ledger", "verification", "drift", "saved", "estate", "large"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (400, "light")])
def test_a_page_is_quiet_and_nothing_of_it_is_cut_off(browser, pages, name, width, scheme):
    path = pages / f"{name}.html"
    browser.open(path, width=width, scheme=scheme)
    check_is_well(browser, path)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    beyond = """[...document.querySelectorAll('main *, header *')]
      .filter((each) => each.checkVisibility() && !each.closest('svg, thead'))
      .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
      .map((each) => each.outerHTML.slice(0, 80))"""
    assert browser.run(beyond) == []


@pytest.mark.parametrize(
    ("name", "word", "selector"),
    [
        ("ledger", "viewer", ".list tbody tr"),
        ("verification", "viewer", ".list tbody tr"),
        ("drift", "posit", ".card[data-action]"),
    ],
)
def test_a_row_is_found_by_keyboard(browser, pages, name, word, selector):
    browser.open(pages / f"{name}.html")
    count = browser.run(f"document.querySelectorAll('{selector}').length")
    if not browser.run("document.querySelector('input[type=search]') !== null"):
        assert count < 6
        return
    browser.press("/", *word)
    shown = browser.run(
        f"[...document.querySelectorAll('{selector}')].filter((e) => e.checkVisibility()).length"
    )
    assert 0 < shown < count
    browser.press("Escape")
    shown = browser.run(
        f"[...document.querySelectorAll('{selector}')].filter((e) => e.checkVisibility()).length"
    )
    assert shown == count


def test_the_estate_is_searched_by_keyboard_and_what_fits_unfolds(browser, pages):
    browser.open(pages / "large.html")
    visible = (
        "[...document.querySelectorAll('.pair')].filter((e) => e.checkVisibility()).map((e) => e.textContent)"
    )
    assert len(browser.run(visible)) < 100, "a large estate begins folded"
    browser.press("/", *"042")
    found = browser.run(visible)
    assert found
    assert all("042" in text for text in found), found
    browser.press("Escape")
    assert len(browser.run(visible)) < 100


def test_a_count_of_the_estate_keeps_what_it_counts(browser, pages):
    browser.open(pages / "estate.html")
    browser.run("document.querySelector('.chip').focus()")
    rank = browser.run("document.activeElement.dataset.only")
    browser.press("Enter")
    ranks = "[...document.querySelectorAll('.pair:not(.gone)')].map((each) => each.dataset.action)"
    assert set(browser.run(ranks)) == {rank}


def test_a_saved_plan_keeps_what_its_changes_hang_together_with(browser, pages):
    browser.open(pages / "saved.html")
    assert browser.run("document.querySelectorAll('.broad [data-n]').length") >= 2
    assert browser.run("document.querySelectorAll('.broad .lines path:not(.of)').length") >= 1
