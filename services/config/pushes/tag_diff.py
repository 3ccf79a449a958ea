"""What a look at a registry shows that no hook has reported. Pure.

The first look makes a baseline and finds nothing. After that a tag that is new, or names another digest than before,
is a push; unless a delivery reported it, it was missed. Where a hook is expected, it first gets a while to arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from services.config.model.tag_memory import Delivered, Memory, Suspect, TagSighting
from shared.contracts.tag_polls import SeenTag

CLOCKS_DIFFER_S = 120.0
LIST_LAGS_S = 5.0
"""A registry's list may show a tag so much later than one that was pushed after it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to remember, and which pushes were missed, oldest first."""

    memory: Memory
    missed: tuple[SeenTag, ...] = ()
    dropped: int = 0
    """Missed ones beyond what is recovered."""


def compare(
    memory: Memory,
    listed_tags: Iterable[SeenTag],
    *,
    about: str,
    now: float,
    patience_s: float,
    all_tags: bool,
    most: int,
    last: Callable[[str], Delivered | None],
    wanted: Callable[[str], bool],
) -> Outcome:
    """One look against the one before. `last` says the last delivery of a tag, `wanted` which tags the webhook wants.

    With `all_tags` others count too, after the wanted ones: they get their verdict. Of more than `most` missed ones
    count the newest.
    """
    listed = {tag.name: tag for tag in listed_tags}
    if memory.baseline_at is None or memory.about != about:
        tags = {name: TagSighting(tag.digest, tag.pushed_at) for name, tag in listed.items()}
        return Outcome(Memory(about, now, tags))
    tags, suspects, missed = {}, {}, []
    newest = max((tag.pushed_at for tag in memory.tags.values() if tag.pushed_at is not None), default=0.0)
    for name, tag in listed.items():
        before = memory.tags.get(name)
        sight = TagSighting(tag.digest or (before.digest if before else None), tag.pushed_at)
        counts = all_tags or wanted(name)
        suspect = memory.suspects.get(name)
        pushed = suspect is not None or _pushed(before, tag, newest)
        if not counts or not pushed or _delivered(last(name), tag, memory.baseline_at):
            tags[name] = sight
            continue
        since = suspect.since if suspect is not None and suspect.digest == tag.digest else now
        if now - since < patience_s:
            suspects[name] = Suspect(tag.digest, since)
            if before is not None:
                tags[name] = before
        else:
            tags[name] = sight
            missed.append(tag)
    # Those that matter most and were pushed last; a registry without times lists in the order of its choice.
    chosen = sorted(missed, key=lambda tag: (wanted(tag.name), tag.pushed_at or now), reverse=True)[:most]
    in_order = tuple(sorted(chosen, key=lambda tag: tag.pushed_at or now))
    return Outcome(replace(memory, tags=tags, suspects=suspects), in_order, len(missed) - len(chosen))


def _pushed(before: TagSighting | None, seen_tag: SeenTag, newest: float) -> bool:
    """Whether a tag names something else than at the last look."""
    if before is None:
        # A list that shows only the newest tags lets old ones in again when newer ones are deleted.
        return seen_tag.pushed_at is None or seen_tag.pushed_at >= newest - LIST_LAGS_S
    if seen_tag.digest is not None and before.digest is not None:
        return seen_tag.digest != before.digest
    return seen_tag.pushed_at is not None and before.pushed_at is not None and seen_tag.pushed_at > before.pushed_at


def _delivered(last: Delivered | None, seen_tag: SeenTag, baseline_at: float) -> bool:
    """Whether a hook, or an earlier look, has reported this push."""
    if last is None:
        return False
    if last.digest is not None and seen_tag.digest is not None:
        return last.digest == seen_tag.digest
    return last.received_at >= (seen_tag.pushed_at if seen_tag.pushed_at is not None else baseline_at) - CLOCKS_DIFFER_S
