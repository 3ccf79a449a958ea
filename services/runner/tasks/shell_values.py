"""Putting values into shell scripts: a reference becomes a shell variable, which the shell does not parse again. Pure.

A `ShellFiller` reads the author's script as a shell does, as far as it takes to know in which quotes each reference is.
Where no variable is expanded, as in single quotes, or where its value would be parsed again, as in arithmetic, the
value itself is put in if it has harmless characters only, and is refused by name if not. A script that is read wrongly
therefore prints a variable's name or is refused, but runs nothing of a value. ADR 0012 says why.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json
from shared.grammar.expressions import TOKEN, parse_steps
from shared.grammar.resolving import Scope, as_text, token_value

Token = re.Match[str]
ValueOf = Callable[[Token], Any]

VALUES = "values"
"""The input of a task in which the variables of its script are."""
HARMLESS = re.compile(r"[A-Za-z0-9._:/@+-]*")
"""What a value may have where no variable can be."""
_VARIABLE = re.compile(r"portside_\w+", re.ASCII)
_INTERPRETER = re.compile(r"#!\s*(?:\S*/env\s+(?:-\S+\s+)*)?(?P<program>\S+)")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"})
_MARK = "\ue000"
_WORD = re.compile(f"{_MARK}[0-9]+{_MARK}")

CODE, DOUBLE, HERE, SINGLE, LITERAL, NESTED = "code", "double", "here", "single", "literal", "nested"
"""What a place in a script is: commands, in double quotes, in a here-document, in '…', in $'…', in ${…} or $((…))."""

_START = r"(?<![^\s;&|(])"
"""Where a word begins."""
_SUBSTITUTIONS = r"(?P<arithmetic>\$\(\()|(?P<bracket>\$\[)|(?P<brace>\$\{)|(?P<command>\$\()|(?P<backtick>`)"
_PATTERNS = {
    CODE: re.compile(
        rf"\\(?P<escaped>[^{_MARK}])|(?P<word>{_WORD.pattern})|(?P<ansi>\$')|(?P<single>')|(?P<double>\$?\")|"
        rf"{_SUBSTITUTIONS}|(?P<sum>{_START}\(\()|(?P<open>\()|(?P<close>\))|<<<|(?P<here><<-?)|(?P<line>\n)|"
        rf"(?P<comment>(?<![^\s;&|()`])#[^\n]*)|(?P<case>{_START}case(?=\s))|(?P<esac>{_START}esac(?![\w-]))",
        re.DOTALL,
    ),
    DOUBLE: re.compile(rf"\\(?P<escaped>[^{_MARK}])|(?P<word>{_WORD.pattern})|(?P<end>\")|{_SUBSTITUTIONS}", re.DOTALL),
    HERE: re.compile(rf"\\(?P<escaped>[^{_MARK}])|(?P<word>{_WORD.pattern})|{_SUBSTITUTIONS}", re.DOTALL),
    SINGLE: re.compile(rf"(?P<word>{_WORD.pattern})|(?P<end>')"),
    LITERAL: re.compile(rf"\\(?P<escaped>[^{_MARK}])|(?P<word>{_WORD.pattern})|(?P<end>')", re.DOTALL),
    NESTED: re.compile(
        rf"\\(?P<escaped>[^{_MARK}])|(?P<word>{_WORD.pattern})|(?P<deeper>[(\[{{])|(?P<end>[)\]}}])", re.DOTALL
    ),
}
_DELIMITER = re.compile(r"[ \t]*(?P<word>(?:\\.|'[^'\n]*'|\"[^\"\n]*\"|[^\s;&|<>()'\"\\])+)")
_IN_TEST = r"(?:(?!\]\])[^\n]){0,500}"
_COMPARES = re.compile(rf"{_START}\[\[(?=\s){_IN_TEST}?\s-(?:eq|ne|lt|le|gt|ge|v)\s{_IN_TEST}\]\]")
"""Bash calculates the operands, and runs what is in their subscripts."""
_CALCULATES = re.compile(rf"{_START}let\s[^\n;]*")
_NAME_BEFORE = re.compile(r"(?:\b(?:for|select|function)[ \t]+\w*|(?:^|[\s;&|(])\w*|\{\w*|\{\w*\.\.\w*|(?:^|\s)~\w*)\Z")
_NAME_AFTER = re.compile(r"\w*\+?=|\w*[ \t]*\(\)|\w*[ \t]+in\b|\w*\.\.|\w*\}")
_OTHER_SHELL = r"(?:ba|da|a|k|mk|z)?sh"
_READ_AGAIN = re.compile(
    rf"(?:^|[\s;&|(`/])(?:(?:eval|ssh)\s[^\n;&|]*|(?:{_OTHER_SHELL}|su)\s[^\n;&|]*-\w*c\s+[^\s'\"]*)\Z"
)
"""A command whose next argument another shell reads."""
_READS_LINES = re.compile(rf"(?:^|[\s;&|(`/])(?:ssh|su|{_OTHER_SHELL})\b[^\n;&|]*\Z")
"""A command that takes a here-document for a script."""
_SUBSCRIPT = re.compile(r"\w\[[^\s\]]*\Z")


@dataclass
class _Frame:
    """Something that has been opened; code within parentheses, or one kind of quotes."""

    context: str
    closer: str = ""
    """What ends code: `)` or a backtick."""
    depth: int = 0
    cases: int = 0
    """`case` without its `esac`: a `)` there ends a pattern."""
    is_read_again: bool = False
    """Whether another shell reads what is in it."""


@dataclass(frozen=True)
class _Document:
    """A here-document, by what its operator says."""

    delimiter: str
    drops_tabs: bool
    is_quoted: bool
    is_read_again: bool

    def is_ended_by(self, line: str) -> bool:
        line = line.rstrip("\r\n")
        return (line.lstrip("\t") if self.drops_tabs else line) == self.delimiter

    def end_in(self, text: str, at: int) -> tuple[int, int]:
        """Where the line that ends it begins and ends; without one, the end of the text."""
        while at < len(text):
            line_end = text.find("\n", at) + 1 or len(text)
            if self.is_ended_by(text[at:line_end]):
                return at, line_end
            at = line_end
        return at, at


@dataclass
class ShellFiller:
    """Fills in the steps of one shell, one after the other; `variables` are what they need at their beginning."""

    value_of: ValueOf
    variables: dict[str, str] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _is_lost: bool = False
    """A step ended within quotes: what follows it cannot be followed."""

    def fill(self, script: str, place: str) -> str:
        """The script with its references replaced. Raises `TaskFailed` for a value that can be written nowhere.

        A script that is one reference to a variable of the project alone is what that variable holds.
        """
        lone = TOKEN.fullmatch(script.strip())
        if lone is not None and parse_steps(lone["name"] or "")[:1] == ("var",):
            return as_text(self.value_of(lone))
        if lone is not None and lone["name"] is not None and isinstance(self.value_of(lone), list | dict):
            raise TaskFailed(
                f"`{place}` is the list or map {lone[0]}; write commands, with a reference for each value."
            )
        if not TOKEN.search(script):
            reading = _Reading(self, place, [])
            reading.filled(script)
            self._is_lost = self._is_lost or reading.is_open
            return script
        if _MARK in script:
            raise TaskFailed(f"`{place}` has the character U+E000, which is kept for references.")
        self._is_lost = self._is_lost or not _is_shell(script)
        reading = _Reading(self, place, list(TOKEN.finditer(script)))
        indexes = iter(range(len(reading.tokens)))
        text = reading.filled(TOKEN.sub(lambda _: f"{_MARK}{next(indexes)}{_MARK}", script))
        self._is_lost = self._is_lost or reading.is_open
        return text

    def replaced(self, token: Token, place: str, *, where: str = "", is_name: bool = False) -> str:
        """What stands in for one reference; `where` says why it cannot be a variable."""
        if token["name"] is None:
            return f"${{{token['literal']}}}"
        text = as_text(self.value_of(token))
        if text == token[0]:
            return text
        if "\0" in text:
            raise TaskFailed(f"`{place}`: the value of {token[0]} has a NUL, which no shell can hold.")
        where = "in a script that is not a shell's, or behind quotes that do not end" if self._is_lost else where
        if where and not HARMLESS.fullmatch(text):
            raise TaskFailed(
                f"`{place}`: {token[0]} is {where}, where no shell variable can be, and its value has other characters "
                "than letters, digits and . _ : / @ + -. Put it into double quotes or hand it over as an argument."
            )
        if where or (is_name and re.fullmatch(r"\w+", text, re.ASCII)):
            return text
        return f"${{{self._variable(token, text)}}}"

    def _variable(self, token: Token, text: str) -> str:
        reference = token["name"].strip()
        name = self._names.get(reference)
        if name is None:
            name = base = "portside_" + re.sub(r"\W+", "_", reference, flags=re.ASCII).strip("_")
            while name in self.variables:
                name = f"{base}_{len(self.variables)}"
            self._names[reference] = name
            self.variables[name] = text
        return name


@dataclass
class _Reading:
    """One script, read from its beginning to its end."""

    filler: ShellFiller
    place: str
    tokens: list[Token]
    _frames: list[_Frame] = field(default_factory=lambda: [_Frame(CODE)])
    _awaited: list[_Document] = field(default_factory=list)
    """Here-documents that begin on the next line."""

    @property
    def is_open(self) -> bool:
        """Whether it ended within quotes or before its here-document."""
        return bool(self._awaited) or any(frame.context != CODE for frame in self._frames)

    def filled(self, text: str) -> str:
        """The text with its words replaced."""
        recalculated = [match.span() for pattern in (_COMPARES, _CALCULATES) for match in pattern.finditer(text)]
        pieces, at = [], 0
        while match := _PATTERNS[self._frames[-1].context].search(text, at):
            pieces.append(text[at : match.start()])
            at = match.end()
            kind = match.lastgroup or ""
            if kind == "word":
                again = any(start <= match.start() < end for start, end in recalculated)
                pieces.append(self._word(match, text, again))
            elif kind == "comment":
                pieces.append(self._restored(match[0]))
            elif kind == "here":
                pieces.append(match[0])
                at = self._await(text, at)
                pieces.append(text[match.end() : at])
            elif kind == "line" and self._awaited:
                pieces.append(match[0])
                documents, at = self._here_documents(text, at)
                pieces.append(documents)
            else:
                pieces.append(match[0])
                self._turn(kind, _before(text, match.start()))
        return "".join((*pieces, text[at:]))

    def _turn(self, kind: str, before: str) -> None:
        """What a sign opens or ends."""
        frame = self._frames[-1]
        if kind == "backtick" and frame.closer == "`":
            self._frames.pop()
        elif kind in _OPENED:
            context, closer, depth = _OPENED[kind]
            again = kind == "double" and frame.context == CODE and _READ_AGAIN.search(before) is not None
            self._frames.append(_Frame(context, closer, depth, is_read_again=again))
        elif kind == "deeper":
            frame.depth += 1
        elif kind == "end" and frame.depth:
            frame.depth -= 1
        elif kind == "end" or (kind == "close" and frame.closer == ")" and not frame.cases):
            self._frames.pop()
        elif kind in ("case", "esac"):
            frame.cases = max(0, frame.cases + (1 if kind == "case" else -1))

    def _word(self, match: re.Match[str], text: str, is_calculated: bool) -> str:
        before, after = _before(text, match.start()), text[match.end() : match.end() + _SEEN]
        context = self._frames[-1].context
        is_code = context == CODE
        reasons = {
            "in single quotes": context in (SINGLE, LITERAL),
            "behind a backslash": (len(before) - len(before.rstrip("\\"))) % 2 == 1,
            "in a calculation or an expansion": is_calculated
            or any(frame.context == NESTED for frame in self._frames)
            or (is_code and _SUBSCRIPT.search(before) is not None),
            "in what another shell reads": any(frame.is_read_again for frame in self._frames)
            or (is_code and _READ_AGAIN.search(before) is not None),
        }
        where = next((where for where, holds in reasons.items() if holds), "")
        is_name = is_code and bool(_NAME_BEFORE.search(before) and _NAME_AFTER.match(after))
        return self._replaced(match, where=where, is_name=is_name)

    def _replaced(self, match: re.Match[str], *, where: str, is_name: bool = False) -> str:
        token = self.tokens[int(match[0].strip(_MARK))]
        return self.filler.replaced(token, self.place, where=where, is_name=is_name)

    def _restored(self, text: str) -> str:
        return _WORD.sub(lambda match: self.tokens[int(match[0].strip(_MARK))][0], text)

    def _await(self, text: str, at: int) -> int:
        """Note the here-document whose operator ends at a place; answers where its delimiter ends."""
        match = _DELIMITER.match(text, at)
        if match is None:
            return at
        if _MARK in match["word"]:
            raise TaskFailed(f"`{self.place}`: a here-document cannot be ended by a reference; write its end out.")
        self._awaited.append(
            _Document(
                delimiter=re.sub(r"\\(.)|['\"]", r"\1", match["word"]),
                drops_tabs=text[at - 1] == "-",
                is_quoted=any(sign in match["word"] for sign in "'\"\\"),
                is_read_again=_READS_LINES.search(_before(text, at).removesuffix("-").removesuffix("<<")) is not None,
            )
        )
        return match.end()

    def _here_documents(self, text: str, at: int) -> tuple[str, int]:
        """The here-documents that begin at a place, with the lines that end them, and where that is."""
        pieces = []
        awaited, self._awaited = self._awaited, []
        for document in awaited:
            body_end, end = document.end_in(text, at)
            body = self._document_filled(document, text[at:body_end])
            if any(document.is_ended_by(line) for line in body.split("\n")):
                raise TaskFailed(
                    f"`{self.place}`: a value is {document.delimiter}, which would end the here-document it is in."
                )
            pieces.append(body + text[body_end:end])
            at = end
        return "".join(pieces), at

    def _document_filled(self, document: _Document, body: str) -> str:
        if document.is_quoted:
            return _WORD.sub(lambda match: self._replaced(match, where="in a quoted here-document"), body)
        frames = self._frames
        self._frames = [*frames, _Frame(HERE, is_read_again=document.is_read_again)]
        filled = self.filled(body)
        self._frames = frames
        return filled


_OPENED = {
    "single": (SINGLE, "", 0),
    "ansi": (LITERAL, "", 0),
    "double": (DOUBLE, "", 0),
    "backtick": (CODE, "`", 0),
    "command": (CODE, ")", 0),
    "open": (CODE, ")", 0),
    "sum": (NESTED, "", 1),
    "arithmetic": (NESTED, "", 1),
    "bracket": (NESTED, "", 0),
    "brace": (NESTED, "", 0),
}
"""Context, closer and depth of the frame that a sign opens."""
_SEEN = 200
"""Characters around a reference that tell what it is."""


def _before(text: str, at: int) -> str:
    return text[max(0, at - _SEEN) : at]


def _is_shell(script: str) -> bool:
    """Whether a shell of the Bourne kind runs it."""
    match = _INTERPRETER.match(script)
    return match is None or match["program"].rpartition("/")[2] in _SHELLS


def fill_shell(fields: Mapping[str, Any], scope: Scope) -> Json:
    """Fields of a task's input that are shell, by name, with `values`: the variables that they need.

    Raises `TaskFailed` and `Unresolved`.
    """
    filled: Json = {}
    filler = ShellFiller(lambda token: token_value(token, scope))
    for name, value in fields.items():
        filler.value_of = partial(token_value, scope=scope, place=f"input.{name}")
        if isinstance(value, str):
            filled[name] = filler.fill(value, name)
        elif isinstance(value, list):
            filled[name] = [filler.fill(str(step), f"{name}[{index}]") for index, step in enumerate(value)]
    return {**filled, VALUES: filler.variables} if filler.variables else filled


def with_variables(script: str, variables: Mapping[str, Any]) -> str:
    """The script with its variables set before its first command, behind the line that names its interpreter."""
    lines = [f"{name}={shlex.quote(str(value))}" for name, value in variables.items() if _VARIABLE.fullmatch(str(name))]
    if not lines:
        return script
    first, line_end, rest = script.partition("\n") if script.startswith("#!") else ("", "", script)
    return "\n".join([*([first] if first else []), *lines, rest if line_end or not first else ""])


def shown(text: str, variables: Mapping[str, Any]) -> str:
    """The text with values in place of their variables, for people."""
    return re.sub(r"\$\{(portside_\w+)\}", lambda match: str(variables.get(match[1], match[0])), text)
