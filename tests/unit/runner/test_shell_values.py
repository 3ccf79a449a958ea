"""Values in scripts, in real shells: a command gets a value as it is, and nothing of it is run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.runner.task_protocol import TaskFailed
from services.runner.tasks import ssh
from services.runner.tasks.ci.printed import LogReader
from services.runner.tasks.ci.script import script
from services.runner.tasks.ci.task import CI
from services.runner.tasks.k8s.cluster import Clusters
from services.runner.tasks.shell_values import VALUES, fill_shell, shown, with_variables
from shared.grammar.resolving import Scope
from tests.support.examples import share
from tests.support.outbound import LOOPBACK

from .test_ssh import asked

SHELLS = [shell for shell in ("sh", "bash") if shutil.which(shell)]
ATTACKS = [
    "a b",
    "x\ntouch ran\n",
    "x\n---\nkind: Secret",
    "; touch ran",
    "&& touch ran",
    "| touch ran",
    "$(touch ran)",
    "`touch ran`",
    "'; touch ran; '",
    '"; touch ran; "',
    "\\",
    "\\'",
    "$HOME",
    "${HOME}",
    "$${HOME}",
    "*",
    "~",
    "#",
    "! x",
    "EOF\ntouch ran\n",
    "a[$(touch ran)]",
    "{a,b}",
    "-n",
    "%s %d \\n",
    " two  spaces ",
    "\t",
    "\r",
    "😀",
    "\ue0000\ue000",
    "",
]
EXACT = [
    'print "${input.x}"',
    'print "before ${input.x} after"',
    'v=${input.x}; print "$v"',
    'v="${input.x}"; print "$v"',
    'print "$(cat <<EOF\n${input.x}.\nEOF\n)"',
    'print "it\'s ${input.x}" \'"\' "${input.x}"',
    'print "$(print_raw "${input.x}.")"',
    'for word in "${input.x}"; do print "$word"; done',
    'case a in a) print "${input.x}";; esac',
    'v=$(case a in a) print_raw "${input.x}.";; esac); print "$v"',
    '# don\'t ${input.x}\nprint "${input.x}"',
    'if [ "${input.x}" = "${input.x}" ]; then print "${input.x}"; fi',
    'sh -c \'printf "<%s>" "$1"\' _ "${input.x}"',
    "cat <<-A; cat <<B\n\tit's ${input.x}\n\tA\n\"${input.x}\nB",
    'print "\\\\${input.x}"',
    'print "$${EMPTY:-}${input.x}"',
]
"""Scripts that print a value."""
PRELUDE = 'print() { printf "<%s>" "$@"; }\nprint_raw() { printf %s "$1"; }\nEMPTY=\n'


def filled(text: str, **inputs: Any) -> str:
    answer = fill_shell({"script": text}, Scope(inputs=inputs, variables={"commands": "print a; print b"}))
    return with_variables(PRELUDE + answer["script"], answer.get(VALUES, {}))


def run(shell: str, text: str, folder: Path) -> str:
    done = subprocess.run([shell, "-c", text], cwd=folder, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir()), "something of the value was run"
    return done.stdout.decode()


def one_after_the_other(scripts: Iterable[str]) -> str:
    """A script that runs each in a shell of its own, and ends what it prints with a NUL."""
    return "\n".join(f"(\n{script}\n)\nprintf '\\0'" for script in scripts)


def expected_outputs(text: str, shell: str, folder: Path) -> list[str]:
    """What the script prints for each attack when the shell has the value in a variable of its own."""
    scripts = [
        PRELUDE + text.replace("$${", "${").replace("${input.x}", f"${{portside_by_hand{place}}}")
        for place in range(len(ATTACKS))
    ]
    values = {f"portside_by_hand{place}": value for place, value in enumerate(ATTACKS)}
    done = subprocess.run(
        [shell, "-c", one_after_the_other(scripts)], cwd=folder, env={**values, "PATH": "/usr/bin:/bin"},
        capture_output=True, timeout=20, check=True,
    )  # fmt: skip
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", EXACT)
def test_every_attack_arrives_as_it_is_and_nothing_of_it_runs(shell: str, text: str, tmp_path: Path) -> None:
    printed = run(shell, one_after_the_other(filled(text, x=value) for value in ATTACKS), tmp_path).split("\0")[:-1]
    expected = expected_outputs(text, shell, tmp_path)
    for value, output, wanted_output in zip(ATTACKS, printed, expected, strict=True):
        assert output == wanted_output, value
        assert value.rstrip("\n") in output


TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_characters="\0"), st.sampled_from("'\"`$(){}[];&|<>\\\n\r\t *?~#!=")
    ),
    max_size=30,
)


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=share(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(TEXTS, min_size=1, max_size=20))
def test_a_command_s_arguments_are_exactly_the_values(shell: str, values: list[str], tmp_path: Path) -> None:
    words = " ".join(f'"${{input.x{index}}}"' for index in range(len(values)))
    text = filled(f"printf '%s\\0' {words}", **{f"x{index}": value for index, value in enumerate(values)})
    assert run(shell, text, tmp_path).split("\0")[:-1] == values


@pytest.mark.parametrize("shell", SHELLS)
def test_without_quotes_a_value_is_split_and_not_parsed(shell: str, tmp_path: Path) -> None:
    assert run(shell, filled("print ${input.x}", x='--name "a; b" $(touch ran)'), tmp_path) == (
        '<--name><"a;><b"><$(touch><ran)>'
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("echo '${input.x}'", "in single quotes"),
        ("echo $'${input.x}'", "in single quotes"),
        ("echo \"$(echo '${input.x}')\"", "in single quotes"),
        ("cat <<'EOF'\n${input.x}\nEOF\n", "in a quoted here-document"),
        ("cat <<\\EOF\n${input.x}\nEOF\n", "in a quoted here-document"),
        ('echo "\\${input.x}"', "behind a backslash"),
        ("echo $((${input.x} + 1))", "in a calculation"),
        ("(( ${input.x} > 1 ))", "in a calculation"),
        ("let n=${input.x}", "in a calculation"),
        ("[[ ${input.x} -eq 1 ]]", "in a calculation"),
        ("echo $${a[${input.x}]}", "in a calculation"),
        ("a[${input.x}]=1", "in a calculation"),
        ('eval "echo ${input.x}"', "in what another shell reads"),
        ('bash -ec "echo ${input.x}"', "in what another shell reads"),
        ('ssh app.example.com "deploy ${input.x}"', "in what another shell reads"),
        ("ssh app.example.com <<EOF\necho ${input.x}\nEOF\n", "in what another shell reads"),
        ("#!/usr/bin/env python3\nprint('${input.x}')\n", "in a script that is not a shell's"),
    ],
)
def test_where_no_variable_can_be_only_harmless_values_are_put_in(text: str, where: str) -> None:
    for value in ("x y", "$(touch ran)", "'", "a[0]", "é", "x\n"):
        with pytest.raises(TaskFailed, match=where) as refused:
            filled(text, x=value)
        assert "${input.x}" in refused.value.message and "`script`" in refused.value.message
    plain = "acme/web:1.4.1@sha256+x_y-z"
    assert plain in fill_shell({"script": text}, Scope(inputs={"x": plain}))["script"]


def test_a_value_does_not_end_a_here_document() -> None:
    for end in ("'EOF'", "EOF"):
        text = f"cat <<{end}\n$(echo '\n${{input.x}}\n')\n${{input.y}}\nEOF\n"
        with pytest.raises(TaskFailed, match="would end the here-document"):
            filled(text, x="EOF", y="reboot")
    with pytest.raises(TaskFailed, match="cannot be ended by a reference"):
        filled("cat <<${input.x}\na\nEOF\n", x="EOF")


def test_a_nul_is_refused_by_name() -> None:
    with pytest.raises(TaskFailed, match=r"\$\{input\.x\} has a NUL"):
        filled('echo "${input.x}"', x="a\0b")


RAN = [
    "print ${input.tag}",
    "print '${input.tag}' \"${input.tag}\" `print_raw ${input.tag}` $(print_raw ${input.tag})",
    "print $(( ${input.count} + 1 ))",
    "${input.name}=5; print $VERSION",
    "export ${input.name}=6; print $VERSION",
    "for ${input.name} in a b; do print $VERSION; done",
    "for word in ${input.list}; do print $word; done",
    "i=0; while [ $i -lt ${input.count} ]; do i=$((i+1)); print $i; done",
    "cat <<EOF\nimage: ${input.image}\nEOF",
    "cat <<'EOF' > /dev/null\nimage: ${input.image}\nEOF\nprint done",
    "case ${input.tag} in 1.*) print one;; *) print other;; esac",
    "print_raw '{\"tag\": \"${input.tag}\"}' | sed 's/${input.tag}/x/'",
    "sh -c \"echo ${input.tag}\"",
    "eval \"print ${input.tag}\"",
    "[ ${input.count} -eq 3 ] && print three",
    "print ${input.command}",
    "${input.command}",
    "print $${HOME} ${HOME} \"$HOME\"",
    "print_${input.kind} ${input.tag}",
    "print ${input.image}/${input.tag}:${input.count}",
    "print \"${input.flag}\" ${input.flag}",
]  # fmt: skip
ORDINARY = {
    "tag": "1.4.1", "count": 3, "name": "VERSION", "list": "eu us", "image": "ghcr.io/acme/web:1.4.1",
    "command": "print a b", "kind": "raw", "flag": True,
}  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", [*RAN, "for i in {1..${input.count}}; do print $i; done"])
def test_a_script_that_ran_with_its_values_written_into_it_still_runs(shell: str, text: str, tmp_path: Path) -> None:
    if "{1.." in text and shell != "bash":
        pytest.skip("a sequence is bash's")
    as_before = text.replace("$${", "${")
    for name, value in ORDINARY.items():
        as_before = as_before.replace(f"${{input.{name}}}", "true" if value is True else str(value))
    before = run(shell, PRELUDE + as_before, tmp_path)
    assert run(shell, filled(text, **ORDINARY), tmp_path) == before != ""


def test_a_script_that_is_one_variable_of_the_project_is_a_script_and_one_input_is_not(tmp_path: Path) -> None:
    assert run("sh", filled("${var.commands}"), tmp_path) == "<a><b>"
    assert run("sh", filled("${input.x}", x="print a; print b"), tmp_path) == "<a;><print><b>"
    with pytest.raises(TaskFailed, match="is the list or map"):
        filled("${input.x}", x=["print a"])


def test_one_reference_is_one_variable_and_two_that_look_alike_are_two() -> None:
    answer = fill_shell({"script": "${input.a-b} ${input.a_b} ${input.a-b}"}, Scope(inputs={"a-b": "x;", "a_b": "y;"}))
    assert answer["script"] == "${portside_input_a_b} ${portside_input_a_b_1} ${portside_input_a_b}"
    assert answer[VALUES] == {"portside_input_a_b": "x;", "portside_input_a_b_1": "y;"}


def test_steps_of_ci_get_their_values_and_their_titles_show_them(tmp_path: Path) -> None:
    task_input = {"steps": ['printf "%s" "${input.x}" > got', "echo '${input.tag}'", "echo ${input.tag}"]}
    value = "it's\n$(touch ran) `touch ran` \"x"
    answer = CI(Clusters(LOOPBACK.guard)).fill(task_input, Scope(inputs={"x": value, "tag": "1.4.1"}))
    text = with_variables(script(answer["steps"], {}, [], "mark"), answer[VALUES])
    done = subprocess.run(["/bin/sh", "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["got"]
    assert (tmp_path / "got").read_text() == value
    printed = LogReader("mark", tuple(shown(step, answer[VALUES]) for step in answer["steps"]))
    assert printed.read(done.stdout.splitlines())[-4:] == ["$ echo '1.4.1'", "1.4.1", "$ echo 1.4.1", "1.4.1"]


def test_what_follows_a_step_with_open_quotes_is_not_guessed() -> None:
    with pytest.raises(TaskFailed, match="quotes that do not end"):
        fill_shell({"steps": ["echo 'a", 'echo "${input.x}"']}, Scope(inputs={"x": "a b"}))


@pytest.mark.parametrize("first", ["", "#!/bin/bash\n", "#!/usr/bin/env bash\n"])
def test_a_script_over_ssh_gets_its_values_after_its_first_line(first: str, tmp_path: Path) -> None:
    value = "it's\n$(touch ran) `touch ran` \"x"
    task_input = {"script": first + 'printf "%s|" "${input.x}" "$@"', "arguments": '-m "${input.x}" ${input.n}'}
    answer = ssh.SSH(LOOPBACK.guard).fill(task_input, Scope(inputs={"x": value, "n": 3}))
    assert answer["arguments"] == ["-m", value, "3"]
    whole = ssh._script(asked(**answer), answer["script"])
    (tmp_path / ".portside").mkdir()
    folder = tmp_path / ".portside" / asked().key
    folder.mkdir()
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", whole], env=environment, cwd=tmp_path, timeout=20, check=True)
    assert (folder / "log").read_text() == f"{value}|-m|{value}|3|"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".portside"]


def test_arguments_that_cannot_be_taken_apart_are_reported() -> None:
    with pytest.raises(TaskFailed, match="`arguments` cannot be taken apart"):
        ssh._script(asked(arguments="'a"), "true")
