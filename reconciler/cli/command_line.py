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
    recursive_option,
    spec_arguments,
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


def _add_reading(
    commands: Subparsers, common: argparse.ArgumentParser, pace: argparse.ArgumentParser
) -> None:
    validate = add(commands, "validate", "check specs, offline", common)
    spec_arguments(validate)
    policy_option(validate)
    plan = add(commands, "plan", "show what apply would change", common, pace)
    spec_arguments(plan)
    plan.add_argument("-o", dest="output", metavar="FILE", help="save the plan (a folder for several stacks)")
    plan.add_argument("--detailed-exitcode", action="store_true", help="exit 2 if changes are pending")
    narrowing_options(plan)
    policy_option(plan)
    show = add(commands, "show", "render a saved plan, offline", common)
    show.add_argument("planfile", metavar="PLANFILE", help="what `plan -o` wrote")
    drift = add(commands, "drift", "show how live differs from what was last applied", common, pace)
    spec_arguments(drift)
    verify = add(commands, "verify", "prove that credentials and wiring work", common, pace)
    spec_arguments(verify)
    _add_audit(commands, pace)
    rehearse = add(
        commands,
        "rehearse",
        "carry the plan out in a copy of what is live",
        common,
        pace,
    )
    spec_arguments(rehearse)
    rehearse.add_argument(
        "--faults",
        action="store_true",
        help="once more per write, killed there, and once per write, its answer lost",
    )
    narrowing_options(rehearse, refresh=False)
    policy_option(rehearse)
    parallelism_option(rehearse)
    watch = add(commands, "watch", "plan every so often, heal what the spec allows", common, pace)
    spec_arguments(watch)
    policy_option(watch)
    watch.add_argument(
        "--interval", default="5m", metavar="TIME", help="from one round to the next (default: 5m)"
    )
    watch.add_argument(
        "--listen",
        default="127.0.0.1:9464",
        metavar="HOST:PORT",
        help="where metrics, health and the estate are served, or none (default: 127.0.0.1:9464)",
    )
    watch.set_defaults(yes=True, approve=None, parallelism=8)


def _add_audit(commands: Subparsers, pace: argparse.ArgumentParser) -> None:
    audit = add(
        commands,
        "audit",
        "say what is wrong between both systems, managed or not",
        common_options("text", "json", "markdown", "html", "sarif"),
        pace,
    )
    spec_arguments(audit, "specs that name the systems; without any, the environment does")
    policy_option(audit)
    audit.add_argument("--side", choices=["databricks", "connect"], help="look at one system only")
    audit.add_argument(
        "--fail-on",
        choices=["error", "warning", "never"],
        default="error",
        help="what makes the exit code 2 (default: error)",
    )


def _add_changing(
    commands: Subparsers, common: argparse.ArgumentParser, pace: argparse.ArgumentParser
) -> None:
    approval = Parser(add_help=False)
    approval.add_argument("--yes", action="store_true", help="apply without asking; doesn't approve")
    approval.add_argument("--approve", metavar="DIGEST", help="approve exactly the plan with this digest")
    parallelism_option(approval)
    apply = add(commands, "apply", "make live what the spec says", common, pace, approval)
    apply.add_argument(
        "specs",
        nargs="*",
        metavar="SPEC|PLANFILE",
        help="specs to plan and apply, or a saved plan (default: the plan of the last `reconcile plan`)",
    )
    recursive_option(apply)
    apply.add_argument(
        "--due",
        action="store_true",
        help="only what time made due: rotations with their deliveries, revocations, clearing up; "
        "for nightly jobs (implies --yes, needs no approval, leaves all else)",
    )
    narrowing_options(apply)
    policy_option(apply)
    rotate = add(
        commands, "rotate", "issue a credential anew, deliver it, revoke the old", common, pace, approval
    )
    rotate.add_argument("address", metavar="ADDR", help="service_principals.KEY or oauth_apps.KEY")
    spec_arguments(rotate, "the spec it belongs to")
    policy_option(rotate)
    rotate.add_argument(
        "--settle",
        default="0s",
        metavar="TIME",
        help="wait between making a new app and switching to it, since it can take 30m to act (default: 0s)",
    )
    destroy = add(commands, "destroy", "delete all that a stack owns", common, pace, approval)
    spec_arguments(destroy)
    policy_option(destroy)


def _add_export(commands: Subparsers, pace: argparse.ArgumentParser) -> None:
    export = add(
        commands, "export", "write a spec of what is live and belongs to nobody", common_options("text"), pace
    )
    export.add_argument(
        "specs",
        nargs="*",
        metavar="SPEC",
        help="specs that say which systems, and what is managed already (default: the environment's systems)",
    )
    recursive_option(export)
    export.add_argument("--stack", metavar="NAME", help="name of the new stack (default: that of -o's file)")
    export.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="GLOB",
        help="only names like this, and what they need",
    )
    export.add_argument("--side", choices=["databricks", "connect"], help="one administrator's half only")
    export.add_argument(
        "--from-terraform",
        action="append",
        default=[],
        metavar="FILE",
        help="only what this state holds: a state file, or what `terraform show -json` prints (-: stdin)",
    )
    export.add_argument("-o", dest="output", metavar="FILE", help="write it here; never overwritten")
    export.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="FILE",
        help="comment on what breaks these rules",
    )


def _add_rest(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    ledger = add(commands, "ledger", "look at a stack's memory, or mend it")
    verbs = ledger.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    show = add(verbs, "show", "what the ledger holds", common)
    spec_arguments(show)
    forget = add(verbs, "forget", "stop managing a resource, and leave it alive", common)
    forget.add_argument("address", metavar="ADDR")
    spec_arguments(forget, "the spec it belongs to")
    move = add(verbs, "move", "give a resource another address", common)
    move.add_argument("source", metavar="ADDR")
    move.add_argument("target", metavar="ADDR")
    spec_arguments(move, "the spec it belongs to")
    mover = add(verbs, "move-provider", "follow a server to its new address", common)
    mover.add_argument("provider", metavar="NAME", help="its name under providers:")
    spec_arguments(mover, "the spec it belongs to")
    unlock = add(verbs, "unlock", "break the lease of a run that is gone", common)
    spec_arguments(unlock)
    _add_sandbox(commands)
    _add_help_at_hand(commands)
    tried = add(commands, "conformance", "try a kind on every promise that kinds make")
    tried.add_argument("module", metavar="MODULE", help="as Python imports it; offers KIND or KINDS")
    tried.add_argument("--format", choices=["text", "json"], default="text", help="how results are shown")
    explain = add(commands, "explain", "what a code, a key of a spec or a command means, offline")
    explain.add_argument(
        "topic", nargs="?", metavar="CODE|KIND[.ATTRIBUTE]|COMMAND", help="default: list all"
    )
    add(commands, "schema", "print the JSON Schema of a spec")
    add(commands, "version", "print the version")


def _add_sandbox(commands: Subparsers) -> None:
    sandbox = add(commands, "sandbox", "run both APIs on this machine, for demos, tests and rehearsals")
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    sandbox.add_argument(
        "--port", type=int, default=8765, help="port to listen on; 0 for any (default: 8765)"
    )
    sandbox.add_argument("--state", metavar="FILE", help="keep its objects in this file")
    sandbox.add_argument(
        "--latency", type=int, default=0, metavar="MS", help="milliseconds that each call takes"
    )
    sandbox.add_argument(
        "--page-size", type=positive, default=100, metavar="N", help="objects per page (default: 100)"
    )
    sandbox.add_argument(
        "--connect-version",
        metavar="VERSION",
        default="",
        help="the release that Connect takes itself for, such as 2025.05.0; older ones lack features",
    )
    sandbox.add_argument(
        "--knob",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="behaviour to choose, such as replace_config=true (docs/sandbox.md)",
    )
    sandbox.add_argument("--fault", action="append", default=[], metavar="FAULT", help="trouble to rehearse")


def _add_help_at_hand(commands: Subparsers) -> None:
    init = add(commands, "init", "write a first spec, and a pipeline if wanted")
    init.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where (default: here)")
    init.add_argument("--databricks-host", metavar="URL", help="address of the Databricks account console")
    init.add_argument("--account-id", metavar="ID", help="Databricks account id")
    init.add_argument("--connect-url", metavar="URL", help="address of the Posit Connect server")
    init.add_argument("--workbench-url", metavar="URL", help="address of Posit Workbench, if there is one")
    init.add_argument("--stack", default="prod", metavar="NAME", help="name of the stack (default: prod)")
    init.add_argument("--side", choices=["databricks", "connect"], help="one administrator's half only")
    init.add_argument("--pipeline", choices=["github", "gitlab", "azure"], help="plan and apply there")
    init.add_argument("--sandbox", action="store_true", help="to be tried against `reconcile sandbox`")
    key = add(commands, "key", "make keys for sealed copies and handoffs")
    verbs = key.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    new = add(verbs, "new", "make a pair: the private part to a file, the public one to stdout")
    new.add_argument(
        "-o", dest="output", default="reconcile.key", metavar="FILE", help="default: reconcile.key"
    )
    outputs = add(
        commands,
        "outputs",
        "ids, client ids and login URLs, from the ledger",
        common_options("text", "json", "env"),
    )
    spec_arguments(outputs)
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
