"""Whatever happens in whatever order: no push is missed by our doing, and in the end all is in step."""

from __future__ import annotations

from hypothesis import settings

from services.hubsync import problems
from services.hubsync.mirror import Mirror
from services.hubsync.plan import ListedHook
from tests.support.examples import share
from tests.unit.hubsync.machine import MirrorMachine
from tests.unit.hubsync.registry import Fault, Registry, opened


class InMemory(MirrorMachine):
    """The story with a registry in memory."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.registry.on_delete = self.check_moment
        super().__init__()

    def make_mirror(self) -> Mirror:
        return Mirror(lambda account: self.registry, opened, lambda: self.now, lambda: 0.5)

    def actual(self, repository: str) -> dict[str, ListedHook]:
        return self.registry.hooks.get(repository, {})

    def put(self, repository: str, seen: ListedHook) -> None:
        self.registry.hooks.setdefault(repository, {})[seen.slug] = seen

    def take(self, repository: str, slug: str) -> None:
        self.registry.hooks.get(repository, {}).pop(slug, None)

    def fail(self, kind: str) -> None:
        faults = {
            "away": Fault(problems.HubUnavailable("Docker Hub gave no usable answer (502).")),
            "lost": Fault(problems.HubUnavailable("Docker Hub did not answer in time."), after=True),
            "limited": Fault(problems.Limited("No more calls.", self.now + 120)),
            "forbidden": Fault(problems.NotAllowed("Forbidden.")),
            "rejected": Fault(problems.Rejected("Refused.")),
            "signed-out": Fault(problems.WrongCredentials("Not accepted.")),
        }
        self.registry.faults.append(faults[kind])

    def heal(self) -> None:
        self.registry.faults.clear()


TestAnyOrder = InMemory.TestCase
TestAnyOrder.settings = settings(max_examples=share(60), stateful_step_count=30, deadline=None)
