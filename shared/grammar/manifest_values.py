"""Putting values into the text of a manifest after it is parsed, so that no value is read as YAML.

Each reference becomes a word that the text has nowhere else. The worded text is parsed; then each scalar with such a
word gets its values, and is written so that it is read back as just that. A plain scalar is typed as kubectl would type
the result, where that is one line; quoted and block scalars stay texts. ADR 0012 says why. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from shared.contracts.base import Json
from shared.contracts.problems import Flaw

from .dialects import MANIFESTS, PLAIN_TAG, PlainLoader, Unbuildable
from .expressions import TOKEN, parse_steps
from .malformed import Malformed
from .resolving import Missing, Scope, as_text, constant, fail, token_value
from .yaml_parser import compose, flaw_at, parse_yaml

Token = re.Match[str]
"""One `${…}` or `$${…}` in a text."""
ValueOf = Callable[[Token], Any]
_PARAMETER = re.compile(r"\$\$\{(?P<literal>[^{}]*)\}")
"""The parameter of a file from Git; `${…}` in there belongs to the file."""

_BYTE_ORDER_MARK = re.compile(r"(\A|^---[^\n]*\n)\ufeff", re.MULTILINE)
_PRIVATE_USE = range(0xE000, 0xF900)
_BREAK = re.compile("[\n\r\x85\u2028\u2029]")
_ALONE = re.compile(r"[ \t]*(?P<word>\S+)[ \t]*(?:#.*)?")
_SIMPLE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@+-]*[A-Za-z0-9])?")
"""A value that means itself wherever in a scalar it is, so that its author's own writing of the scalar is kept."""
_FOREIGN = re.compile(r"\$\{[A-Za-z_]\w*\}")
"""A shell's variable, which is itself in quotes and in blocks."""
_TO_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
YAML_FIELDS = ("yaml", "patch", "values", "patches", "images")
"""The inputs of a K8S task that are YAML."""
MEND = (
    "Write the fields out with a reference for each value, or give it a value that is a map or a list; of variables, "
    "`references: text` on the task puts the text in first."
)
_MAX_KEY = 1024
"""A longer key cannot be written on one line; Kubernetes has none."""


def without_byte_order_marks(text: str) -> str:
    """The text without the mark at the start of a document: each file that was joined may have brought one."""
    return _BYTE_ORDER_MARK.sub(r"\1", text)


def fill_manifest(
    text: str,
    value_of: ValueOf,
    *,
    tokens: re.Pattern[str] = TOKEN,
    is_yaml: Callable[[Token], bool] = lambda _: False,
) -> Any:
    """The text with values put in; `is_yaml` says of which tokens the value is itself to be read as YAML.

    A text that is one token alone becomes its value, whatever that is: a text is read as a manifest. Raises
    `Malformed`, and what `value_of` raises.
    """
    if not tokens.search(text):
        return text
    if lone := tokens.fullmatch(text.strip()):
        return value_of(lone)
    worded = _worded(without_byte_order_marks(text), value_of, tokens, is_yaml)
    try:
        compose(worded.text, MANIFESTS)
    except Malformed as error:
        raise _explained(worded, error) from None
    scalars = list(_scalars(worded))
    flaws = [_alone_flaw(worded, place) for place in _alone(worded, scalars) if _is_fields(worded.values[place.word])]
    edits = []
    for scalar in scalars:
        try:
            edits.append((scalar.start, scalar.end, scalar.render(worded)))
        except Unbuildable as error:
            flaws.append(flaw_at(scalar.token.start_mark, str(error), hint=error.hint))
    if flaws:
        raise Malformed(flaws)
    filled = worded.text
    for start, end, scalar_text in reversed(edits):
        filled = filled[:start] + scalar_text + filled[end:]
    return worded.restored(filled)


def fill_input(task_input: Mapping[str, Any], scope: Scope, missing: Missing = fail) -> Json:
    """The fields of a K8S task's input that are YAML, with values put in.

    With `references: text` the texts of variables are put in before the YAML is read; of nothing that a run brings.
    Raises `Malformed` and what `missing` raises.
    """
    as_yaml = str(task_input.get("references") or "").strip().lower() == "text"
    filled: Json = {}
    for field in YAML_FIELDS:
        if not isinstance(text := task_input.get(field), str) or not TOKEN.search(text):
            continue
        value = fill_manifest(
            text,
            partial(token_value, scope=scope, place=f"input.{field}", missing=missing),
            is_yaml=lambda token: as_yaml and _is_variable(token),
        )
        filled[field] = value if field != "yaml" or isinstance(value, str) else _as_text_of_documents(value)
    return filled


def fill_file(text: str, constants: Mapping[str, Any]) -> str:
    """A file from Git with its parameters; `${…}` stays as it is there. Raises `Malformed` and `Unresolved`."""
    value = fill_manifest(text, partial(constant, constants=constants), tokens=_PARAMETER)
    return value if isinstance(value, str) else _as_text_of_documents(value)


def _is_variable(token: Token) -> bool:
    return token["name"] is not None and parse_steps(token["name"])[:1] == ("var",)


def _as_text_of_documents(value: Any) -> str:
    return "\n---\n".join(_as_json(document) for document in (value if isinstance(value, list) else [value]))


def alone_on_their_lines(text: str) -> list[str]:
    """The references of a text that stand alone on a line as plain scalars: YAML text there stays one text."""
    if TOKEN.fullmatch(text.strip()):
        return []
    worded = _worded(without_byte_order_marks(text), lambda token: token[0], TOKEN, lambda _: False)
    try:
        compose(worded.text, MANIFESTS)
    except Malformed:
        places = list(_own_lines(worded))
    else:
        places = _alone(worded, _scalars(worded))
    tokens = [worded.tokens[place.word] for place in places]
    return [token[0] for token in tokens if token["name"] is not None]


@dataclass(frozen=True)
class _Worded:
    """A text with a word in place of each token."""

    text: str
    mark: str
    """The character that begins and ends each word, and that nothing else has, no value either."""
    tokens: Sequence[Token]
    values: Sequence[Any]

    @property
    def word(self) -> re.Pattern[str]:
        return re.compile(f"{self.mark}([0-9]+){self.mark}")

    def restored(self, text: str) -> str:
        """The text with its tokens as their author wrote them: where they are left, they mean nothing."""
        return self.word.sub(lambda word: self.tokens[int(word[1])][0], text)


def _worded(text: str, value_of: ValueOf, tokens: re.Pattern[str], is_yaml: Callable[[Token], bool]) -> _Worded:
    matches = list(tokens.finditer(text))
    values = [value_of(token) for token in matches]
    raw = {index: as_text(values[index]) for index, token in enumerate(matches) if is_yaml(token)}
    taken = set(text).union(*map(as_text, values))
    mark = next((chr(code) for code in _PRIVATE_USE if chr(code) not in taken), None)
    if mark is None:
        raise Malformed([Flaw(message="the text and its values have every character that is kept for private use")])
    indexes = iter(range(len(matches)))

    def put(token: Token) -> str:
        index = next(indexes)
        # As long as the token where that is possible, so that columns in messages are the author's.
        return raw.get(index, f"{mark}{index:0{max(len(token[0]) - 2, 1)}d}{mark}")

    return _Worded(tokens.sub(put, text), mark, matches, values)


@dataclass(frozen=True)
class _Scalar:
    """A scalar with words in it, as the scanner found it."""

    token: yaml.ScalarToken
    is_key: bool
    is_tagged: bool
    source: str
    """As written."""
    words: tuple[int, ...]
    lone: int | None
    """Its word, where it is plain and nothing else."""

    @property
    def start(self) -> int:
        return int(self.token.start_mark.index)

    @property
    def end(self) -> int:
        return int(self.token.end_mark.index)

    def render(self, worded: _Worded) -> str:
        """The scalar with its values, as YAML that is read back as just that. Raises `Unbuildable`."""
        texts = {word: as_text(worded.values[word]) for word in self.words}
        if all(self._is_itself(text) for text in texts.values()):
            return worded.word.sub(lambda word: texts[int(word[1])], self.source)
        value: Any = worded.word.sub(lambda word: texts[int(word[1])], str(self.token.value))
        if self.lone is not None and not self.is_key and isinstance(worded.values[self.lone], dict | list):
            value = worded.values[self.lone]
        elif self.token.plain and not self.is_tagged and not any(map(_BREAK.search, texts.values())):
            node = yaml.ScalarNode(PLAIN_TAG, value, self.token.start_mark, self.token.end_mark)
            value = MANIFESTS.key(node) if self.is_key else MANIFESTS.scalar(node)
        yaml_text = _as_json(value)
        if self.is_key and len(yaml_text) > _MAX_KEY:
            raise Unbuildable(f"a key of more than {_MAX_KEY} characters")
        # As many lines as before, so that later flaws have their author's lines.
        return yaml_text + "\n" * self.source.count("\n")

    def _is_itself(self, text: str) -> bool:
        return bool(_SIMPLE.fullmatch(text) or (not self.token.plain and _FOREIGN.fullmatch(text)))


def _scalars(worded: _Worded) -> Iterator[_Scalar]:
    is_key = is_tagged = False
    for token in yaml.scan(worded.text, Loader=PlainLoader):
        if isinstance(token, yaml.KeyToken):
            is_key, is_tagged = True, False
        elif isinstance(token, yaml.TagToken):
            is_tagged = True
        elif isinstance(token, yaml.ScalarToken):
            words = tuple(int(word) for word in worded.word.findall(token.value))
            if words:
                source = worded.text[token.start_mark.index : token.end_mark.index]
                whole = worded.word.fullmatch(token.value)
                lone = words[0] if whole and token.plain and not is_tagged else None
                yield _Scalar(token, is_key, is_tagged, source, words, lone)
            is_key = is_tagged = False
        elif not isinstance(token, yaml.AnchorToken):
            is_key = is_tagged = False


def _as_json(value: Any) -> str:
    """JSON that is YAML too: what YAML takes for a break or does not print is escaped."""
    return _TO_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def _explained(worded: _Worded, error: Malformed) -> Malformed:
    """Why the worded text cannot be read as YAML: where a value just before was YAML itself, because of that."""
    line, _ = error.place
    before = [place for place in _own_lines(worded) if place.line <= line and _is_fields(worded.values[place.word])]
    if before:
        return Malformed([_alone_flaw(worded, before[-1])])
    return Malformed([flaw.model_copy(update={"message": worded.restored(flaw.message)}) for flaw in error.flaws])


@dataclass(frozen=True)
class _OwnLine:
    """A word that has a line for itself; line and column are 1-based."""

    word: int
    line: int
    column: int


def _own_lines(worded: _Worded) -> Iterator[_OwnLine]:
    for line_number, line in enumerate(worded.text.split("\n"), start=1):
        match = _ALONE.fullmatch(line.rstrip("\r"))
        word = worded.word.fullmatch(match["word"]) if match else None
        if match and word:
            yield _OwnLine(int(word[1]), line_number, match.start("word") + 1)


def _alone(worded: _Worded, scalars: Iterable[_Scalar]) -> list[_OwnLine]:
    """The plain scalars that are one word alone, on a line for itself."""
    lone = {scalar.lone for scalar in scalars} - {None}
    return [place for place in _own_lines(worded) if place.word in lone]


def _is_fields(value: Any) -> bool:
    """Whether a text is YAML of a map or a list."""
    try:
        documents = parse_yaml(value, MANIFESTS) if isinstance(value, str) else []
    except Malformed:
        return False
    return any(isinstance(document, dict | list) for document in documents)


def _alone_flaw(worded: _Worded, place: _OwnLine) -> Flaw:
    reference = worded.tokens[place.word][0]
    return Flaw(
        message=f"{reference} has a line for itself and its value is YAML text; values are put in after the manifest "
        f"is read, so that no field can come from one. {MEND}",
        line=place.line,
        column=place.column,
    )
