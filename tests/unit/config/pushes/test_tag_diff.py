"""What looks at a registry find: nothing at first, then each push that no hook reported, once."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.config.model.tag_memory import Delivered, Memory
from services.config.pushes.tag_diff import compare
from shared.contracts.tag_polls import SeenTag
from tests.support.examples import share

ABOUT = "docker.io/acme/web"


@dataclass
class Scene:
    """A repository, its deliveries, and looks at it."""

    patience_s: float = 0.0
    all_tags: bool = True
    now: float = 1_000.0
    memory: Memory = field(default_factory=Memory)
    tags: dict[str, SeenTag] = field(default_factory=dict)
    delivered: dict[str, Delivered] = field(default_factory=dict)
    dropped: int = 0

    def push(self, tag: str, digest: str, *, times: bool = True) -> None:
        self.now += 1
        self.tags[tag] = SeenTag(name=tag, digest=digest, pushed_at=self.now if times else None)

    def hook(self, tag: str, digest: str | None) -> None:
        self.now += 1
        self.delivered[tag] = Delivered(digest, self.now)

    def look(self, about: str = ABOUT) -> list[str]:
        self.now += 10
        outcome = compare(
            self.memory,
            self.tags.values(),
            about=about,
            now=self.now,
            patience_s=self.patience_s,
            all_tags=self.all_tags,
            most=5,
            last=self.delivered.get,
            wanted=lambda tag: tag.startswith("1"),
        )
        self.memory, self.dropped = outcome.memory, outcome.dropped
        for one in outcome.missed:
            self.hook(one.name, one.digest)
        return [one.name for one in outcome.missed]


def test_the_first_look_makes_a_baseline_and_finds_nothing() -> None:
    scene = Scene()
    scene.push("1.0", "a")
    assert scene.look() == []
    assert scene.look() == []


def test_a_new_tag_and_a_moved_tag_are_found_once_in_the_order_of_their_pushes() -> None:
    scene = Scene()
    scene.push("1.0", "a")
    scene.look()
    scene.push("latest", "b")
    scene.push("1.0", "c")
    assert scene.look() == ["latest", "1.0"]
    assert scene.look() == []


def test_what_a_hook_reported_is_not_found_with_or_without_its_digest() -> None:
    for digest in ("b", None):
        scene = Scene()
        scene.look()
        scene.push("1.0", "b")
        scene.hook("1.0", digest)
        assert scene.look() == []


def test_a_tag_that_goes_back_to_an_earlier_image_without_a_hook_is_found() -> None:
    scene = Scene()
    for digest in ("a", "b"):
        scene.push("1.0", digest)
        scene.hook("1.0", digest)
        scene.look()
    scene.push("1.0", "a")
    assert scene.look() == ["1.0"]


def test_a_hook_gets_its_time_to_arrive() -> None:
    scene = Scene(patience_s=15.0)
    scene.look()
    scene.push("1.0", "a")
    scene.push("1.1", "b")
    assert scene.look() == []
    scene.hook("1.1", "b")
    assert scene.look() == []
    assert scene.look() == ["1.0"]
    assert scene.look() == []


def test_only_wanted_tags_are_made_up_for_beside_a_hook() -> None:
    scene = Scene(all_tags=False)
    scene.look()
    scene.push("latest", "a")
    scene.push("1.0", "a")
    assert scene.look() == ["1.0"]


def test_old_tags_that_come_into_the_list_again_are_no_pushes() -> None:
    scene = Scene()
    scene.push("0.9", "old")
    scene.now += 60
    old = scene.tags.pop("0.9")
    scene.push("1.0", "a")
    scene.push("1.1", "b")
    scene.look()
    del scene.tags["1.1"]
    scene.tags["0.9"] = old
    assert scene.look() == []


def test_another_repository_makes_a_new_baseline() -> None:
    scene = Scene()
    scene.look()
    scene.push("1.0", "a")
    assert scene.look("docker.io/acme/api") == []


def test_of_many_the_newest_wanted_ones_are_made_up_for() -> None:
    scene = Scene()
    scene.look()
    for number in range(9):
        scene.push(f"1.{number}", f"d{number}")
        scene.push(f"x{number}", f"e{number}")
    assert scene.look() == ["1.4", "1.5", "1.6", "1.7", "1.8"]
    assert scene.dropped == 18 - 5
    assert scene.look() == []


def test_a_registry_without_times_is_compared_by_names_and_digests() -> None:
    scene = Scene()
    scene.tags["1.0"] = SeenTag(name="1.0", digest="a")
    scene.tags["0.1"] = SeenTag(name="0.1")
    scene.look()
    scene.tags["0.1"] = SeenTag(name="0.1", digest="z")
    assert scene.look() == []
    scene.tags["1.0"] = SeenTag(name="1.0", digest="b")
    scene.tags["1.1"] = SeenTag(name="1.1", digest="c")
    assert sorted(scene.look()) == ["1.0", "1.1"]


TAGS = st.sampled_from(["1.0", "1.1", "1.2"])


class Missing(RuleBasedStateMachine):
    """Pushes with and without their hooks, and looks between them: in the end each tag's last image was delivered."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene(patience_s=25.0)
        self.scene.look()
        self.number = 0
        self.reported: dict[str, list[str]] = {}

    @rule(tag=TAGS, hook=st.booleans())
    def push(self, tag: str, hook: bool) -> None:
        self.number += 1
        digest = f"d{self.number}"
        self.scene.push(tag, digest)
        if hook:
            self.scene.hook(tag, digest)
            self.reported.setdefault(tag, []).append(digest)

    @rule()
    def look(self) -> None:
        for tag in self.scene.look():
            self.reported.setdefault(tag, []).append(self.scene.tags[tag].digest or "")

    @invariant()
    def nothing_is_delivered_twice(self) -> None:
        for digests in self.reported.values():
            assert len(digests) == len(set(digests))

    def teardown(self) -> None:
        for _ in range(4):
            self.look()
        for tag, seen in self.scene.tags.items():
            assert self.reported[tag][-1] == seen.digest


TestMissing = Missing.TestCase
TestMissing.settings = settings(max_examples=share(60), stateful_step_count=20)
