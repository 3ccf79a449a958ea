"""Custom integrations as their authors write them: YAML with the code, its language, its inputs and its outputs.

The form is Code Stream's: `runtime`, `code`, `inputProperties` and `outputProperties`; `image` is ours and names the
container image where the pipeline's workspace should not decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.problems import Flaw

from .documents import Located, load_yaml
from .malformed import Malformed

RUNTIMES = ("shell", "python3", "python2", "nodejs")
MAX_NAME = 100
MAX_PROPERTIES = 200


@dataclass(frozen=True, slots=True)
class IntegrationProperty:
    """An input or an output."""

    name: str
    type: str = "text"
    title: str = ""
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class IntegrationCode:
    """What runs, with what it takes and gives."""

    runtime: str
    code: str
    image: str = ""
    inputs: tuple[IntegrationProperty, ...] = ()
    outputs: tuple[IntegrationProperty, ...] = ()

    def fill(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A value for each input: the given one, else the default, else none."""
        return {it.name: values[it.name] if values.get(it.name) not in (None, "") else it.default for it in self.inputs}

    def lacking(self, values: Mapping[str, Any]) -> list[str]:
        """Required inputs without a value."""
        filled = self.fill(values)
        return [it.name for it in self.inputs if it.required and filled[it.name] in (None, "")]

    def unknown(self, values: Mapping[str, Any]) -> list[str]:
        """Given inputs that it does not have."""
        return sorted(set(values) - {it.name for it in self.inputs})


def read_integration(text: str) -> IntegrationCode:
    """The integration in a YAML text; raises `Malformed` with every place that is wrong."""
    documents = load_yaml(text)
    if len(documents) != 1:
        raise Malformed([Flaw(message=f"one YAML document is expected, and there are {len(documents)}")])
    located = documents[0]
    flaws = list(_flaws(located))
    if flaws:
        raise Malformed(flaws)
    tree = located.tree
    return IntegrationCode(
        runtime=str(tree["runtime"]).strip(),
        code=str(tree["code"]),
        image=str(tree.get("image") or "").strip(),
        inputs=tuple(_property(item) for item in tree.get("inputProperties") or ()),
        outputs=tuple(_property(item) for item in tree.get("outputProperties") or ()),
    )


def _property(item: Mapping[str, Any]) -> IntegrationProperty:
    return IntegrationProperty(
        name=str(item["name"]),
        type=str(item.get("type") or "text"),
        title=str(item.get("title") or ""),
        required=str(item.get("required", "")).lower() == "true",
        default=item.get("defaultValue"),
    )


def _flaws(located: Located) -> Iterator[Flaw]:
    tree = located.tree
    runtime = str(tree.get("runtime") or "").strip()
    if runtime not in RUNTIMES:
        yield _flaw(located, ("runtime",), f"runtime must be one of {', '.join(RUNTIMES)}, not {runtime[:50]!r}")
    if not isinstance(tree.get("code"), str) or not tree["code"].strip():
        yield _flaw(located, ("code",), "code is required: the text to run")
    for key in ("inputProperties", "outputProperties"):
        yield from _property_flaws(located, key)


def _property_flaws(located: Located, key: str) -> Iterator[Flaw]:
    items = located.tree.get(key) or []
    if not isinstance(items, list):
        yield _flaw(located, (key,), f"{key} must be a list")
        return
    if len(items) > MAX_PROPERTIES:
        yield _flaw(located, (key,), f"{key} has {len(items)} entries; {MAX_PROPERTIES} at most")
        return
    names: set[str] = set()
    for index, item in enumerate(items):
        name = str(item.get("name") or "") if isinstance(item, Mapping) else ""
        if not name or len(name) > MAX_NAME or any(ord(char) < 32 for char in name):
            yield _flaw(
                located, (key, index), f"{key}[{index}] needs a name of one line and {MAX_NAME} characters at most"
            )
        elif name in names:
            yield _flaw(located, (key, index), f"{key}[{index}] has the name of another: {name}")
        names.add(name)


def _flaw(located: Located, path: tuple[str | int, ...], message: str) -> Flaw:
    line, column = located.position(path)
    return Flaw(message=message, path=".".join(map(str, path)), line=line, column=column)
