"""The command line: which words make which command. Imports nothing of the engine."""

from __future__ import annotations

import argparse
from functools import cache

from reconciler.cli.options import (
    Parser,
    Subparsers,
    common_options,
    narrowing_options,
    pace_options,
    parallelism_option,
    policy_option,
    positive,
    refresh_option,
    side_option,
)
from reconciler.cli.options import add_command as add

EPILOG = """\
exit codes:
  0  done, or nothing to do
  1  an error, or at least one change failed
  2  changes are pending (plan --detailed-exitcode, drift), or an audit found what --fail-on names
  3  refused: needs a yes or an approval; nothing was changed
  4  refused: the plan is stale, or the stack is locked; nothing was changed
  130  interrupted: what was under way was finished and recorded
"""
_ITS_SPEC = "the spec it belongs to"


@cache  # building it is what takes time; parsing leaves it as it is
def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    root = Parser(
        prog="reconcile",
        description="Databricks OAuth apps, service principals and Posit Connect integrations, from YAML to "
        "live: plan, apply, and nobody sees the secrets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="store_const", const="version", dest="shortcut", help="the version")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    common = common_options()
    pace = pace_options()
    _add_reading(commands, common, pace)
    _add_changing(commands, common, pace)
    _add_export(commands, pace)
    _add_rest(commands, common)
    return root


def _add_reading(commands: Subparsers, common: Parser, pace: Parser) -> None:
    validate = add(commands, "validate", "check specs, offline", common)
    validate.specs()
    policy_option(validate)
    plan = add(commands, "plan", "show what apply would change", common, pace)
    plan.specs()
    plan.add_argument("-o", dest="output", metavar="FILE", help="save the plan (a folder for several stacks)")
    plan.flag("--detailed-exitcode", "exit 2 if changes are pending")
    narrowing_options(plan)
    refresh_option(plan)
    policy_option(plan)
    show = add(commands, "show", "render a saved plan, offline", common)
    show.add_argument("planfile", metavar="PLANFILE", help="what `plan -o` wrote")
    add(commands, "drift", "show how live differs from what was last applied", common, pace).specs()
    add(commands, "verify", "prove that credentials and wiring work", common, pace).specs()
    _add_audit(commands, pace)
    rehearse = add(commands, "rehearse", "carry the plan out in a copy of what is live", common, pace)
    rehearse.specs()
    rehearse.flag("--faults", "once more per write, killed there, and once per write, its answer lost")
    narrowing_options(rehearse)
    policy_option(rehearse)
    parallelism_option(rehearse)
    watch = add(commands, "watch", "plan every so often, heal what the spec allows", common, pace)
    watch.specs()
    policy_option(watch)
    watch.value("--interval", "TIME", "from one round to the next", "5m")
    served = "where metrics, health and the estate are served, or none"
    watch.value("--listen", "HOST:PORT", served, "127.0.0.1:9464")
    watch.set_defaults(yes=True, approve=None, parallelism=8)


def _add_audit(commands: Subparsers, pace: Parser) -> None:
    formats = common_options("text", "json", "markdown", "html", "sarif")
    audit = add(commands, "audit", "say what is wrong between both systems, managed or not", formats, pace)
    audit.specs("specs that name the systems; without any, the environment does")
    policy_option(audit)
    side_option(audit, "look at one system only")
    audit.add_argument(
        "--fail-on",
        choices=["error", "warning", "never"],
        default="error",
        help="what makes the exit code 2 (default: error)",
    )


def _add_changing(commands: Subparsers, common: Parser, pace: Parser) -> None:
    approval = Parser(add_help=False)
    approval.flag("--yes", "apply without asking; doesn't approve")
    approval.value("--approve", "DIGEST", "approve exactly the plan with this digest")
    parallelism_option(approval)
    ways = (common, pace, approval)
    apply = add(commands, "apply", "make live what the spec says", *ways)
    words = "specs to plan and apply, or a saved plan"
    apply.specs(words, "the plan of the last `reconcile plan`", "SPEC|PLANFILE")
    apply.flag(
        "--due",
        "only what time made due: rotations with their deliveries, revocations, clearing up; "
        "for nightly jobs (implies --yes, needs no approval, leaves all else)",
    )
    narrowing_options(apply)
    refresh_option(apply)
    policy_option(apply)
    rotate = add(commands, "rotate", "issue a credential anew, deliver it, revoke the old", *ways)
    rotate.add_argument("address", metavar="ADDR", help="service_principals.KEY or oauth_apps.KEY")
    rotate.specs(_ITS_SPEC)
    policy_option(rotate)
    waits = "wait between making a new app and switching to it, since it can take 30m to act"
    rotate.value("--settle", "TIME", waits, "0s")
    destroy = add(commands, "destroy", "delete all that a stack owns", *ways)
    destroy.specs()
    policy_option(destroy)


def _add_export(commands: Subparsers, pace: Parser) -> None:
    words = "write a spec of what is live and belongs to nobody"
    export = add(commands, "export", words, common_options("text"), pace)
    export.specs("specs that say which systems, and what is managed already", "the environment's systems")
    export.value("--stack", "NAME", "name of the new stack (default: that of -o's file)")
    export.several("--match", "GLOB", "only names like this, and what they need")
    side_option(export, "one administrator's half only")
    state = "only what this state holds: a state file, or what `terraform show -json` prints (-: stdin)"
    export.several("--from-terraform", "FILE", state)
    export.add_argument("-o", dest="output", metavar="FILE", help="write it here; never overwritten")
    export.several("--policy", "FILE", "comment on what breaks these rules")


def _add_rest(commands: Subparsers, common: Parser) -> None:
    ledger = add(commands, "ledger", "look at a stack's memory, or mend it")
    verbs = ledger.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    add(verbs, "show", "what the ledger holds", common).specs()
    forget = add(verbs, "forget", "stop managing a resource, and leave it alive", common)
    forget.add_argument("address", metavar="ADDR")
    forget.specs(_ITS_SPEC)
    move = add(verbs, "move", "give a resource another address", common)
    move.add_argument("source", metavar="ADDR")
    move.add_argument("target", metavar="ADDR")
    move.specs(_ITS_SPEC)
    mover = add(verbs, "move-provider", "follow a server to its new address", common)
    mover.add_argument("provider", metavar="NAME", help="its name under providers:")
    mover.specs(_ITS_SPEC)
    add(verbs, "unlock", "break the lease of a run that is gone", common).specs()
    _add_sandbox(commands)
    _add_help_at_hand(commands)
    tried = add(commands, "conformance", "try a kind on every promise that kinds make")
    tried.add_argument("module", metavar="MODULE", help="as Python imports it; offers KIND or KINDS")
    tried.add_argument("--format", choices=["text", "json"], default="text", help="how results are shown")
    explain = add(commands, "explain", "what a code, a key of a spec or a command means, offline")
    topics = "CODE|KIND[.ATTRIBUTE]|COMMAND"
    explain.add_argument("topic", nargs="?", metavar=topics, help="default: list all")
    add(commands, "schema", "print the JSON Schema of a spec")
    add(commands, "version", "print the version")


def _add_sandbox(commands: Subparsers) -> None:
    sandbox = add(commands, "sandbox", "run both APIs on this machine, for demos, tests and rehearsals")
    sandbox.value("--host", "HOST", "address to listen on", "127.0.0.1")
    sandbox.value("--port", "PORT", "port to listen on; 0 for any", 8765, int)
    sandbox.value("--state", "FILE", "keep its objects in this file")
    sandbox.value("--latency", "MS", "milliseconds that each call takes", 0, int)
    sandbox.value("--page-size", "N", "objects per page", 100, positive)
    release = "the release that Connect takes itself for, such as 2025.05.0; older ones lack features"
    sandbox.value("--connect-version", "VERSION", release, "")
    knobs = "behaviour to choose, such as replace_config=true (docs/sandbox.md)"
    sandbox.several("--knob", "NAME=VALUE", knobs)
    sandbox.several("--fault", "FAULT", "trouble to rehearse")


def _add_help_at_hand(commands: Subparsers) -> None:
    init = add(commands, "init", "write a first spec, and a pipeline if wanted")
    init.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where (default: here)")
    init.value("--databricks-host", "URL", "address of the Databricks account console")
    init.value("--account-id", "ID", "Databricks account id")
    init.value("--connect-url", "URL", "address of the Posit Connect server")
    init.value("--workbench-url", "URL", "address of Posit Workbench, if there is one")
    init.value("--stack", "NAME", "name of the stack", "prod")
    side_option(init, "one administrator's half only")
    init.add_argument("--pipeline", choices=["github", "gitlab", "azure"], help="plan and apply there")
    init.flag("--sandbox", "to be tried against `reconcile sandbox`")
    key = add(commands, "key", "make keys for sealed copies and handoffs")
    verbs = key.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    new = add(verbs, "new", "make a pair: the private part to a file, the public one to stdout")
    file = "reconcile.key"
    new.add_argument("-o", dest="output", default=file, metavar="FILE", help=f"default: {file}")
    formats = common_options("text", "json", "env")
    add(commands, "outputs", "ids, client ids and login URLs, from the ledger", formats).specs()
    completion = add(commands, "completion", "print a completion script for a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish", "suggest"], metavar="bash|zsh|fish")
    completion.add_argument("words", nargs="*", help=argparse.SUPPRESS)


def command_names() -> tuple[str, ...]:
    """The names of all commands."""
    return tuple(_choices(parser()))


def command_help(name: str) -> str:
    """What a command says of itself, with that of its verbs."""
    command = _choices(parser())[name]
    return "\n".join([command.format_help(), *(verb.format_help() for verb in _choices(command).values())])


def command_parts(name: str) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a command: of its verbs where it has some, by the words that call them."""
    command = _choices(parser())[name]
    return {f"{name} {verb}": part for verb, part in _choices(command).items()} or {name: command}


def _choices(root: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    groups = [row for row in root._actions if isinstance(row, argparse._SubParsersAction)]
    return dict(groups[0].choices) if groups else {}
