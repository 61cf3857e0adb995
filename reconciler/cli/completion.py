"""`reconcile completion`: scripts for shells, and the words that they ask for.

The scripts hand over the words of the line and take one candidate per line; no candidate is ever evaluated.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence

from reconciler.cli.command_line import command_names, command_parts
from reconciler.cli.console import Console

SHELLS = ("bash", "zsh", "fish")

_BASH = """\
# source <(reconcile completion bash)
_reconcile() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(reconcile completion suggest -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _reconcile reconcile
"""
_ZSH = """\
#compdef reconcile
# source <(reconcile completion zsh)
_reconcile() {
    local -a found
    found=("${(@f)$(reconcile completion suggest -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    found=("${(@)found:#}")
    if (( ${#found} )); then
        compadd -- "${(@)found}"
    else
        _files
    fi
}
compdef _reconcile reconcile
"""
_FISH = """\
# reconcile completion fish | source
function __reconcile_suggest
    set -l words (commandline -opc) (commandline -ct)
    reconcile completion suggest -- $words[2..-1] 2>/dev/null
end
complete -c reconcile -a '(__reconcile_suggest)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_OF_ADDRESSES = ("--target", "--replace")


def run(args: argparse.Namespace, console: Console) -> int:
    """Prints a script, or the candidates for the last of the words."""
    if args.shell in _SCRIPTS:
        console.result(_SCRIPTS[args.shell])
    else:
        console.result("".join(f"{word}\n" for word in suggest(args.words)))
    return 0


def suggest(words: Sequence[str]) -> list[str]:
    """Candidates for the last word; none where a file is meant, which shells complete themselves."""
    *before, current = words or [""]
    if not before:
        return _fitting([*command_names(), "--help", "--version"], current)
    parser, rest = _parser(before)
    if parser is None:
        return _fitting(rest, current)
    options = {name: action for action in parser._actions for name in action.option_strings}
    taken = options.get(before[-1])
    if taken is not None and taken.nargs != 0:
        if before[-1] in _OF_ADDRESSES:
            return _fitting(_addresses(rest), current)
        return _fitting(map(str, taken.choices or ()), current)
    if current.startswith("-"):
        return _fitting(options, current)
    return _fitting(_positional(parser, rest), current)


def _parser(before: Sequence[str]) -> tuple[argparse.ArgumentParser | None, list[str]]:
    """The parser that the words lead to with the words after it, or None with the verbs to choose from."""
    command = before[0]
    if command not in command_names():
        return None, []
    parts = command_parts(command)
    if command in parts:
        return parts[command], list(before[1:])
    verb = f"{command} {before[1]}" if len(before) > 1 else ""
    if verb in parts:
        return parts[verb], list(before[2:])
    return None, [name.split(" ")[1] for name in parts] if len(before) == 1 else []


def _positional(parser: argparse.ArgumentParser, rest: Sequence[str]) -> Iterable[str]:
    given = [word for word in rest if not word.startswith("-")]
    places = [action for action in parser._actions if not action.option_strings]
    place = places[min(len(given), len(places) - 1)] if places else None
    if place is None:
        return ()
    if place.dest in ("address", "source", "target"):
        return _addresses(())
    if place.dest == "topic":
        from reconciler import explaining

        return [*command_names(), *explaining.kinds(), *explaining.codes()]
    return SHELLS if place.dest == "shell" else map(str, place.choices or ())


def _addresses(words: Sequence[str]) -> list[str]:
    """The addresses of the spec on the line, else of specs/; none of a broken one."""
    from reconciler import specs
    from reconciler.errors import ReconcileError
    from reconciler.providers import KINDS

    named = [word for word in words if os.path.exists(word)]  # noqa: PTH110 - a word, not a path yet
    try:
        stacks = specs.load_all(named or ["specs/"], KINDS, environment=os.environ, strict=False)
    except (ReconcileError, OSError):
        return []
    return sorted(str(address) for stack in stacks for address in stack.resources)


def _fitting(words: Iterable[str], current: str) -> list[str]:
    return [word for word in words if word.startswith(current)]
