"""Pages: what they hold, that they ask for nothing, and that nobody's name breaks out of them."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.errors import AnswerError, Location, Problem, Severity
from reconciler.model import (
    Action,
    Address,
    Cause,
    Change,
    Credential,
    CredentialState,
    Entry,
    FieldChange,
    Intent,
    Ledger,
    Origin,
    Outcome,
    Pending,
    Plan,
    ProviderSpec,
    Resource,
    Runner,
    Stack,
    Status,
    Superseded,
)
from reconciler.rendering import FORMATS, Applied, Drift, LedgerView, Look, Palette, clean
from reconciler.rendering.html import (
    drift_html,
    errors_html,
    ledger_html,
    outcomes_html,
    plan_html,
    problems_html,
)
from reconciler.rendering.html.cards import cards
from reconciler.rendering.html.page import said
from reconciler.rendering.html.picture import picture

HOSTILE = st.text(
    st.one_of(
        st.characters(),  # surrogates too
        st.sampled_from("<>\"'&/=` \x00\x1b\n\r\t\u200b\u202e\u2066-!"),
    ),
    min_size=1,
    max_size=40,
)
ATTACKS = [
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    '" onmouseover="alert(1)" x=\'',
    "' onfocus='alert(1)' autofocus='",
    "<svg onload=alert(1)>",
    "</title></text></a></svg><img src=x onerror=alert(1)>",
    "<!-- ",
    "]]>",
    "&lt;b&gt; &#x202e;",
    "javascript:alert(1)",
    "\x1b[31m\u202eabc\u2066\x00",
    "{{7*7}} ${7*7}",
]
VOID = {"meta", "link", "input", "br"}
LINK = re.compile(r"#(c\d+|main|changes)\Z|data:image/svg\+xml,[^\"<>]*\Z")


class Seen(HTMLParser):
    """What a browser gets: elements, attributes, and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.texts, self.comments = [], [], [], []
        self.raw = {}
        self.open = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in ("script", "style"):
            self.raw[self.open[-1]] = self.raw.get(self.open[-1], "") + text
        else:
            self.texts.append(text)

    def handle_comment(self, text):
        self.comments.append(text)

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]


def documents(name, value, action):
    """Everything that can be shown, with one name and one value wherever one can be."""
    app, inner = Address("oauth_apps", name), Address("oauth_apps", name, "client_secret")
    fields = (
        FieldChange(name, "x" + value, "y" + name, Cause.DRIFT),
        FieldChange("f", [name, "kept"], [value, "kept"]),
        FieldChange("g", f"{name} {'same ' * 9}{value}", f"{value} {'same ' * 9}{name}"),
    )
    change = Change(app, action, name, value, value, value, fields, (app,), approval=value, code=name)
    part = Change(inner, action, name, value, value, value, depends_on=(app, Address(name, value)))
    problem = Problem(Severity.ERROR, name, value, name, Location(value, 1, 1), value)
    title = name.encode(errors="replace").decode()  # a stack's name is valid text, if nothing else
    stack = Stack(title, value, {name: ProviderSpec(name, "connect", "https://" + value, value)}, {})
    still = Change(Address("a", name), Action.NO_OP, name, value, value, value)
    plan = Plan(stack, value, value, name, 0, (change, part, still), (problem,), targets=(app,))
    outcome = Outcome(app, action, Status.FAILED, value, value, 1.0)
    secret = Credential(CredentialState.HELD, expires_at=value)
    entry = Entry(name, value, value, Origin.CREATED, credential=secret, formers=(Superseded(value),))
    intent = Intent(value, name, value, value, Runner(name, value, value, 1, value), value)
    ledger = Ledger(name, value, remotes={name: value}, entries={app: entry}, pending=Pending({app: intent}))
    return [
        plan_html(plan),
        drift_html(Drift(name, [change], [problem])),
        outcomes_html(Applied(plan, [outcome])),
        problems_html([problem]),
        errors_html([AnswerError(value, request_id=name, hint=value)]),
        ledger_html(LedgerView(ledger)),
    ]


def check_nothing_breaks_out(name, value, action):
    for page, plain in zip(documents(name, value, action), documents("n", "v", action), strict=True):
        page.encode()
        seen, calm = Seen(page), Seen(plain)
        # a difference is marked, and what stands between backticks is code, whoever wrote it
        assert [tag for tag in seen.tags if tag not in ("mark", "code")] == [
            tag for tag in calm.tags if tag not in ("mark", "code")
        ]
        assert [pair[:2] for pair in seen.attributes] == [pair[:2] for pair in calm.attributes]
        assert seen.raw == calm.raw
        assert seen.comments == []
        assert all(LINK.match(value) for value in seen.values("href"))
        assert "".join(seen.texts).replace("\n", "").isprintable()
        assert all(value.isprintable() for _, _, value in seen.attributes if value)


@given(HOSTILE, HOSTILE, st.sampled_from([action for action in Action if action is not Action.NO_OP]))
def test_no_name_adds_an_element_an_attribute_or_a_link(name, value, action):
    assume(name != value)
    check_nothing_breaks_out(name, value, action)


@pytest.mark.parametrize("attack", ATTACKS)
def test_known_tricks_stay_text(attack):
    check_nothing_breaks_out(attack, attack + "!", Action.UPDATE)


def anchors(plan):
    return {change.address: f"c{number}" for number, change in enumerate(plan.changes)}


def test_a_card_shows_why_and_each_field_before_and_after(story, golden):
    golden("html-cards", cards(story.changes[2:], anchors(story)) + "\n")


def test_the_picture_is_the_same_every_time(story, golden):
    golden("html-picture", picture(story, anchors(story)) + "\n")
    assert picture(story, anchors(story)) == picture(story, anchors(story))


def test_the_words_to_approve_with_are_there_to_be_copied(story):
    text = "".join(Seen(plan_html(story)).texts)
    assert f"--approve {story.digest}" in text
    assert "approve:\n  - connect_integrations.service" in text


def test_every_link_leads_to_something_on_the_page(story):
    seen = Seen(plan_html(story))
    ids = seen.values("id")
    assert len(ids) == len(set(ids))
    links = {value[1:] for value in seen.values("href") if value.startswith("#")}
    assert links <= set(ids)
    assert {"c0", "c1", "c2", "c3", "c4"} <= links


def test_what_stays_is_listed_and_drawn_too(story):
    page = plan_html(story)
    assert "1 unchanged" in "".join(Seen(page).texts)
    assert 'aria-label="unchanged service_principals.nightly"' in page


def test_an_empty_plan_says_so(make):
    page = plan_html(make.plan(make.change("oauth_apps.fine", Action.NO_OP)))
    assert "No changes. The live systems match the spec." in page
    assert "<svg" not in plan_html(make.plan())
    assert "Nothing to destroy" in plan_html(make.plan(destroys=True))


def test_its_policy_allows_its_own_style_and_script_and_nothing_else(story):
    seen = Seen(plan_html(story))
    policy = next(value for value in seen.values("content") if "default-src" in value)
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(seen.raw[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}';" in policy
        assert seen.tags.count(name) == 1
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_is_fetched_from_anywhere(story):
    seen = Seen(plan_html(story))
    assert not {"img", "iframe", "object", "embed", "base", "form"} & set(seen.tags)
    assert not {"src", "srcset", "action", "style"} & {name for _, name, _ in seen.attributes}
    assert not re.search(r"url\((?!#)|@import|https?://", seen.raw["style"])
    assert not re.search(r"fetch\(|XMLHttp|import\(|https?://|innerHTML|eval\(", seen.raw["script"])


def test_pages_of_drift_outcomes_problems_errors_and_ledgers_tell_what_the_text_tells(story):
    drift = drift_html(Drift("prod", story.changes[3:]))
    assert "1 changed, 1 gone" in drift
    assert "No drift." in drift_html(Drift("prod", []))
    outcomes = [Outcome(story.changes[0].address, Action.CREATE, Status.FAILED, error="400: no", seconds=0.1)]
    assert "400: no" in outcomes_html(Applied(story, outcomes))
    assert "Nothing to do" in outcomes_html(Applied(story, [])) or "unchanged" in outcomes_html(
        Applied(story, [])
    )
    assert "No findings." in problems_html([])
    assert "r-42" in errors_html([AnswerError("refused", request_id="r-42")])
    sealed = Credential(CredentialState.HELD, "5a17", "f1a9", sealed="BEGIN AGE")
    entry = Entry("databricks", "a1", "a", Origin.CREATED, applied={"x": "hidden"}, credential=sealed)
    page = ledger_html(LedgerView(Ledger("prod", "5f0c", 7, entries={story.changes[0].address: entry})))
    assert "a sealed copy is kept" in page
    for hidden in ("5a17", "f1a9", "BEGIN", "hidden</"):
        assert hidden not in page


def test_a_plan_of_500_objects_is_well_under_a_megabyte(make):
    changes = []
    for n in range(250):
        app = Address("oauth_apps", f"app-{n:03d}")
        fields = (FieldChange("scopes", ["sql"], ["sql", "openid"]), FieldChange("name", "old", "new"))
        changes.append(make.change(str(app), Action.UPDATE, id=f"id-{n}", fields=fields))
        changes.append(make.change(f"connect_integrations.viewer-{n:03d}", fields=fields, depends_on=(app,)))
    assert len(plan_html(make.plan(*changes)).encode()) < 700_000


def test_the_picture_counts_groups_and_content(make):
    address, content = Address("connect_integrations", "viewer"), {"a": "a", "b": "b"}
    resource = Resource(address, "connect", {"content": content, "groups": {"1": "analysts"}})
    change = make.change(str(address))
    plan = make.plan(change)
    plan = replace(plan, stack=replace(plan.stack, resources={address: resource}))
    assert ">1 group · 2 content items</text>" in picture(plan, {address: "c0"})
    assert "content item" not in picture(make.plan(change), {address: "c0"})


def test_a_name_too_long_for_its_box_is_whole_in_its_title(make):
    key = "very-long-name-" * 6
    drawn = picture(make.plan(make.change(f"oauth_apps.{key}a")), {Address("oauth_apps", key + "a"): "c0"})
    assert "very-long-name-very-…</text>" in drawn
    assert f"<title>oauth_apps.{key}a</title>" in drawn


@given(HOSTILE)
def test_text_is_shown_as_it_is_cleaned(name):
    drawn = Seen(problems_html([Problem(Severity.ERROR, "x", name)]))
    # what stands between backticks is set as code, without them
    assert clean(name).replace("`", "") in "".join(drawn.texts).replace("`", "")


def test_an_output_that_is_not_utf8_gets_ascii_that_reads_the_same(make):
    plan = make.plan(make.change("oauth_apps.a", Action.UPDATE, name="日本語", reason="Zürich"))
    look = Look(palette=Palette.suited("latin-1", enabled=False))
    page = FORMATS["html"].plan(plan, look)
    assert page.isascii()
    assert "".join(Seen(page).texts) == "".join(Seen(plan_html(plan)).texts)
    assert Seen(page).raw == Seen(plan_html(plan)).raw
    assert FORMATS["markdown"].plan(plan, look).isascii()


def test_what_a_sentence_quotes_is_code():
    assert said("take `a: <b>`; or `c`") == "take <code>a: &lt;b&gt;</code>; or <code>c</code>"
    assert said("one ` alone") == "one ` alone"
