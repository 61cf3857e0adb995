"""The command line: words into a command. Imports nothing of the engine until a command runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from reconciler.cli.streams import ended, outlets

Subparsers = Any  # argparse keeps the class of its sub-parsers to itself

EPILOG = """\
exit codes:
  0  done, or nothing to do
  1  an error, or at least one change failed
  2  changes are pending (plan --detailed-exitcode, drift), or an audit found what --fail-on names
  3  refused: needs a yes or an approval; nothing was changed
  4  refused: the plan is stale, or the stack is locked; nothing was changed
  130  interrupted: what was under way was finished and recorded
"""


class _Parser(argparse.ArgumentParser):
    """A wrong command line is exit 1: 2 means that changes are pending."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(1, f"{self.prog}: {message}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As ever, but that a command itself says which of its options was meant."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"there is no {unknown[0]} here{_meant(unknown[0], self._option_string_actions)}")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            known = "" if (close := _meant(str(value), choices)) else f": choose from {', '.join(choices)}"
            raise argparse.ArgumentError(action, f"there is no {value!r}{close or known}")


def _meant(word: str, choices: Iterable[str]) -> str:
    from difflib import get_close_matches  # for those who mistyped only

    close = get_close_matches(word.partition("=")[0].lower(), choices, n=1)
    return f": did you mean {close[0]}?" if close else ""


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    root = _Parser(
        prog="reconcile",
        description="Databricks OAuth apps, service principals and Posit Connect integrations, from YAML to "
        "live: plan, apply, and nobody sees the secrets.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="store_const", const="version", dest="shortcut", help="the version")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    common = _common()
    pace = _pace()
    _add_reading(commands, common, pace)
    _add_changing(commands, common, pace)
    _add_export(commands, pace)
    _add_rest(commands, common)
    return root


def _common(*formats: str) -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    group = common.add_argument_group("common options")
    group.add_argument(
        "--format",
        choices=formats or ("text", "json", "markdown", "html"),
        default="text",
        help="how results are shown",
    )
    group.add_argument("--var", action="append", default=[], metavar="K=V", help="a value for `vars:`")
    group.add_argument("--no-color", action="store_true", help="no colours (as does NO_COLOR)")
    group.add_argument("-v", "--verbose", action="store_true", help="unchanged resources too, and every call")
    group.add_argument("--quiet", action="store_true", help="results and errors only")
    group.add_argument("--log-format", choices=["text", "json"], default="text", help="form of log lines")
    return common


def _pace() -> argparse.ArgumentParser:
    pace = _Parser(add_help=False)
    pace.add_argument(
        "--max-rps",
        type=_rate,
        metavar="N",
        help="requests per second to each provider at most (default: as many as it bears)",
    )
    return pace


def _add(
    commands: Subparsers, name: str, words: str, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=words.capitalize(), parents=list(parents)
    )
    return made


def _specs(command: argparse.ArgumentParser, words: str = "spec files, or directories of them") -> None:
    command.add_argument("specs", nargs="*", metavar="SPEC", help=f"{words} (default: specs/)")
    _recursive(command)


def _recursive(command: argparse.ArgumentParser) -> None:
    command.add_argument("--recursive", action="store_true", help="look into the folders below, too")


def _add_reading(
    commands: Subparsers, common: argparse.ArgumentParser, pace: argparse.ArgumentParser
) -> None:
    validate = _add(commands, "validate", "check specs, offline", common)
    _specs(validate)
    _policies(validate)
    plan = _add(commands, "plan", "show what apply would change", common, pace)
    _specs(plan)
    plan.add_argument("-o", dest="output", metavar="FILE", help="save the plan (a folder for several stacks)")
    plan.add_argument("--detailed-exitcode", action="store_true", help="exit 2 if changes are pending")
    _narrowing(plan)
    _policies(plan)
    show = _add(commands, "show", "render a saved plan, offline", common)
    show.add_argument("planfile", metavar="PLANFILE", help="what `plan -o` wrote")
    drift = _add(commands, "drift", "show how live differs from what was last applied", common, pace)
    _specs(drift)
    verify = _add(commands, "verify", "prove that credentials and wiring work", common, pace)
    _specs(verify)
    _add_audit(commands, pace)
    watch = _add(commands, "watch", "plan every so often, heal what the spec allows", common, pace)
    _specs(watch)
    _policies(watch)
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
    audit = _add(
        commands,
        "audit",
        "say what is wrong between both systems, managed or not",
        _common("text", "json", "markdown", "html", "sarif"),
        pace,
    )
    _specs(audit, "specs that name the systems; without any, the environment does")
    _policies(audit)
    audit.add_argument("--side", choices=["databricks", "connect"], help="look at one system only")
    audit.add_argument(
        "--fail-on",
        choices=["error", "warning", "never"],
        default="error",
        help="what makes the exit code 2 (default: error)",
    )


def _policies(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="FILE",
        help="rules for every stack of the run, besides RECONCILE_POLICY and their own",
    )


def _narrowing(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="ADDR",
        help="only this resource and what it depends on",
    )
    command.add_argument(
        "--refresh",
        choices=["everyday", "full"],
        default="everyday",
        help="full lists the secrets of every service principal, also where the ledger is sure of them",
    )
    command.add_argument(
        "--replace", action="append", default=[], metavar="ADDR", help="replace this resource on demand"
    )


def _add_changing(
    commands: Subparsers, common: argparse.ArgumentParser, pace: argparse.ArgumentParser
) -> None:
    approval = _Parser(add_help=False)
    approval.add_argument("--yes", action="store_true", help="apply without asking; doesn't approve")
    approval.add_argument("--approve", metavar="DIGEST", help="approve exactly the plan with this digest")
    approval.add_argument(
        "--parallelism",
        type=_positive,
        default=8,
        metavar="N",
        help="calls under way at one time (default: 8)",
    )
    apply = _add(commands, "apply", "make live what the spec says", common, pace, approval)
    apply.add_argument(
        "specs",
        nargs="*",
        metavar="SPEC|PLANFILE",
        help="specs to plan and apply, or a saved plan (default: the plan of the last `reconcile plan`)",
    )
    _recursive(apply)
    apply.add_argument(
        "--due",
        action="store_true",
        help="only what time made due: rotations with their deliveries, revocations, clearing up; "
        "for nightly jobs (implies --yes, needs no approval, leaves all else)",
    )
    _narrowing(apply)
    _policies(apply)
    rotate = _add(
        commands, "rotate", "issue a credential anew, deliver it, revoke the old", common, pace, approval
    )
    rotate.add_argument("address", metavar="ADDR", help="service_principals.KEY or oauth_apps.KEY")
    _specs(rotate, "the spec it belongs to")
    _policies(rotate)
    rotate.add_argument(
        "--settle",
        default="0s",
        metavar="TIME",
        help="wait between making a new app and switching to it, since it can take 30m to act (default: 0s)",
    )
    destroy = _add(commands, "destroy", "delete all that a stack owns", common, pace, approval)
    _specs(destroy)
    _policies(destroy)


def _add_export(commands: Subparsers, pace: argparse.ArgumentParser) -> None:
    export = _add(
        commands, "export", "write a spec of what is live and belongs to nobody", _common("text"), pace
    )
    export.add_argument(
        "specs",
        nargs="*",
        metavar="SPEC",
        help="specs that say which systems, and what is managed already (default: the environment's systems)",
    )
    _recursive(export)
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


def _add_rest(commands: Subparsers, common: argparse.ArgumentParser) -> None:
    ledger = _add(commands, "ledger", "look at a stack's memory, or mend it")
    verbs = ledger.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    show = _add(verbs, "show", "what the ledger holds", common)
    _specs(show)
    forget = _add(verbs, "forget", "stop managing a resource, and leave it alive", common)
    forget.add_argument("address", metavar="ADDR")
    _specs(forget, "the spec it belongs to")
    move = _add(verbs, "move", "give a resource another address", common)
    move.add_argument("source", metavar="ADDR")
    move.add_argument("target", metavar="ADDR")
    _specs(move, "the spec it belongs to")
    mover = _add(verbs, "move-provider", "follow a server to its new address", common)
    mover.add_argument("provider", metavar="NAME", help="its name under providers:")
    _specs(mover, "the spec it belongs to")
    unlock = _add(verbs, "unlock", "break the lease of a run that is gone", common)
    _specs(unlock)
    sandbox = _add(commands, "sandbox", "run both APIs on this machine, for demos, tests and rehearsals")
    sandbox.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    sandbox.add_argument(
        "--port", type=int, default=8765, help="port to listen on; 0 for any (default: 8765)"
    )
    sandbox.add_argument("--state", metavar="FILE", help="keep its objects in this file")
    sandbox.add_argument(
        "--latency", type=int, default=0, metavar="MS", help="milliseconds that each call takes"
    )
    sandbox.add_argument(
        "--page-size", type=_positive, default=100, metavar="N", help="objects per page (default: 100)"
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
    _add_help_at_hand(commands)
    explain = _add(commands, "explain", "what a code, a key of a spec or a command means, offline")
    explain.add_argument(
        "topic", nargs="?", metavar="CODE|KIND[.ATTRIBUTE]|COMMAND", help="default: list all"
    )
    _add(commands, "schema", "print the JSON Schema of a spec")
    _add(commands, "version", "print the version")


def _add_help_at_hand(commands: Subparsers) -> None:
    init = _add(commands, "init", "write a first spec, and a pipeline if wanted")
    init.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where (default: here)")
    init.add_argument("--databricks-host", metavar="URL", help="address of the Databricks account console")
    init.add_argument("--account-id", metavar="ID", help="Databricks account id")
    init.add_argument("--connect-url", metavar="URL", help="address of the Posit Connect server")
    init.add_argument("--workbench-url", metavar="URL", help="address of Posit Workbench, if there is one")
    init.add_argument("--stack", default="prod", metavar="NAME", help="name of the stack (default: prod)")
    init.add_argument("--side", choices=["databricks", "connect"], help="one administrator's half only")
    init.add_argument("--pipeline", choices=["github", "gitlab", "azure"], help="plan and apply there")
    init.add_argument("--sandbox", action="store_true", help="to be tried against `reconcile sandbox`")
    key = _add(commands, "key", "make keys for sealed copies and handoffs")
    verbs = key.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)
    new = _add(verbs, "new", "make a pair: the private part to a file, the public one to stdout")
    new.add_argument(
        "-o", dest="output", default="reconcile.key", metavar="FILE", help="default: reconcile.key"
    )
    outputs = _add(
        commands, "outputs", "ids, client ids and login URLs, from the ledger", _common("text", "json", "env")
    )
    _specs(outputs)
    completion = _add(commands, "completion", "print a completion script for a shell")
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


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return rate


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and answers its exit code."""
    with outlets() as (out, err):
        try:
            code = _run(argv)
        except SystemExit as end:  # argparse's way out
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return ended(code, out, err)


def _run(argv: Sequence[str] | None) -> int:
    root = parser()
    args = root.parse_args(argv)
    command = args.shortcut or args.command
    if command is None:
        root.print_help(sys.stderr)
        return 1
    if command == "version":
        import reconciler

        print(f"reconcile {reconciler.__version__}")
        return 0
    from reconciler.cli.command_runner import run

    return run(command, args)
