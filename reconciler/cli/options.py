"""The parser of the command line, and the options that commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

Subparsers = Any  # argparse keeps the class of its sub-parsers to itself


class Parser(argparse.ArgumentParser):
    """A wrong command line is exit 1: 2 means that changes are pending."""

    def error(self, message: str) -> NoReturn:
        """Usage and message, then the end."""
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


def common_options(*formats: str) -> argparse.ArgumentParser:
    """What every command takes; its own formats where they are others."""
    common = Parser(add_help=False)
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


def pace_options() -> argparse.ArgumentParser:
    """How fast the remote systems may be asked."""
    pace = Parser(add_help=False)
    pace.add_argument(
        "--max-rps",
        type=_rate,
        metavar="N",
        help="requests per second to each provider at most (default: as many as it bears)",
    )
    return pace


def add_command(
    commands: Subparsers, name: str, words: str, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """A command, with what it says of itself."""
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=words, description=words.capitalize(), parents=list(parents)
    )
    return made


def spec_arguments(
    command: argparse.ArgumentParser, words: str = "spec files, or directories of them"
) -> None:
    """The specs that a command is about."""
    command.add_argument("specs", nargs="*", metavar="SPEC", help=f"{words} (default: specs/)")
    recursive_option(command)


def recursive_option(command: argparse.ArgumentParser) -> None:
    """Whether folders below count."""
    command.add_argument("--recursive", action="store_true", help="look into the folders below, too")


def policy_option(command: argparse.ArgumentParser) -> None:
    """Rules that hold besides the specs' own."""
    command.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="FILE",
        help="rules for every stack of the run, besides RECONCILE_POLICY and their own",
    )


def narrowing_options(command: argparse.ArgumentParser, *, refresh: bool = True) -> None:
    """Which part of a stack, and how closely it is looked at."""
    command.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="ADDR",
        help="only this resource and what it depends on",
    )
    command.add_argument(
        "--replace", action="append", default=[], metavar="ADDR", help="replace this resource on demand"
    )
    if refresh:
        command.add_argument(
            "--refresh",
            choices=["everyday", "full"],
            default="everyday",
            help="full lists the secrets of every service principal, also where the ledger is sure of them",
        )


def parallelism_option(command: argparse.ArgumentParser) -> None:
    """How many calls at one time."""
    command.add_argument(
        "--parallelism",
        type=positive,
        default=8,
        metavar="N",
        help="calls under way at one time (default: 8)",
    )


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return rate


def positive(text: str) -> int:
    """A whole number of 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
