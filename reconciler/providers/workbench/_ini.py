"""INI files changed key by key: comments, other sections, unknown keys and line ends stay."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*$")
_PAIR = re.compile(r"\s*([^\s=#;\[][^=]*?)\s*=\s*(.*?)\s*$")
_COMMENTS = ("#", ";")


class IniError(ValueError):
    """A text isn't INI; says where, and shows nothing of it: a secret may stand there."""


@dataclass(frozen=True)
class Line:
    """One line, as it is written.

    Attributes:
        header: the name of the section that it begins.
        key, value: of a setting.
        section: the one that it stands in.
    """

    text: str
    header: str = ""
    key: str = ""
    value: str = ""
    section: str = ""

    @property
    def is_apart(self) -> bool:
        """Whether it is blank, or a comment."""
        return not self.header and not self.key


@dataclass(frozen=True)
class Ini:
    """A file's lines."""

    lines: tuple[Line, ...] = ()

    @classmethod
    def of(cls, text: str) -> Ini:
        """What a text says.

        Raises:
            IniError: it isn't INI, or says one thing twice.
        """
        lines: list[Line] = []
        section, seen = "", set[tuple[str, str]]()
        for number, written in enumerate(text.splitlines(keepends=True), 1):
            bare = written.strip().lstrip("\ufeff")
            header, pair = _HEADER.match(bare), _PAIR.match(bare)
            if not bare or bare.startswith(_COMMENTS):
                line = Line(written, section=section)
            elif header:
                section = header[1].strip()
                line = Line(written, header=section, section=section)
            elif pair and section:
                line = Line(written, key=pair[1], value=pair[2], section=section)
            else:
                raise IniError(f"line {number} is neither a section nor a setting in one")
            if not line.is_apart and (line.section, line.key) in seen:
                raise IniError(f"line {number} says again what stands above")
            seen |= set() if line.is_apart else {(line.section, line.key)}
            lines.append(line)
        return cls(tuple(lines))

    @property
    def text(self) -> str:
        """The file."""
        return "".join(line.text for line in self.lines)

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of its sections, in their order."""
        return tuple(line.header for line in self.lines if line.header)

    def section(self, name: str) -> Mapping[str, str]:
        """The settings of one section."""
        return {line.key: line.value for line in self.lines if line.section == name and line.key}

    def with_section(self, name: str, settings: Mapping[str, str | None]) -> Ini:
        """The file with these settings in a section, which is made if there is none; None takes one out."""
        if name not in self.sections:
            blank = [Line(self._end)] if self.lines and self.lines[-1].text.strip() else []
            made = Ini((*self._ended, *blank, Line(f"[{name}]{self._end}", header=name, section=name)))
            return made.with_section(name, settings)
        there, kept = self.section(name), list[Line]()
        for line in self._ended:
            is_ours = line.section == name and line.key in settings
            if not is_ours or line.value == settings[line.key]:
                kept.append(line)
            elif settings[line.key] is not None:
                kept.append(self._pair(name, line.key, settings[line.key] or ""))
        last = max(n for n, line in enumerate(kept) if line.section == name and not line.is_apart)
        new = [self._pair(name, k, v) for k, v in settings.items() if v is not None and k not in there]
        return Ini((*kept[: last + 1], *new, *kept[last + 1 :]))

    def without_section(self, name: str) -> Ini:
        """The file without a section; the comments just above the next one are the next one's."""
        own = [number for number, line in enumerate(self.lines) if line.section == name]
        if not own:
            return self
        last = max(number for number in own if not self.lines[number].is_apart)
        after = self.lines[last + 1 :]
        if last + 1 + sum(1 for _ in takewhile(lambda line: line.section == name, after)) < len(self.lines):
            after = tuple(_without_blanks(after))
        return Ini((*self.lines[: own[0]], *after))

    @property
    def _end(self) -> str:
        first = self.lines[0].text if self.lines else "\n"
        return "\r\n" if first.endswith("\r\n") else "\n"

    @property
    def _ended(self) -> tuple[Line, ...]:
        """The lines, each with its end."""
        if not self.lines or self.lines[-1].text.endswith("\n"):
            return self.lines
        return (*self.lines[:-1], replace(self.lines[-1], text=self.lines[-1].text + self._end))

    def _pair(self, section: str, key: str, value: str) -> Line:
        return Line(f"{key} = {value}{self._end}", key=key, value=value, section=section)


def _without_blanks(lines: tuple[Line, ...]) -> list[Line]:
    """Lines without the blank ones at their beginning."""
    blank = sum(1 for _ in takewhile(lambda line: not line.text.strip(), lines))
    return list(lines[blank:])
