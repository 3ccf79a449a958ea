"""How a build runs a pipeline to its end: `portside run --wait` in a shell, GitHub Actions, GitLab or Jenkins.

Pure. The API token is only ever named. Values travel in quoted variables, so that no quote in one can break the call.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from textwrap import indent
from typing import Any

from shared.contracts.base import Json
from shared.grammar.inputs import blank

TOKEN_VARIABLE = "PORTSIDE_TOKEN"
JENKINS_CREDENTIAL = "portside-token"
_SCRIPT = """\
set -eu
export PORTSIDE_URL={base} PORTSIDE_PROJECT={project}
portside run{arguments} --comment "started by a build" --wait -- {name}
"""


def snippets(pipeline: Mapping[str, Any], public_url: str) -> Json:
    """All four, and the variables that they read."""
    input_names = must_be_given(pipeline)
    variables = {name: variable(name) for name in input_names}
    text = script(pipeline, public_url, variables)
    return {
        "tokenVariable": TOKEN_VARIABLE,
        "inputs": variables,
        "shell": text,
        "githubActions": _github(str(pipeline.get("name") or ""), text, variables.values()),
        "gitlab": _gitlab(str(pipeline.get("name") or ""), text, variables.values()),
        "jenkins": _jenkins(str(pipeline.get("name") or ""), text, variables.values()),
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
    """The shell script; it ends with 0 when the run has completed, and otherwise with the reason and another code."""
    project, name = (shlex.quote(str(pipeline.get(key) or "")) for key in ("project", "name"))
    arguments = "".join(f' -i {shlex.quote(f"{input_name}=")}"${held}"' for input_name, held in variables.items())
    return _SCRIPT.format(base=shlex.quote(public_url.rstrip("/")), arguments=arguments, project=project, name=name)


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
        f"# The image is Portside's own; any other with the command will do.\n"
        f"run-{job}:\n  image: portside:latest\n{held}"
        f"  script:\n  - |\n{indent(text, '    ')}"
    )


def _jenkins(name: str, text: str, variables: Iterable[str]) -> str:
    """A stage of a declarative pipeline; a text in `'''` keeps dollars, and takes backslashes as escapes."""
    title, script_text = (part.replace("\\", "\\\\").replace("'", "\\'") for part in (f"Run {name}", text))
    lines = "".join(f"    {held} = ''  // the value for this run\n" for held in variables)
    return (
        f"// The credential {JENKINS_CREDENTIAL} is a secret text with an API token.\n"
        f"stage('{title}') {{\n  environment {{\n"
        f"    {TOKEN_VARIABLE} = credentials('{JENKINS_CREDENTIAL}')\n{lines}  }}\n"
        f"  steps {{\n    sh '''\n{script_text}'''\n  }}\n}}\n"
    )
