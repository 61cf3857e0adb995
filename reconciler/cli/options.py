"""The parser of the command line, and the options that commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
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

    def flag(self, name: str, words: str) -> None:
        """An option that is there or isn't."""
        self.add_argument(name, action="store_true", help=words)

    def value(
        self, name: str, metavar: str, words: str, default: Any = None, of: Callable[[str], Any] = str
    ) -> None:
        """An option with a value; its help names the default."""
        told = f"{words} (default: {default})" if default else words
        self.add_argument(name, metavar=metavar, help=told, default=default, type=of)

    def several(self, name: str, metavar: str, words: str) -> None:
        """An option that may be given more than once."""
        self.add_argument(name, action="append", default=[], metavar=metavar, help=words)

    def specs(
        self,
        words: str = "spec files, or directories of them",
        default: str = "specs/",
        metavar: str = "SPEC",
    ) -> None:
        """The specs that a command is about, and whether folders below count."""
        self.add_argument("specs", nargs="*", metavar=metavar, help=f"{words} (default: {default})")
        self.flag("--recursive", "look into the folders below, too")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            known = "" if (close := _meant(str(value), choices)) else f": choose from {', '.join(choices)}"
            raise argparse.ArgumentError(action, f"there is no {value!r}{close or known}")


def _meant(word: str, choices: Iterable[str]) -> str:
    from difflib import get_close_matches  # for those who mistyped only

    close = get_close_matches(word.partition("=")[0].lower(), choices, n=1)
    return f": did you mean {close[0]}?" if close else ""


def common_options(*formats: str) -> Parser:
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


def pace_options() -> Parser:
    """How fast the remote systems may be asked."""
    pace = Parser(add_help=False)
    words = "requests per second to each provider at most (default: as many as it bears)"
    pace.value("--max-rps", "N", words, of=_rate)
    return pace


def add_command(commands: Subparsers, name: str, words: str, *parents: Parser) -> Parser:
    """A command, with what it says of itself."""
    made: Parser = commands.add_parser(
        name, help=words, description=words.capitalize(), parents=list(parents)
    )
    return made


def policy_option(command: Parser) -> None:
    """Rules that hold besides the specs' own."""
    command.several(
        "--policy", "FILE", "rules for every stack of the run, besides RECONCILE_POLICY and their own"
    )


def side_option(command: Parser, words: str) -> None:
    """One of both systems only."""
    command.add_argument("--side", choices=["databricks", "connect"], help=words)


def narrowing_options(command: Parser) -> None:
    """Which part of a stack."""
    command.several("--target", "ADDR", "only this resource and what it depends on")
    command.several("--replace", "ADDR", "replace this resource on demand")


def refresh_option(command: Parser) -> None:
    """How closely a stack is looked at."""
    words = "full lists the secrets of every service principal, also where the ledger is sure of them"
    command.add_argument("--refresh", choices=["everyday", "full"], default="everyday", help=words)


def parallelism_option(command: Parser) -> None:
    """How many calls at one time."""
    command.value("--parallelism", "N", "calls under way at one time", 8, positive)


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
