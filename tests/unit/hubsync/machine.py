"""A story of edits here, edits at the Hub and faults, in the order that hypothesis chooses.

The rules hold for any Hub behind it: in memory for the unit tests, over HTTP for the integration tests. What must be
true at every step: foreign hooks are untouched, and a webhook that could once receive pushes can at every later moment,
unless somebody at the Hub broke it. At the end, with the faults gone, a few passes bring everything in step.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from services.hubsync.mirror import Mirror
from services.hubsync.plan import ListedHook
from shared.contracts.mirror import MirrorReport, MirrorState, Wanted, WantedHook
from tests.unit.hubsync.registry import sealed

INSTALLATION = "i1"
BASE = "https://ci.example.com/pipelines/api/docker-hub-webhooks?secureToken="
REPOSITORIES = ("acme/web", "acme/api")
NOW = 1_795_000_000.0


@dataclass(frozen=True)
class Book:
    """One webhook as config would keep it."""

    id: str
    generation: int
    repository: str
    token: str
    slug: str | None = None
    earlier_tokens: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"portside-{INSTALLATION}-{self.id}-{self.generation}"


class MirrorMachine(RuleBasedStateMachine):
    """Subclasses say how to look at the Hub, how to edit it and how to make it fail."""

    webhooks = Bundle("webhooks")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.books: dict[str, Book] = {}
        self.graves: dict[tuple[str, int], Book] = {}
        self.states: dict[str, MirrorReport] = {}
        self.count = 0
        self.foreign: dict[str, dict[str, ListedHook]] = {name: {} for name in REPOSITORIES}
        self.broken: set[str] = set()
        """Webhooks whose hook somebody harmed at the Hub since it last stood."""
        self.catching: set[str] = set()
        """Webhooks that can receive pushes."""
        self.mirror = self.make_mirror()

    @abstractmethod
    def make_mirror(self) -> Mirror: ...

    @abstractmethod
    def actual(self, repository: str) -> dict[str, ListedHook]: ...

    @abstractmethod
    def put(self, repository: str, seen: ListedHook) -> None: ...

    @abstractmethod
    def take(self, repository: str, slug: str) -> None: ...

    @abstractmethod
    def fail(self, kind: str) -> None: ...

    @abstractmethod
    def heal(self) -> None: ...

    # What the owner of the webhooks does.

    @initialize(target=webhooks)
    def a_webhook_in_step_beside_somebody_else_s_hook(self) -> str:
        self.add_foreign(REPOSITORIES[0], "their-hook")
        name = str(self.create(REPOSITORIES[0]))
        self.run_pass()
        return name

    @rule(target=webhooks, repository=st.sampled_from(REPOSITORIES))
    def create(self, repository: str) -> str:
        self.count += 1
        name = f"w{self.count:04d}"
        self.books[name] = Book(name, 1, repository, f"token{self.count}")
        return name

    @rule(webhook=webhooks)
    def rotate(self, webhook: str) -> None:
        if (book := self.books.get(webhook)) is not None:
            self.count += 1
            self.books[webhook] = replace(
                book,
                generation=book.generation + 1,
                token=f"token{self.count}",
                earlier_tokens=(*book.earlier_tokens, book.token),
            )

    @rule(webhook=webhooks)
    def rotate_and_look(self, webhook: str) -> None:
        """The commonest story, told often: the new hook must stand before the old one goes."""
        self.rotate(webhook)
        self.run_pass()

    @rule(webhook=webhooks)
    def there_and_back_again(self, webhook: str) -> None:
        """Moved to the other repository and back: the same URL, a tombstone and its successor in one place."""
        book = self.books.get(webhook)
        if book is None:
            return
        caught = webhook in self.catching
        self.move(webhook, next(name for name in REPOSITORIES if name != book.repository))
        self.move(webhook, book.repository)
        if caught:
            # The mirror saw nothing of it: the first hook still stands and must not go before its successor.
            self.catching.add(webhook)
        self.run_pass()

    @rule(webhook=webhooks)
    def rename(self, webhook: str) -> None:
        if (book := self.books.get(webhook)) is not None:
            self.books[webhook] = replace(book, generation=book.generation + 1)

    @rule(webhook=webhooks, repository=st.sampled_from(REPOSITORIES))
    def move(self, webhook: str, repository: str) -> None:
        book = self.books.get(webhook)
        if book is not None and book.repository != repository:
            self.graves[book.id, book.generation] = book
            self.books[webhook] = replace(book, generation=book.generation + 1, repository=repository, slug=None)
            self.catching.discard(webhook)

    @rule(webhook=webhooks)
    def delete(self, webhook: str) -> None:
        if (book := self.books.pop(webhook, None)) is not None:
            self.graves[book.id, book.generation] = book
            self.catching.discard(webhook)

    # What somebody does at the Hub.

    @rule(repository=st.sampled_from(REPOSITORIES), number=st.integers(0, 3))
    def add_foreign_hook(self, repository: str, number: int) -> None:
        self.add_foreign(repository, f"foreign-{number}")

    def add_foreign(self, repository: str, slug: str) -> None:
        seen = ListedHook(slug, slug, (f"https://elsewhere.example.com/{slug}",))
        self.foreign[repository][slug] = seen
        self.put(repository, seen)

    @rule(webhook=webhooks)
    def delete_ours_at_the_hub(self, webhook: str) -> None:
        if (book := self.books.get(webhook)) is not None:
            self.take(book.repository, book.name)
            self.harm(webhook)

    @rule(webhook=webhooks)
    def edit_ours_at_the_hub(self, webhook: str) -> None:
        book = self.books.get(webhook)
        if book is not None and book.name in self.actual(book.repository):
            self.put(book.repository, ListedHook(book.name, book.name, ("https://elsewhere.example.com/edited",)))
            self.harm(webhook)

    @rule(webhook=webhooks)
    def make_ours_by_hand(self, webhook: str) -> None:
        book = self.books.get(webhook)
        if book is not None and book.name not in self.actual(book.repository):
            slug = f"by-hand-{book.token}"
            self.put(book.repository, ListedHook(slug, slug, (BASE + book.token,)))

    def harm(self, webhook: str) -> None:
        self.broken.add(webhook)
        self.catching.discard(webhook)

    # What goes wrong, and time.

    @rule(kind=st.sampled_from(["away", "lost", "limited", "forbidden", "rejected", "signed-out"]))
    def fault(self, kind: str) -> None:
        self.fail(kind)

    @rule(after_s=st.sampled_from([1.0, 60.0, 3_600.0]))
    def time_passes(self, after_s: float) -> None:
        self.now += after_s

    @rule()
    def restart(self) -> None:
        self.mirror = self.make_mirror()

    @rule(only=st.booleans(), data=st.data())
    def mirror_pass(self, only: bool, data: st.DataObject) -> None:
        ids: tuple[str, ...] = ()
        if only and self.books:
            ids = (data.draw(st.sampled_from(sorted(self.books))),)
        self.run_pass(ids)

    def run_pass(self, ids: tuple[str, ...] = ()) -> list[MirrorReport]:
        hooks = [self.wanted(book) for book in self.books.values()]
        hooks += [self.wanted(book, gone=True) for book in self.graves.values()]
        asked = tuple(hook for hook in hooks if not ids or hook.webhook_id in ids)
        reports = []
        for report in self.mirror.run(Wanted(installation=INSTALLATION, hooks=asked)):
            reports.append(report)
            self.take_report(report)
        assert {(one.webhook_id, one.generation) for one in reports} == {
            (hook.webhook_id, hook.generation) for hook in asked
        }
        return reports

    def wanted(self, book: Book, *, gone: bool = False) -> WantedHook:
        return WantedHook(
            webhook_id=book.id,
            hook_name=book.name,
            generation=book.generation,
            repository=book.repository,
            url_base=BASE,
            token=sealed(book.token),
            hub_url=self.hub_url(),
            username="acme",
            password=sealed("demo-password"),
            gone=gone,
            slug=book.slug,
        )

    def hub_url(self) -> str:
        return "https://hub.example.com"

    def take_report(self, report: MirrorReport) -> None:
        """As config would."""
        assert report.state in (MirrorState.IN_STEP, MirrorState.GONE) or report.message
        if report.state in (MirrorState.PENDING, MirrorState.RATE_LIMITED):
            assert report.retry_at is not None and report.retry_at > self.now
        assert "token" not in report.message.replace("secureToken", "").replace("token cannot", "").replace(
            "access token", ""
        )
        key = (report.webhook_id, report.generation)
        if report.state is MirrorState.GONE:
            self.graves.pop(key, None)
            return
        book = self.books.get(report.webhook_id)
        if book is None or book.generation != report.generation:
            return
        self.states[book.id] = report
        if report.slug:
            self.books[book.id] = replace(book, slug=report.slug)
        if report.state is MirrorState.IN_STEP:
            assert self.serves(book)
            self.catching.add(book.id)
            self.broken.discard(book.id)

    def serves(self, book: Book) -> bool:
        return any(seen.urls == (BASE + book.token,) for seen in self.actual(book.repository).values())

    def catches(self, book: Book) -> bool:
        """Whether a push would arrive: by any hook whose URL is ours, of any generation (old tokens overlap)."""
        family = book.name.rsplit("-", 1)[0]
        own_urls = {BASE + token for token in (book.token, *book.earlier_tokens)}
        return any(
            seen.urls[0].startswith(BASE) and (seen.name.rsplit("-", 1)[0] == family or set(seen.urls) <= own_urls)
            for seen in self.actual(book.repository).values()
        )

    def still_catching(self) -> list[str]:
        return [name for name in sorted(self.catching) if not self.catches(self.books[name])]

    def check_moment(self, *_: Any) -> None:
        """Called after every change that the mirror makes."""
        assert self.still_catching() == []

    @invariant()
    def foreign_hooks_are_untouched(self) -> None:
        for repository, hooks in self.foreign.items():
            there = self.actual(repository)
            assert {slug: there.get(slug) for slug in hooks} == hooks

    def teardown(self) -> None:
        self.heal()
        for _ in range(6):
            self.now += 7_200
            reports = self.run_pass()
        assert {report.state for report in reports} <= {MirrorState.IN_STEP}, [one.message for one in reports]
        assert self.graves == {}
        for repository in REPOSITORIES:
            left = {
                slug: seen for slug, seen in self.actual(repository).items() if slug not in self.foreign[repository]
            }
            wanted = sorted(BASE + book.token for book in self.books.values() if book.repository == repository)
            assert sorted({seen.urls[0] for seen in left.values() if seen.urls[0] in wanted}) == wanted
            stale = [seen for seen in left.values() if seen.name.startswith("portside-") and seen.urls[0] not in wanted]
            assert stale == []
