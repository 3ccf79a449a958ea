"""Lists: what one of them can be searched, filtered and sorted by, and what the address asks of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from shared.contracts.catalog import Find, Kind
from shared.contracts.texts import counted, whole_number
from shared.process.clock import now

from .formats import quoted

SEARCH, SORT, PAGE = "q", "sort", "page"
LAST_PAGE = 999_999
EXACT_TOTAL = 10_000
"""Totals are exact up to here; beyond, config says only that there are more."""
BESIDE = 2
"""Pages that are offered on each side of the present one."""
MOST_TEXT = 200
"""Characters of a search or filter that are taken."""
SINCE_S = {"1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000}
SINCE_WORDS = {"1h": "the last hour", "24h": "the last day", "7d": "the last week", "30d": "the last 30 days"}

Term = Callable[[str], str]
"""A filter's value as an OData condition."""


def part_of(*names: str) -> Term:
    """Any of the fields holds the text, in capitals or not; a text in double quotes is the whole of one."""

    def term(text: str) -> str:
        if len(text) > 2 and text[0] == text[-1] == '"':
            conditions = [f"{name} eq {quoted(text[1:-1])}" for name in names]
        else:
            conditions = [f"contains(tolower({name}),{quoted(text.lower())})" for name in names]
        return conditions[0] if len(conditions) == 1 else f"({' or '.join(conditions)})"

    return term


def equal(name: str) -> Term:
    """The field is the text."""
    return lambda text: f"{name} eq {quoted(text)}"


def begins(name: str) -> Term:
    """The field begins with the text."""
    return lambda text: f"startswith({name},{quoted(text)})"


def since(name: str) -> Term:
    """The field lies within a span before now."""
    return lambda span: f"{name} ge {round((now() - SINCE_S[span]) * 1e6)}" if span in SINCE_S else ""


@dataclass(frozen=True, slots=True)
class ListFilter:
    """One filter of a list; with `choices` (value and words) it is chosen, otherwise typed."""

    key: str
    label: str
    term: Term
    choices: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    """What an empty field shows."""
    offered: bool = True
    """In the form; otherwise links alone set it."""

    def words(self, value: str) -> str:
        """The value as people read it."""
        return self.choices.get(value, value)


def since_filter(name: str) -> ListFilter:
    """The filter `Time` of a list by one of its instants."""
    return ListFilter("since", "Time", since(name), SINCE_WORDS)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list at an address."""

    address: str
    kind: Kind
    noun: str
    order: str
    """The column it is sorted by unless the address says otherwise; `-name` from the end."""
    columns: Mapping[str, str]
    """What it can be sorted by: a column's key, and its field."""
    search: Term | None = None
    filters: Sequence[ListFilter] = ()
    size: int = 50
    """Rows of a page."""
    exact_total: int = EXACT_TOTAL
    plural: str = ""
    """Where it is not the noun with an s."""

    @property
    def nouns(self) -> str:
        return self.plural or f"{self.noun}s"

    def counted(self, count: int) -> str:
        """`1 execution`, `3 executions`."""
        return counted(count, self.noun, self.nouns)

    def view(self, args: Mapping[str, str]) -> ListView:
        """What the address asks of it; what it cannot do is left out."""
        keys = (SEARCH, *(entry.key for entry in self.filters))
        terms = {key: text for key in keys if (text := args.get(key, "").strip()[:MOST_TEXT])}
        sort = args.get(SORT, "")
        page = min(whole_number(args.get(PAGE, "")) or 0, LAST_PAGE)
        return ListView(self, terms, sort if sort.removeprefix("-") in self.columns else self.order, page)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, and the address without it."""

    label: str
    words: str
    address: str


@dataclass(frozen=True, slots=True)
class ListView:
    """One page of a list, filtered and sorted."""

    listing: Listing
    terms: Mapping[str, str]
    sort: str
    page: int

    def find(self, *more: str, **fields: Any) -> Find:
        """The question for config; `more` are conditions besides those of the address."""
        listing = self.listing
        conditions = [listing.search(self.terms[SEARCH])] if SEARCH in self.terms and listing.search else []
        conditions += [entry.term(self.terms[entry.key]) for entry in listing.filters if entry.key in self.terms]
        column = listing.columns[self.sort.removeprefix("-")]
        return Find(
            kind=listing.kind,
            filter=" and ".join(term for term in (*more, *conditions) if term),
            orderby=f"{column} {'desc' if self.sort.startswith('-') else 'asc'}",
            top=listing.size,
            skip=self.page * listing.size,
            **fields,
        )

    def query(self, **changes: str | int) -> str:
        """The address's query with these changes; an empty value leaves out. By default the first page."""
        base: dict[str, str | int] = {**self.terms, SORT: "" if self.sort == self.listing.order else self.sort}
        return urlencode({key: value for key, value in {**base, **changes}.items() if value})

    def to(self, **changes: str | int) -> str:
        """The list's address with these changes."""
        query = self.query(**changes)
        return f"{self.listing.address}?{query}" if query else self.listing.address

    @property
    def chips(self) -> list[Chip]:
        """The filters in force, each with the way to remove it."""
        labels = {entry.key: entry for entry in self.listing.filters}
        return [
            Chip(
                labels[key].label if key in labels else "Search",
                labels[key].words(text) if key in labels else text,
                self.to(**{key: ""}),
            )
            for key, text in self.terms.items()
        ]

    def sorted_by(self, key: str) -> str:
        """How a column is sorted, as `aria-sort` has it; empty where by another."""
        if self.sort.removeprefix("-") != key:
            return ""
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_address(self, key: str) -> str:
        """Sorted by a column, and from its other end where it is already."""
        return self.to(sort=f"-{key}" if self.sort == key else key)

    def numbers(self, total: int) -> list[int | None]:
        """The pages that are offered, from 0; None where some are left out. Empty where there is one page only."""
        last = max(0, -(-total // self.listing.size) - 1)
        if not last:
            return []
        near = {0, last, *range(max(0, self.page - BESIDE), min(last, self.page + BESIDE) + 1)}
        numbers: list[int | None] = []
        for page_index in sorted(near):
            if numbers and page_index - (numbers[-1] or 0) > 1:
                numbers.append(None)
            numbers.append(page_index)
        return numbers

    def count(self, total: int) -> str:
        """How many rows there are, in words."""
        more = "more than " if total > self.listing.exact_total else ""
        return more + self.listing.counted(min(total, self.listing.exact_total))
