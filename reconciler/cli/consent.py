"""Whether a person has said yes to a plan, and approved what needs approval."""

from __future__ import annotations

import argparse
import sys

from reconciler.cli.console import Console
from reconciler.errors import ApprovalError
from reconciler.model import Plan


def ask(plan: Plan, args: argparse.Namespace, console: Console) -> None:
    """Returns if the plan may be carried out.

    Raises:
        ApprovalError: exit 3, with the words to use.
    """
    if not plan.pending:
        return
    if args.approve:
        _by_digest(plan, args.approve)
    elif plan.destroys:
        _by_name(plan, console)
    elif args.yes:
        if plan.needs_approval:
            raise ApprovalError(_needed(plan), hint=_words(plan))
    elif _is_interactive(console):
        _by_answer(plan, console)
    else:
        raise ApprovalError(
            "nobody is there to say yes",
            code="yes-needed",
            hint=_words(plan) if plan.needs_approval else "run it with --yes",
        )


def _by_digest(plan: Plan, digest: str) -> None:
    if digest != plan.digest:
        raise ApprovalError(
            f"--approve names another plan: this one is {plan.digest}",
            code="other-digest",
            hint="look at this plan, and approve its digest if it is right",
        )


def _by_answer(plan: Plan, console: Console) -> None:
    question = (
        "Apply this plan, approving what it says needs approval?"
        if plan.needs_approval
        else "Apply this plan?"
    )
    if _answer(f"{question} Only `yes` is a yes: ", console) != "yes":
        raise ApprovalError("the answer wasn't yes; nothing was changed", code="answered-no")


def _by_name(plan: Plan, console: Console) -> None:
    if not _is_interactive(console):
        raise ApprovalError(
            "destroying a stack needs an approval",
            hint=f"reconcile destroy {plan.stack.file} --approve {plan.digest}",
        )
    name = plan.stack.name
    if _answer(f"This deletes all that the stack owns. Type its name ({name}) to go on: ", console) != name:
        raise ApprovalError("the answer wasn't the stack's name; nothing was changed", code="answered-no")


def _is_interactive(console: Console) -> bool:
    return console.is_text and sys.stdin is not None and sys.stdin.isatty()


def _answer(question: str, console: Console) -> str:
    sys.stderr.write(console.notes.palette.clean(question))
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _needed(plan: Plan) -> str:
    needed = ", ".join(f"{c.address} ({c.approval})" for c in plan.changes if c.needs_approval)
    return f"--yes doesn't approve, and this plan needs approval: {needed}"


def _words(plan: Plan) -> str:
    listed = ", ".join(str(change.address) for change in plan.changes if change.needs_approval)
    return f"run it with --approve {plan.digest}, or put approve: [{listed}] into the spec"
