"""Comments on pull requests: what they say, how long they get, and that nobody's name breaks out of them."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

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
    Lifecycle,
    Origin,
    Outcome,
    Pending,
    Plan,
    ProviderSpec,
    ReplaceOrder,
    Runner,
    Stack,
    Status,
    Superseded,
)
from reconciler.rendering import Applied, Drift, LedgerView, Look, clean
from reconciler.rendering.markdown import (
    drift_markdown,
    errors_markdown,
    ledger_markdown,
    outcomes_markdown,
    plan_markdown,
    problems_markdown,
)
from reconciler.rendering.safe_markdown import code, html_code, prose, row

HOSTILE = st.text(
    st.one_of(
        st.characters(),  # surrogates too
        st.sampled_from("`|\\<>&@#*_[]()!:~$\"'-=+ \x00\x1b\n\r\t\u200b\u202e\u2066"),
        st.sampled_from("adef0123789"),
    ),
    min_size=1,
    max_size=40,
)
ATTACKS = [
    "``` | `` | `",
    "a\\|b\\\\|",
    "</code></summary></details><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "@octocat please look",
    "fixes #123, GH-7 and octo/cat#9",
    "deadbeef 0123456789abcdef0123456789abcdef01234567",
    "https://evil.example www.evil.example a@evil.example",
    "[text](https://evil.example) ![image](https://evil.example/x.png) <https://evil.example>",
    "$`x`$ $$x$$ :smile: {{ x }}",
    "-->\n\n# heading\n\n- list\n\n```\ncode",
    "| --- |",
    "\x1b[31m\u202eabc\u2066",
]
# what GitHub or GitLab would make something of, outside of code
LIVELY = re.compile(r"[@#$`<>\[\]\\*_~|{]|://|www\.|\bGH-|:[a-z]+:|\b[0-9a-f]{7,}\b")
OURS = {"h3", "h4", "p", "ul", "li", "strong", "table", "thead", "tbody", "tr", "th", "td", "code", "pre"}
OURS |= {"details", "summary", "b", "br"}


class Seen(HTMLParser):
    """What a reader's browser gets: elements, comments, text in code, and all other text."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.comments, self.attributes = [], [], set()
        self.codes, self.bare = [], []
        self.open = []
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "code":
            self.codes.append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if "code" in self.open:
            self.codes[-1] += text
        else:
            self.bare.append(text)

    def handle_comment(self, text):
        self.comments.append(text)

    @property
    def shape(self):
        return [tag for tag in self.tags if tag != "code"]


def documents(name, value, action):
    """Everything that can be shown, with one name and one value wherever one can be."""
    change = Change(
        Address("oauth_apps", name),
        action,
        provider=name,
        id=value,
        name=value,
        reason=value,
        fields=(FieldChange(name, "x" + value, "y" + name, Cause.DRIFT), FieldChange("f", [name], [value])),
        approval=value,
        code=name,
    )
    problem = Problem(Severity.ERROR, name, value, name, Location(value, 1, 1), value)
    remote = ProviderSpec(name, "connect", value, value)
    title = name.encode(errors="replace").decode()  # a stack's name is valid text, if nothing else
    stack = Stack(title, value, {name: remote}, {})
    plan = Plan(stack, "0", "0", "", 0, (change,), (problem,), targets=(Address(name, value),))
    outcome = Outcome(change.address, action, Status.FAILED, value, value, 1.0)
    secret = Credential(CredentialState.HELD, expires_at=value)
    entry = Entry(name, value, value, Origin.CREATED, credential=secret, formers=(Superseded(value),))
    intent = Intent(value, name, value, value, Runner(name, value, value, 1, value), value)
    ledger = Ledger(name, value, entries={change.address: entry}, pending=Pending({change.address: intent}))
    return [
        plan_markdown(plan, Look(verbose=True)),
        drift_markdown(Drift(name, [change], [problem])),
        outcomes_markdown(Applied(plan, [outcome])),
        problems_markdown([problem]),
        errors_markdown([AnswerError(value, request_id=name, hint=value)]),
        ledger_markdown(LedgerView(ledger)),
    ]


def check_nothing_breaks_out(name, value, action):
    for text, plain in zip(documents(name, value, action), documents("n", "v", action), strict=True):
        text.encode()
        seen = Seen(text)
        assert set(seen.tags) <= OURS
        assert seen.attributes <= {"style", "class"}  # of a table's cells, and of a code block's language
        assert seen.shape == Seen(plain).shape
        assert len(seen.comments) == 1
        for bare in seen.bare:
            assert bare.replace("\n", "").isprintable()
            assert not LIVELY.search(bare), bare


@given(HOSTILE, HOSTILE, st.sampled_from([action for action in Action if action is not Action.NO_OP]))
def test_no_element_but_ours_and_no_mention_or_link_ever_appears(name, value, action):
    assume(name.strip(" ") and value.strip(" ") and name != value)
    check_nothing_breaks_out(name, value, action)


@pytest.mark.parametrize("attack", ATTACKS)
def test_known_tricks_stay_text(attack):
    check_nothing_breaks_out(attack, attack + "!", Action.UPDATE)


@given(HOSTILE)
def test_code_shows_a_text_exactly_in_spans_and_in_tables_and_in_summaries(text):
    shown = clean(text)
    assert Seen(code(text)).codes == [shown]
    assert Seen(f"| a | b |\n| --- | --- |\n{row([code(text), code('x')])}").codes == [shown, "x"]
    assert Seen(f"<details>\n<summary>{html_code(text)}</summary>\n\n</details>").codes == [shown]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("name can't be changed in place", "name can't be changed in place"),
        ("scopes: changed (drift).", "scopes: changed (drift)."),
        ("redirect_urls: changed", "`redirect_urls`: changed"),
        ("ask @octo/team now", "ask `@octo/team` now"),
        ("see #1 and #2", "see `#1` and `#2`"),
        ("it is defaced", "it is `defaced`"),
        ("1. first", "`1`. first"),
    ],
)
def test_in_sentences_only_plain_words_go_bare(text, seen):
    assert prose(text) == seen


@pytest.fixture
def everything(make):
    return make.plan(
        make.change(
            "oauth_apps.posit-connect",
            Action.UPDATE,
            id="a1b2c3",
            reason="scopes: changed in the spec; redirect_urls: changed outside of this stack",
            fields=(
                FieldChange(
                    "redirect_urls",
                    ["https://a.example/b", "https://evil.example/"],
                    ["https://a.example/b"],
                    Cause.DRIFT,
                ),
                FieldChange("scopes", ["all-apis", "sql"], ["all-apis", "sql", "openid", "profile"]),
                FieldChange("token_access_policy.access_token_ttl_in_minutes", 60, 30, Cause.BOTH),
            ),
        ),
        make.change(
            "oauth_apps.exclusive",
            Action.REPLACE,
            id="778899",
            reason="confidential can't be changed in place",
            fields=(FieldChange("confidential", False, True),),
            approval="a replace makes a new object with a new identity",
            lifecycle=Lifecycle(replace=ReplaceOrder.DELETE_FIRST),
        ),
        make.change(
            "connect_integrations.viewer",
            name="Databricks OAuth integration",
            fields=(
                FieldChange("template", None, "databricks"),
                FieldChange("config.client_secret", None, "(sensitive)"),
            ),
        ),
        make.change(
            "connect_integrations.service",
            Action.UPDATE,
            id="g2",
            reason="client_secret: last delivered value differs",
            fields=(FieldChange("config.client_secret", "(sensitive)", "(sensitive)"),),
        ),
        make.change(
            "connect_integrations.ambiguous",
            Action.BLOCKED,
            reason='two live integrations have the name "ambiguous": 1111, 2222',
            code="ambiguous-name",
        ),
        make.change("oauth_apps.fine", Action.NO_OP, id="445566", reason="live matches the spec"),
        problems=(
            Problem(
                Severity.WARNING,
                "offline-access",
                "the app has no offline_access scope, so viewers sign in again every hour",
                "connect_integrations.viewer",
                Location("specs/prod.yaml", 12, 3),
                "add offline_access to scopes",
            ),
        ),
    )


def test_a_comment_has_counts_then_approvals_then_changes_then_findings(everything, golden):
    golden("markdown-plan", plan_markdown(everything))


def test_verbose_adds_what_does_not_change(everything):
    assert "oauth_apps.fine" not in plan_markdown(everything)
    assert "oauth_apps.fine" in plan_markdown(everything, Look(verbose=True))


def test_an_empty_plan_says_so_and_can_still_be_found(make, golden):
    golden("markdown-empty", plan_markdown(make.plan(make.change("oauth_apps.fine", Action.NO_OP))))


def test_destroy_names_its_command_and_offers_no_approval_by_spec(make):
    gone = make.change("oauth_apps.old", Action.DELETE, id="1", approval="destroy")
    text = plan_markdown(make.plan(gone, destroys=True))
    assert "### Plan to destroy stack `prod`" in text
    assert "add to `reconcile destroy`:" in text
    assert "approve:" not in text


def test_drift_goes_from_last_applied_to_live(make, golden):
    changed = make.change(
        "oauth_apps.posit-connect",
        Action.UPDATE,
        id="a1",
        reason="changed outside of this stack",
        fields=(FieldChange("scopes", ["sql"], ["sql", "all-apis"]),),
    )
    gone = make.change("connect_integrations.viewer", Action.DELETE, id="g1", reason="it is gone")
    golden("markdown-drift", drift_markdown(Drift("prod", [changed, gone])))
    assert "No drift." in drift_markdown(Drift("prod", []))


def test_failures_come_before_what_was_done(make, golden):
    changes = [make.change("oauth_apps.a"), make.change("connect_integrations.b", Action.UPDATE)]
    outcomes = [
        Outcome(changes[0].address, Action.CREATE, Status.DONE, "a1", seconds=0.42),
        Outcome(changes[1].address, Action.UPDATE, Status.FAILED, "g1", "PATCH /v1/x: 400, no host", 0.1),
    ]
    golden("markdown-outcomes", outcomes_markdown(Applied(make.plan(*changes), outcomes)))


def test_a_ledger_shows_no_marks_no_copies_and_no_attributes(golden):
    secret = Credential(CredentialState.HELD, "5a17", "f1a9", "2027-01-01T00:00:00Z", sealed="BEGIN AGE")
    entry = Entry("databricks", "a1", "a", Origin.CREATED, applied={"x": "hidden"}, credential=secret)
    intent = Intent(
        "i1", "oauth_apps", "databricks", "2026-01-02", Runner("ana", "ci", "b", 4711, "9"), "create"
    )
    app = Address("oauth_apps", "a")
    text = ledger_markdown(
        LedgerView(Ledger("prod", "5f0c", 7, entries={app: entry}, pending=Pending({app: intent})))
    )
    golden("markdown-ledger", text)
    for hidden in ("5a17", "f1a9", "BEGIN", "hidden"):
        assert hidden not in text


def many(make, count):
    fields = (FieldChange("scopes", ["sql"], ["sql", "all-apis"]), FieldChange("name", "old", "new"))
    return make.plan(
        *(
            make.change(
                f"oauth_apps.app-{n}",
                Action.DELETE if n % 100 == 99 else Action.UPDATE,
                id=str(n),
                fields=fields,
                approval="it goes" if n % 100 == 99 else "",
            )
            for n in range(count)
        ),
        problems=tuple(Problem(Severity.WARNING, "w", f"finding {n} " + "word " * 9) for n in range(count)),
    )


@pytest.mark.parametrize("limit", [3_000, 10_000, 60_000])
def test_a_long_plan_stays_under_the_limit_and_says_what_is_missing(make, limit):
    text = plan_markdown(many(make, 1000), limit=limit)
    assert limit * 0.6 < len(text.encode()) <= limit
    seen = Seen(text)
    missing = int(re.search(r"\*\*([\d,]+) more changes not shown", text)[1].replace(",", ""))
    assert seen.tags.count("details") + missing == 1000
    assert "more findings not shown" in text
    assert "Digest:" in text


def test_what_needs_approval_is_never_the_part_that_is_missing(make):
    text = plan_markdown(many(make, 1000), limit=20_000)
    assert text.count("<b>needs approval</b>") == 10


def test_wide_letters_count_by_their_bytes(make):
    change = make.change("oauth_apps.a", reason="語" * 200)
    plan = make.plan(*(replace(change, id=str(n)) for n in range(200)))
    assert len(plan_markdown(plan).encode()) <= 60_000


def test_a_change_too_long_for_a_comment_is_named_without_its_fields(make):
    change = make.change("oauth_apps.a", Action.UPDATE, fields=(FieldChange("x", "a" * 70_000, "b"),))
    text = plan_markdown(make.plan(change))
    assert "<code>oauth_apps.a</code>" in text
    assert "1 field, too long to show here" in text


def test_an_endless_list_to_approve_is_counted_instead(make):
    changes = (make.change(f"oauth_apps.app-{n}", Action.REPLACE, approval="why") for n in range(3000))
    text = plan_markdown(make.plan(*changes))
    assert "3,000 addresses, too many to list here" in text
    assert len(text.encode()) <= 60_000


@pytest.mark.parametrize(
    "show", [problems_markdown, lambda found, **limit: drift_markdown(Drift("s", [], found), **limit)]
)
def test_findings_alone_stay_under_the_limit_too(show):
    problems = [Problem(Severity.ERROR, "e", f"{n} " + "x" * 90) for n in range(2000)]
    text = show(problems, limit=9_000)
    assert len(text.encode()) <= 9_000
    assert "more findings not shown" in text


def test_outcomes_and_ledgers_stay_under_the_limit_too(make):
    changes = [make.change(f"oauth_apps.app-{n}") for n in range(2000)]
    outcomes = [Outcome(change.address, Action.CREATE, Status.FAILED, error="x" * 50) for change in changes]
    entries = {change.address: Entry("databricks", "1", "n", Origin.CREATED) for change in changes}
    for text in (
        outcomes_markdown(Applied(make.plan(*changes), outcomes), limit=9_000),
        ledger_markdown(LedgerView(Ledger("prod", "x", entries=entries)), limit=9_000),
    ):
        assert len(text.encode()) <= 9_000
        assert "not shown" in text


def test_a_pipeline_finds_its_own_comment_whatever_the_stack_is_called(make):
    assert plan_markdown(make.plan()).startswith("<!-- reconcile:plan:prod -->\n")
    assert drift_markdown(Drift("prod", [])).startswith("<!-- reconcile:drift:prod -->\n")
    assert plan_markdown(make.plan(stack="a --> b")).startswith("<!-- reconcile:plan:a%20--%3E%20b -->\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("give it, `lifecycle: {adopt: x}`; or rotate", "give it, `lifecycle: {adopt: x}`; or rotate"),
        ("`reconcile rotate a.b` issues another", "`reconcile rotate a.b` issues another"),
        ("run it (`a` or `b`).", "run it (`a` or `b`)."),
        ("one ` alone", "one `` ` `` alone"),
        ("`@all` and @all", "`@all` and `@all`"),
    ],
)
def test_what_a_sentence_quotes_is_one_span(text, shown):
    assert prose(text) == shown
