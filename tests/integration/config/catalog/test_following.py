"""A project that follows Git converges: a real repository on loopback, read as a runner does, taken as config does."""

from __future__ import annotations

from shared.contracts.catalog import Kind
from tests.integration.config.catalog.followed import (
    BROKEN,
    PIPELINE,
    REPOSITORY,
    SECRET,
    VARIABLE,
    Followed,
    start,
)


def test_a_project_becomes_what_the_folder_says_and_shows_the_commit(followed: Followed) -> None:
    commit = start(followed)
    state = followed.state()
    assert (state["commit"], state["flaws"], state["notInGit"]) == (commit, [], [])
    assert state["repository"] == f"{followed.server.url}/{REPOSITORY}.git"
    pipeline = followed.office.get(Kind.PIPELINES, project="default", name="Deploy web")
    assert pipeline["enabled"] is True
    assert pipeline["_source"] == {
        "repository": state["repository"],
        "branch": "main",
        "commit": commit,
        "file": "portside/pipelines/web.yaml",
        "line": 1,
    }
    (listed,) = followed.office.find(Kind.VARIABLES).documents
    assert (listed["value"], listed["_source"]["file"]) == ("hello", "portside/variables.yaml")
    (line,) = followed.audit("commit-taken")
    assert line["after"]["commit"] == commit
    assert line["after"]["created"] == ["variable greeting", "pipeline Deploy web"]
    assert followed.office.get(Kind.ENDPOINTS, project="default", name="config")["_source"]["commit"] == ""


def test_a_new_file_and_a_changed_one_are_taken_and_the_others_are_left(followed: Followed) -> None:
    start(followed)
    before = followed.office.get(Kind.PIPELINES, project="default", name="Deploy web")
    commit = followed.commit(
        {
            "variables.yaml": VARIABLE.format(name="greeting", value="good day"),
            "more.yml": VARIABLE.format(name="place", value="here") + "---\n" + SECRET,
        }
    )
    assert followed.sync()["commit"] == commit
    variables = {it["name"]: it["value"] for it in followed.office.find(Kind.VARIABLES).documents}
    assert variables == {"greeting": "good day", "place": "here", "registry-token": "*****"}
    after = followed.office.get(Kind.PIPELINES, project="default", name="Deploy web")
    assert after["version"] == before["version"]
    taken = followed.audit("commit-taken")[0]["after"]
    assert taken["created"] == ["variable place", "variable registry-token"]
    assert taken["changed"] == ["variable greeting"]


def test_a_field_that_a_file_no_longer_has_goes(followed: Followed) -> None:
    start(followed)
    text = VARIABLE.format(name="greeting", value="hello")
    followed.commit({"variables.yaml": text + "description: polite\n"})
    followed.sync()
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["description"] == "polite"
    followed.commit({"variables.yaml": text})
    followed.sync()
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["description"] == ""


def test_a_broken_file_changes_nothing_and_is_told_by_file_line_and_column(followed: Followed) -> None:
    good = start(followed)
    unknown_task = PIPELINE.format(type="REST").replace("Deploy web", "Other").replace("[Ask]", "[Nobody]")
    broken = followed.commit(
        {
            "variables.yaml": VARIABLE.format(name="greeting", value="lost"),
            "pipelines/web.yaml": BROKEN,
            "pipelines/other.yaml": "\n" + unknown_task,
        }
    )
    state = followed.sync()
    assert (state["state"], state["commit"], state["seenCommit"]) == ("BROKEN", good, broken)
    (unreadable,) = state["flaws"]
    assert (unreadable["file"], unreadable["line"]) == ("portside/pipelines/web.yaml", 6)
    assert unreadable["column"] >= 1 and unreadable["message"]
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "hello"
    # What can be read is only judged once everything can.
    followed.commit({"pipelines/web.yaml": PIPELINE.format(type="REST")})
    unknown = followed.sync()["flaws"][0]
    assert (unknown["file"], unknown["line"], unknown["column"]) == ("portside/pipelines/other.yaml", 8, 17)
    assert "Nobody" in unknown["message"]
    assert followed.names(Kind.PIPELINES) == ["Deploy web"]
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "hello"
    assert len(followed.audit("commit-refused")) == 2
    mended = followed.commit({}, removed=["portside/pipelines/other.yaml"])
    assert followed.sync()["commit"] == mended
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "lost"


def test_a_removed_file_removes_its_object_only_by_choice(followed: Followed) -> None:
    start(followed)
    followed.commit({}, removed=["portside/pipelines/web.yaml"])
    state = followed.sync()
    assert followed.names(Kind.PIPELINES) == ["Deploy web"]
    assert state["notInGit"] == [
        {
            "kind": "pipelines",
            "name": "Deploy web",
            "reason": "its file is gone; an object goes with its file where prune is on",
        }
    ]
    followed.follow(prune=True)
    assert followed.sync()["notInGit"] == []
    assert followed.names(Kind.PIPELINES) == []
    assert followed.audit("commit-taken")[0]["after"]["deleted"] == ["pipeline Deploy web"]


def test_what_something_refers_to_stays_until_nothing_does(followed: Followed) -> None:
    start(followed, prune=True)
    commit = followed.commit({}, removed=["portside/variables.yaml"])
    state = followed.sync()
    assert (state["state"], state["commit"]) == ("CURRENT", commit)
    (kept,) = state["notInGit"]
    assert kept["reason"] == "its file is gone, but cannot delete variable greeting: pipeline Deploy web refers to it"
    followed.commit({"pipelines/web.yaml": PIPELINE.format(type="REST").replace("${var.greeting}", "hello")})
    assert followed.sync()["notInGit"] == []
    assert followed.names(Kind.VARIABLES) == []


def test_what_goes_together_goes_in_the_order_of_its_references(followed: Followed) -> None:
    start(followed, prune=True)
    followed.commit({"readme.yaml": ""}, removed=["portside/variables.yaml", "portside/pipelines/web.yaml"])
    assert followed.sync()["state"] == "CURRENT"
    assert (followed.names(Kind.VARIABLES), followed.names(Kind.PIPELINES)) == ([], [])


def test_what_will_not_run_is_taken_and_told(followed: Followed) -> None:
    followed.commit({"web.yaml": PIPELINE.format(type="Jenkins")})
    followed.follow()
    state = followed.sync()
    assert state["state"] == "CURRENT"
    (entry,) = state["objects"]
    assert [(it["stage"], it["task"], it["type"]) for it in entry["willNotRun"]] == [("Deploy", "Ask", "Jenkins")]
    followed.commit({"other.yaml": VARIABLE.format(name="greeting", value="hello")})
    assert [entry["willNotRun"] != [] for entry in followed.sync()["objects"]] == [False, True]


def test_a_forced_push_is_followed(followed: Followed) -> None:
    start(followed)
    lost = followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="lost")})
    assert followed.sync()["commit"] == lost
    forced = followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="kept")}, forced=True)
    assert forced != lost
    assert followed.sync()["commit"] == forced
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "kept"


def test_a_repository_that_is_away_changes_nothing_and_is_followed_again_once_it_is_back(followed: Followed) -> None:
    commit = start(followed)
    away = followed.server.folder / "acme" / "away"
    bare = followed.server.folder / "acme" / "config.git"
    bare.rename(away)
    state = followed.sync()
    assert (state["state"], state["commit"]) == ("AWAY", commit)
    assert state["problem"] and "s3cret-password" not in state["problem"]
    assert followed.names(Kind.PIPELINES) == ["Deploy web"]
    away.rename(bare)
    newer = followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="back")})
    state = followed.sync()
    assert (state["state"], state["commit"], state["problem"]) == ("CURRENT", newer, "")


def test_a_commit_that_is_in_force_is_not_sent_again(followed: Followed) -> None:
    start(followed)
    question = followed.ask()
    answer = followed.looker(question)
    assert (answer.outcome, answer.files) == ("same", ())
    assert followed.take(answer)["state"] == "CURRENT"
    assert len(followed.reports()) == 1


def test_an_answer_that_is_older_than_another_changes_nothing(followed: Followed) -> None:
    start(followed)
    late = followed.ask()
    old = followed.looker(late.model_copy(update={"known_commit": ""}))
    followed.commit({"variables.yaml": VARIABLE.format(name="greeting", value="new")})
    followed.sync()
    followed.take(old)
    assert followed.office.get(Kind.VARIABLES, project="default", name="greeting")["value"] == "new"
