"""Which runs led to an image that one of them pushed, and when a further run would go in circles. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST = 50
"""A chain as long as this is a loop, though each image in it be new: no further run starts."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A run, and the image for which it stands in the chain."""

    execution_id: str
    pipeline_id: str
    pipeline: str
    index: int
    digest: str


def chain(own: Iterable[Cause], before: Iterable[Cause]) -> tuple[Cause, ...]:
    """The run that pushes and those that it is nested in, then what caused the push that started it; newest first."""
    return tuple(dict.fromkeys((*own, *before)))[:MOST]


def already(causes: Iterable[Cause], pipeline_id: str, digest: str) -> Cause | None:
    """The run through which a pipeline is already among the causes of a digest: starting it again is a loop."""
    return next((cause for cause in causes if (cause.pipeline_id, cause.digest) == (pipeline_id, digest)), None)


def is_endless(causes: Sequence[Cause]) -> bool:
    """Whether so many runs, each started by what the one before pushed, led here that they go in circles."""
    return len(causes) >= MOST


def wording(causes: Iterable[Cause]) -> str:
    """The chain for people, newest first: `Promote web #7, after Build web #3`."""
    return ", after ".join(f"{cause.pipeline} #{cause.index}" for cause in causes)
