"""Pages in a real browser, the network off: they run without error, by keyboard, in the dark, on paper."""

import base64
import subprocess

import pytest
from rendering.browser import CHROMIUM, FLAGS, PATIENCE, check_is_well

from reconciler.model import Action, Address, FieldChange
from reconciler.rendering.html import plan_html

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture
def page(tmp_path):
    def written(plan):
        path = tmp_path / "plan.html"
        path.write_text(plan_html(plan), encoding="utf-8")
        return path

    return written


def large(make, count=500):
    changes = []
    for n in range(count // 2):
        app = Address("oauth_apps", f"app-{n:03d}")
        fields = (FieldChange("scopes", ["sql"], ["sql", "openid"]),)
        changes.append(make.change(str(app), Action.UPDATE, id=f"id-{n}", fields=fields))
        changes.append(make.change(f"connect_integrations.viewer-{n:03d}", fields=fields, depends_on=(app,)))
    return make.plan(*changes)


def unlike(make, count=30):
    """Groups of which no two look alike: 1, 2, 3, … integrations for an app."""
    changes = []
    for n in range(count):
        app = Address("oauth_apps", f"app-{n:03d}")
        changes.append(make.change(str(app), Action.UPDATE, id=f"id-{n}"))
        viewers = [f"connect_integrations.viewer-{n:03d}-{m}" for m in range(n + 1)]
        changes += [make.change(viewer, depends_on=(app,)) for viewer in viewers]
    return make.plan(*changes)


def test_a_page_opens_with_nothing_but_itself(story, page, tmp_path):
    """The plain way, without DevTools: what is there after the script ran."""
    words = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page(story).as_uri()]
    seen = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
    assert 'data-ready="true"' in seen
    assert "data-error" not in seen


def test_a_page_runs_without_error_and_asks_for_nothing(browser, story, page):
    path = page(story)
    browser.open(path)
    check_is_well(browser, path)


def test_its_policy_stops_a_script_that_got_in_all_the_same(browser, story, page):
    path = page(story)
    broken = path.read_text("utf-8").replace(
        "<main", "<script>window.got = 1</script><img src=x onerror='got=1'><main"
    )
    path.write_text(broken, encoding="utf-8")
    browser.open(path)
    assert browser.run("typeof window.got") == "undefined"


def test_hostile_names_run_nothing(browser, make, page):
    tricks = (
        "</script><script>document.documentElement.dataset.error='in'</script>",
        "\"'><img src=x onerror=\"document.documentElement.dataset.error='in'\">",
        "</title></svg><svg onload=document.documentElement.dataset.error='in'>",
    )
    changes = [
        make.change(
            "oauth_apps.a",
            Action.UPDATE,
            id=trick,
            name=trick,
            reason=trick,
            fields=(FieldChange(trick, trick, trick + "!"),),
            approval=trick,
        )
        for trick in tricks
    ]
    path = page(make.plan(*changes, stack=tricks[0]))
    browser.open(path)
    check_is_well(browser, path)
    assert browser.run("document.scripts.length") == 1


def shown_cards(browser):
    return browser.run(
        "[...document.querySelectorAll('.card[data-action]:not(.gone)')].map((card) => card.id)"
    )


def test_slash_goes_to_the_filter_words_narrow_it_and_escape_ends_it(browser, story, page):
    browser.open(page(story))
    browser.press("/", *"viewer")
    assert browser.run("document.activeElement.id") == "find"
    assert shown_cards(browser) == ["c3"]
    assert browser.run("document.querySelector('#found').textContent") == "1 of 5"
    assert browser.run("document.querySelectorAll('.broad .box.dim').length") == 4
    browser.press("Escape")
    assert len(shown_cards(browser)) == 4
    assert browser.run("document.querySelectorAll('.box.dim').length") == 0


def test_actions_are_words_of_the_filter_too_and_counts_are_buttons(browser, story, page):
    browser.open(page(story))
    browser.press("/", *"rotate")
    assert shown_cards(browser) == ["c2"]
    browser.press("Escape")
    browser.run("document.querySelector('[data-only=delete]').focus()")
    browser.press("Enter")
    assert shown_cards(browser) == ["c4"]
    assert browser.run("document.activeElement.getAttribute('aria-pressed')") == "true"


def window_of(browser):
    return [float(n) for n in browser.run("document.querySelector('svg').getAttribute('viewBox')").split()]


def test_the_picture_is_moved_and_zoomed_by_keys(browser, story, page):
    browser.open(page(story))
    browser.run("document.querySelector('#picture').focus()")
    browser.press("0")
    whole = window_of(browser)
    browser.press("+")
    nearer = window_of(browser)
    assert nearer[2] == pytest.approx(whole[2] * 0.8, rel=0.01)
    browser.press("ArrowRight", "ArrowDown")
    assert window_of(browser)[0] > nearer[0]
    assert window_of(browser)[1] > nearer[1]
    browser.press("-", "-")
    assert window_of(browser)[2] > whole[2]
    browser.press("0")
    assert window_of(browser) == whole


def test_the_wheel_zooms_a_selected_picture_and_else_scrolls_the_page(browser, story, page):
    browser.open(page(story))
    before = window_of(browser)
    browser.run("document.querySelector('#picture').scrollIntoView({block: 'center'})")
    spot = browser.run(
        "(({x, y}) => ({x: x + 300, y: y + 120}))(document.querySelector('svg').getBoundingClientRect())"
    )
    wheel = {"type": "mouseWheel", "deltaX": 0, "deltaY": -120, **spot}
    browser.call("Input.dispatchMouseEvent", **wheel)
    assert window_of(browser) == before
    browser.run("document.querySelector('#picture').focus({preventScroll: true})")
    spot = browser.run(
        "(({x, y}) => ({x: x + 300, y: y + 120}))(document.querySelector('svg').getBoundingClientRect())"
    )
    browser.call("Input.dispatchMouseEvent", **(wheel | spot))
    assert window_of(browser)[2] < before[2]


def test_a_box_leads_to_its_change_by_keyboard(browser, story, page):
    browser.open(page(story))
    browser.run("for (const card of document.querySelectorAll('.card')) card.open = false")
    browser.run("document.querySelector('.box[href=\"#c4\"]').focus()")
    browser.press("Enter")
    assert browser.run("document.activeElement.parentElement.id") == "c4"
    assert browser.run("document.getElementById('c4').open")
    assert not browser.run("document.getElementById('c3').open")


def test_a_box_whose_change_is_filtered_out_brings_it_back(browser, story, page):
    browser.open(page(story))
    browser.press("/", *"viewer")
    browser.run(
        "document.querySelector('.box[href=\"#c1\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert browser.run("document.activeElement.id") == "c1"
    assert browser.run("document.activeElement.closest('details').open")


def test_the_first_tab_skips_to_the_content_and_the_picture_can_be_skipped(browser, story, page):
    browser.open(page(story))
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Skip to the content"
    assert browser.run("document.activeElement.getBoundingClientRect().left") >= 0
    assert browser.run("document.querySelector('.skip.here').getAttribute('href')") == "#changes"


def test_focus_is_seen_and_what_is_focused_in_the_picture_comes_into_sight(browser, make, page):
    browser.open(page(unlike(make)))
    browser.run("document.querySelector('#picture').focus()")
    browser.run("[...document.querySelectorAll('.broad .box')].at(-1).focus({focusVisible: true})")
    inside = """(() => {
      const place = (element) => element.getBoundingClientRect();
      const [box, svg] = [place(document.activeElement), place(document.querySelector('svg'))];
      return box.left >= svg.left && box.right <= svg.right && box.top >= svg.top && box.bottom <= svg.bottom
        && box.width > 90;
    })()"""
    assert browser.run(inside)
    width = "getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"
    assert browser.run(width) == "3.5px"


def test_everything_that_can_be_used_has_a_name_to_be_heard(browser, story, page):
    browser.open(page(story))
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    usable = [node for node in nodes if node["role"]["value"] in ("link", "button", "searchbox", "textbox")]
    assert len(usable) > 15
    assert [node for node in usable if not node["name"]["value"].strip()] == []


CONTRAST = """(() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const linear = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *:not(svg *, mark, script)')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.matches('.heard, .skip')) continue;
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${e.tagName}.${e.className} ${ratio.toFixed(2)}`);
  }
  return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_by_day_and_by_night(browser, make, page, scheme):
    changes = [
        make.change(
            f"oauth_apps.{action.name.lower()}",
            action,
            approval="why",
            fields=(FieldChange("a", ["x"], ["y", "z"]), FieldChange("b", 1, 2)),
        )
        for action in Action
    ]
    browser.open(page(make.plan(*changes)), scheme=scheme)
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(20, 23, 27)") is (scheme == "dark")
    assert browser.run(CONTRAST) == []


def test_on_paper_everything_is_unfolded_and_there_are_no_controls(browser, story, page):
    browser.open(page(story))
    browser.press("/", *"viewer")
    browser.run("for (const each of document.querySelectorAll('details')) each.open = false")
    browser.call("Emulation.setEmulatedMedia", media="print")
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.run("document.querySelectorAll('details:not([open])').length") == 0
    hidden = "[...document.querySelectorAll('%s')].every((e) => getComputedStyle(e).display === 'none')"
    assert browser.run(hidden % ".tools, .filter, [data-copy], .skip")
    assert browser.run("[...document.querySelectorAll('.card')].every((e) => e.checkVisibility())")
    browser.run("window.dispatchEvent(new Event('afterprint'))")
    assert browser.run("document.querySelectorAll('details[open]').length") == 0
    assert base64.b64decode(browser.call("Page.printToPDF")["data"]).startswith(b"%PDF")


def test_hundreds_of_objects_are_drawn_and_begin_readable(browser, make, page):
    path = page(unlike(make))
    browser.open(path)
    check_is_well(browser, path)
    assert browser.run("document.querySelectorAll('.broad .box').length") == 495
    assert browser.run("document.querySelector('.broad .box').getBoundingClientRect().width") > 150
    browser.run("document.querySelector('[data-zoom=fit]').click()")
    assert browser.run("document.querySelector('.broad .box').getBoundingClientRect().width") < 100


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("count", [4, 40, 250])
def test_a_picture_of_pairs_is_whole_and_legible_on_a_desk_and_in_a_hand(browser, make, page, count, width):
    path = page(large(make, 2 * count))
    browser.open(path, width=width)
    check_is_well(browser, path)
    sizes = """(() => {
      const svg = [...document.querySelectorAll('.picture svg')].find((each) => each.clientWidth);
      const outer = svg.getBoundingClientRect();
      const boxes = [...svg.querySelectorAll('.box, .provider')].map((box) => box.getBoundingClientRect());
      return {
        inside: boxes.every((box) => box.left >= outer.left - 1 && box.right <= outer.right + 1
          && box.top >= outer.top - 1 && box.bottom <= outer.bottom + 1 && outer.right <= innerWidth),
        letters: svg.querySelector('.box text:not(.s)').getBoundingClientRect().height,
        times: [...svg.querySelectorAll('.times')].map((text) => text.textContent),
      };
    })()"""
    seen = browser.run(sizes)
    assert seen["inside"]
    assert seen["letters"] >= 8
    assert set(seen["times"]) == (set() if count == 4 else {f"×{count}"})


def test_a_narrow_screen_needs_no_sideways_scrolling(browser, story, page):
    browser.open(page(story), width=360)
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
