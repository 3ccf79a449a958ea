"""How a build starts a pipeline and waits for its end: as a shell script, a GitHub Actions step, a GitLab job. Pure.

The API token is only ever named. `curl` and `jq` are all that a build needs; values travel through `jq`, so that no
quote in one can break the call.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from textwrap import indent
from typing import Any
from urllib.parse import quote

from shared.contracts.base import Json
from shared.grammar.inputs import blank

TOKEN_VARIABLE = "PORTSIDE_TOKEN"
_SCRIPT = """\
set -eu
base={base}
bearer=$(jq -n --arg t "$PORTSIDE_TOKEN" '{{refreshToken: $t}}' |
  curl -fsS "$base/iaas/api/login" -H 'Content-Type: application/json' -d @- | jq -r .token)
: "${{bearer:?signing in failed}}"
link=$(jq -n{arguments} '{{comments: "started by a build", input: $ARGS.named}}' |
  curl -fsS "$base"{path} \\
    -H "Authorization: Bearer $bearer" -H 'Content-Type: application/json' -d @- | jq -r .executionLink)
: "${{link:?the pipeline was not started}}"
echo "$base/executions/${{link##*/}}"
while :; do
  run=$(curl -fsS --retry 5 --retry-connrefused "$base$link" -H "Authorization: Bearer $bearer")
  case $(printf %s "$run" | jq -r .status) in
    COMPLETED) exit 0 ;;
    FAILED | CANCELED) printf %s "$run" | jq -r .statusMessage >&2; exit 1 ;;
  esac
  sleep 2
done
"""


def snippets(pipeline: Mapping[str, Any], public_url: str) -> Json:
    """All three, and the variables that they read."""
    input_names = must_be_given(pipeline)
    variables = {name: variable(name) for name in input_names}
    text = script(pipeline, public_url, variables)
    return {
        "tokenVariable": TOKEN_VARIABLE,
        "inputs": variables,
        "shell": text,
        "githubActions": _github(str(pipeline.get("name") or ""), text, variables.values()),
        "gitlab": _gitlab(str(pipeline.get("name") or ""), text, variables.values()),
    }


def must_be_given(pipeline: Mapping[str, Any]) -> list[str]:
    """Inputs that a run needs and that have no value of their own."""
    defaults, about = pipeline.get("input") or {}, pipeline.get("_inputMeta") or {}
    return [
        name
        for name, meta in about.items()
        if isinstance(meta, Mapping) and meta.get("mandatory") is True and blank(defaults.get(name))
    ]


def variable(name: str) -> str:
    """The environment variable that an input is read from."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII).upper()
    return plain if re.match(r"[A-Z_]", plain) else f"_{plain}"


def script(pipeline: Mapping[str, Any], public_url: str, variables: Mapping[str, str]) -> str:
    """The shell script; it ends with 0 when the run has completed, with 1 and the reason when it has not."""
    project, name = (quote(str(pipeline.get(key) or ""), safe="") for key in ("project", "name"))
    arguments = "".join(f' --arg {shlex.quote(input_name)} "${held}"' for input_name, held in variables.items())
    path = shlex.quote(f"/codestream/api/pipelines/{project}/{name}/executions")
    return _SCRIPT.format(base=shlex.quote(public_url.rstrip("/")), arguments=arguments, path=path)


def _github(name: str, text: str, variables: Iterable[str]) -> str:
    lines = "".join(f'    {held}: ""  # the value for this run\n' for held in variables)
    head = f"- name: {json.dumps(f'Run {name}', ensure_ascii=False)}\n  shell: bash\n  env:\n"
    token = f"    {TOKEN_VARIABLE}: ${{{{ secrets.{TOKEN_VARIABLE} }}}}\n"
    return f"{head}{token}{lines}  run: |\n{indent(text, '    ')}"


def _gitlab(name: str, text: str, variables: Iterable[str]) -> str:
    job = re.sub(r"\W+", "-", name.lower(), flags=re.ASCII).strip("-") or "pipeline"
    lines = "".join(f'    {held}: ""  # the value for this run\n' for held in variables)
    held = f"  variables:\n{lines}" if lines else ""
    return (
        f"# {TOKEN_VARIABLE} is a masked variable of the project: Settings, CI/CD, Variables.\n"
        f"run-{job}:\n  image: alpine:3\n{held}"
        "  before_script:\n  - apk add --no-cache curl jq\n"
        f"  script:\n  - |\n{indent(text, '    ')}"
    )
