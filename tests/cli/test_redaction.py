"""What variables gave is in none of the words that are shown, in whichever value they stand."""

from collections import namedtuple
from dataclasses import replace

import pytest

from reconciler.cli.redaction import redacted
from reconciler.errors import Location, Problem, ReconcileError, Severity, SpecError
from reconciler.model import (
    Action,
    Address,
    Change,
    Credential,
    CredentialState,
    Entry,
    FieldChange,
    Ledger,
    Origin,
    Outcome,
    Plan,
    Stack,
    Status,
)
from reconciler.model.audit import Audit, DatedEvent, Finding, Subject
from reconciler.rendering import AUDIT_FORMATS, FORMATS, Applied, Drift, LedgerView, Look
from reconciler.secrets.given_values import forget_given, give

VALUE, SHOWN = "CANARY-1234", "(env TEAM)"
ADDRESS = Address("oauth_apps", "app")
PROBLEM = Problem(Severity.WARNING, "code", VALUE, str(ADDRESS), Location("stack.yaml"), VALUE)
CHANGE = Change(
    ADDRESS,
    Action.UPDATE,
    "databricks",
    VALUE,
    VALUE,
    f"for {VALUE}",
    fields=(FieldChange("name", VALUE, [VALUE], called=VALUE),),
    approval=VALUE,
    held={"groups": ("groups-unknown", f"no group is called {VALUE}")},
)
PLAN = Plan(Stack("stack", "stack.yaml", {}, {}), "1", "", "", 0, (CHANGE,), (PROBLEM,))
OUTCOME = Outcome(ADDRESS, Action.UPDATE, Status.FAILED, VALUE, VALUE, note=VALUE)
SUBJECT = Subject("databricks", "oauth_apps", "1", VALUE)


@pytest.fixture(autouse=True)
def given():
    give(VALUE, SHOWN)
    yield
    forget_given()


@pytest.mark.parametrize(
    "value",
    [
        PLAN,
        Applied(PLAN, [OUTCOME]),
        Drift("stack", [CHANGE], [PROBLEM]),
        Audit((Finding(Severity.ERROR, "code", VALUE, VALUE, (SUBJECT,)),), {}),
        {"app": {"name": VALUE}},
        [PROBLEM],
        frozenset({VALUE}),
        namedtuple("Pair", "name words")("app", VALUE),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_text_of_what_is_shown_tells_a_value(value):
    assert VALUE in repr(value)
    assert VALUE not in repr(redacted(value))


@pytest.mark.parametrize("error", [ReconcileError(VALUE, hint=VALUE), SpecError([PROBLEM])])
def test_no_error_tells_a_value(error):
    shown = FORMATS["text"].errors(redacted([error]), Look())
    assert SHOWN in shown
    assert VALUE not in shown


def test_what_programs_go_by_stays_as_it_is():
    give("oauth_apps", SHOWN)
    give("code", SHOWN)
    shown = redacted(PLAN)
    assert (shown.changes[0].address, shown.problems[0].code) == (ADDRESS, "code")
    assert shown.problems[0].address == str(ADDRESS)
    assert shown.problems[0].at == PROBLEM.at


def test_a_year_that_a_variable_gave_is_no_part_of_a_moment():
    give("2026", "(env YEAR)")
    moment = "2026-01-02T03:04:05Z"
    audit = Audit((), {}, dates=(DatedEvent("2026-12-31", "expires", SUBJECT),), made=moment)
    assert "As of 2026-01-02" in AUDIT_FORMATS["html"](redacted(audit), Look())
    assert redacted(audit).dates[0].day == "2026-12-31"
    credential = Credential(CredentialState.HELD, "salt", "2026", expires_at=moment)
    entry = Entry("databricks", "1", "of 2026", Origin.CREATED, created_at=moment, credential=credential)
    shown = redacted(LedgerView(Ledger("stack", "2026", entries={ADDRESS: entry}), {})).ledger
    assert shown.lineage == "2026"
    assert shown.entries[ADDRESS] == replace(entry, name="of (env YEAR)")
    plan = redacted(replace(PLAN, created=moment, tool_version="2026", lineage="2026"))
    assert (plan.created, plan.tool_version, plan.lineage) == (moment, "2026", "2026")


def test_a_plan_in_other_words_is_the_same_plan():
    assert redacted(PLAN).digest == PLAN.digest
    assert redacted(Applied(PLAN, [])).plan.digest == PLAN.digest
    assert replace(PLAN, changes=redacted(PLAN).changes).digest != PLAN.digest


def test_where_nothing_was_given_values_are_themselves():
    forget_given()
    assert redacted(PLAN) is PLAN
