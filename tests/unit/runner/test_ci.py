"""The script of a CI task in a real shell, and what is read out of what it prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.runner.task_protocol import TaskFailed
from services.runner.tasks.ci import job
from services.runner.tasks.ci.printed import MAX_KEPT_CHARS, MAX_RESULTS, MAX_SECTION_CHARS, LogReader
from services.runner.tasks.ci.script import script, variables

MARK = "portside-0123456789abcdef"


def run(folder: Path, steps: list[str], exports: list[str], artifacts: list[str]) -> tuple[int, list[str], LogReader]:
    """Exit code, lines for people, and what was read; exports come by the termination message."""
    message = folder / "message"
    text = script(steps, variables(exports), artifacts, MARK, str(message))
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(["/bin/sh", "-c", text], cwd=work, capture_output=True, text=True, timeout=20)
    printed = LogReader(MARK, tuple(steps))
    shown = printed.read(done.stdout.splitlines())
    if message.exists():
        printed.read(message.read_text().splitlines())
    return done.returncode, [line for line in shown if line], printed


def test_steps_share_a_shell_and_results_come_back_exactly(tmp_path: Path) -> None:
    steps = [
        "export WHO=world; mkdir out",
        'echo "hello $WHO" | tee out/a.txt',
        "printf '\\377\\001' > out/b.bin; head -c 70000 /dev/zero > 'out/large file.bin'",
        'MORE="two\nlines"\ntrue',
    ]
    code, shown, printed = run(tmp_path, steps, ["WHO", "MORE", "NOTHING"], ["out/*", "no/such*"])
    assert code == 0
    assert shown == [
        "$ export WHO=world; mkdir out",
        "$ echo \"hello $WHO\" | tee out/a.txt",
        "hello world",
        f"$ {steps[2]}",
        '$ MORE="two',
        "out/large file.bin is too large to be kept here; let a step push it to where files are kept.",
    ]  # fmt: skip
    assert printed.exports == {"WHO": "world", "MORE": "two\nlines", "NOTHING": ""}
    assert printed.artifacts == [
        {"path": "out/a.txt", "kept": True, "size": 12, "text": "hello world\n"},
        {"path": "out/b.bin", "kept": True, "size": 2, "base64": "/wE="},
        {"path": "out/large file.bin", "kept": False},
    ]


def test_the_step_that_fails_is_known_and_files_are_kept_all_the_same(tmp_path: Path) -> None:
    code, shown, printed = run(tmp_path, ["echo fine > a.txt", "echo bad; exit 3", "echo never"], ["A"], ["*.txt"])
    assert (code, printed.step, printed.last) == (3, 2, "bad")
    assert "never" not in shown
    assert printed.exports == {}
    assert printed.artifacts[0]["text"] == "fine\n"


def test_a_step_that_ends_the_script_on_its_own_is_done(tmp_path: Path) -> None:
    code, shown, printed = run(tmp_path, ["A=1; exit 0", "echo never"], ["A"], [])
    assert (code, printed.exports) == (0, {"A": "1"})
    assert "never" not in shown


@pytest.mark.parametrize("name", ["A B", "$(id)", "1A", ""])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(TaskFailed, match="`export` names environment variables"):
        variables([name])


def test_a_pattern_of_files_runs_nothing(tmp_path: Path) -> None:
    code, _, _ = run(tmp_path, ["true"], [], ["$(touch ../ran)*", "`touch ../ran`", "; touch ../ran"])
    assert code == 0
    assert not (tmp_path / "ran").exists()


def test_limits_are_in_code_streams_units_and_secrets_stand_in_no_job() -> None:
    limits = {"cpu": 1.5, "memory": 512}
    tree = {"image": "busybox:1.36", "limits": limits, "environmentVariables": {"TOKEN": "s3cret-token", "ON": True}}
    place = job.workspace(tree)
    made = job.job("ci", "apps", place, {}, "")
    container = made["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"cpu": "1.5", "memory": "512Mi"}}
    assert container["workingDir"] == "/workspace"
    assert "s3cret-token" not in str(made)
    assert job.secret("ci", "apps", "true", place, {})["stringData"]["ON"] == "true"
    assert job.workspace({**tree, "limits": {"cpu": "500m", "memory": "2Gi"}}).limits == {
        "cpu": "500m",
        "memory": "2Gi",
    }
    with pytest.raises(TaskFailed, match=r"set `workspace\.image`"):
        job.workspace({})


def test_empty_lines_are_shown_but_for_the_one_that_ends_what_stood_before_a_mark() -> None:
    printed = LogReader(MARK, ())
    assert printed.read(["a", "", "b"]) == ["a", "", "b"]
    assert printed.read(["", "", f"{MARK} file x"]) == [""]
    assert printed.read([f"{MARK} end", "c"]) == ["c"]


def test_what_pretends_to_be_a_result_is_bounded() -> None:
    """The steps can read the script, and so its marks."""
    printed = LogReader(MARK, ("make",))
    printed.read([f"{MARK} file endless"])
    printed.read("x" * 1_000 for _ in range(10_000))
    assert sum(map(len, printed._lines)) <= MAX_SECTION_CHARS
    assert printed.read([f"{MARK} end"]) == [
        "endless is too large to be kept here; let a step push it to where files are kept."
    ]
    assert printed.artifacts == [{"path": "endless", "kept": False}]
    for number in range(2 * MAX_RESULTS):
        printed.read([f"{MARK} export name{number}", "v" * 50_000, f"{MARK} end", f"{MARK} large file{number}"])
    assert len(printed.exports) + len(printed.artifacts) <= MAX_RESULTS
    assert sum(len(value) for value in printed.exports.values()) <= MAX_KEPT_CHARS


@pytest.mark.parametrize("step", ["0", "2", "-1", "99999999999999999999", "x", ""])
def test_a_step_that_there_is_not_is_none(step: str) -> None:
    printed = LogReader(MARK, ("make",))
    assert printed.read([f"{MARK} step {step}", f"{MARK} failed {step}"]) == []
    assert printed.step == 0
