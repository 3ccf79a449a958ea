"""The reference of a command, out of its own help: every command with its arguments and options, and the exit codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from .ending import MEANINGS

VARIABLES = (
    ("PORTSIDE_URL, PORTSIDE_TOKEN", "Server and API token, in place of a context: for builds."),
    ("PORTSIDE_PROJECT, PORTSIDE_CONTEXT", "What `--project` and `--context` name otherwise."),
    ("PORTSIDE_CONFIG", "The file of contexts; `contexts.json` in the user's configuration folder unless set."),
    ("REQUESTS_CA_BUNDLE", "A file with authorities to trust, as `login --certificate` names one."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The way out, where it leads through a proxy."),
    ("NO_COLOR", "No colours. There are none either where the output is not a terminal."),
    ("PAGER, EDITOR", "For long output on a terminal, and for `pipelines edit`."),
    ("PORTSIDE_DEBUG", "A fault of the command shows where it happened."),
)
_HEAD = """\
# The command `portside`

A client of the [REST API](rest-api/openapi.json), for people and for builds. `make install` puts it on the path,
Portside's image has it, and `pipx install ./cli/portside` installs it alone, without `system` and `demo`.
[From a build](../how-to/run-from-a-build.md) and [definitions as files](../how-to/apply-files.md) use it.

Results go to standard output, everything else to standard error. `-o table|wide|json|yaml|name` says how results are
printed: `json` and `yaml` as the API has them, `name` only what other commands take. Nothing is asked without a
terminal: what would ask names the option that answers ahead, and exits with 2. Generated: `make documents`.
"""


def page(root: click.Group) -> str:
    """The whole page, as Markdown."""
    codes = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    variables = [f"| {names} | {meaning} |" for names, meaning in VARIABLES]
    lines = [
        *(_HEAD, "## Exit codes", "", "| code | meaning |", "|---|---|", *codes, ""),
        *("## Environment", "", "| variable | meaning |", "|---|---|", *variables, ""),
    ]
    context = click.Context(root, info_name="portside")
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        lines += [f"## portside {name}", "", *_about(command, f"portside {name}", context)]
    return "\n".join(lines).rstrip() + "\n"


def _about(command: click.Command, path: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield from (f"    {usage}", "", *_text(command.help), "")
    records = [record for option in command.params if (record := option.get_help_record(context))]
    records = [(names, text) for names, text in records if names.startswith("-")]
    if records:
        yield from ("| option | |", "|---|---|")
        yield from (f"| `{names.replace('|', chr(92) + '|')}` | {_cell(text)} |" for names, text in records)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            nested = command.get_command(context, name)
            assert nested is not None
            yield from (f"### {path} {name}", "")
            yield from _about(nested, f"{path} {name}", context)


def _text(help_text: str | None) -> list[str]:
    """Paragraphs; one that must keep its lines (click marks it) becomes a block."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(help_text or "").split("\n\n"):
        if paragraph.startswith("\b\n"):
            lines += [f"    {line}" for line in paragraph.splitlines()[1:]]
        else:
            lines.append(" ".join(paragraph.split()))
        lines.append("")
    return lines[:-1]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
