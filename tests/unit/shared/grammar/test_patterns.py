"""Which names a pattern wants, and why."""

from __future__ import annotations

import itertools
import re

import pytest

from shared.grammar.patterns import BadPattern, check_pattern, check_tag_pattern, judge, matches, newest
from shared.grammar.versions import parse_range, parse_version


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        (None, "latest", True),
        ("", "anything", True),
        ("  ", "anything", True),
        ("1.2", "1.2", True),
        ("1.2", "1x2", False),
        ("regex:1.2", "1x2", True),
        ("acme/wordpress", "acme/wordpress", True),
        ("acme/web-app_2", "acme/web-app_2", True),
        (r"v\d+", "v12", True),
        (r"v\d+", "v12-rc", False),
        (r"v\d+", "xv12", False),
        (r"^v\d+$", "v12", True),
        ("dev|prod", "prod", True),
        ("dev|prod", "production", False),
        ("^(?!latest).*$", "latest", False),
        ("^(?!latest).*$", "1.0", True),
        ("glob:v1.*", "v1.2.3", True),
        ("glob:v1.*", "v10", False),
        ("glob:acme/*", "acme/web", True),
        ("glob:acme/*", "acme/team/web", False),
        ("glob:acme/**", "acme/team/web", True),
        ("glob:release-?", "release-a", True),
        ("glob:[!a]b", "cb", True),
        ("glob:[!a]b", "ab", False),
        ("glob:a+b", "a+b", True),
        ("glob:[[a]1", "[1", True),
        ("glob:[a&&b]1", "a1", True),
        ("glob:[a~~b|]1", "|1", True),
        ("glob:[+--]1", ",1", True),
        (r"glob:[\d]1", "d1", True),
        (r"glob:[\d]1", "11", False),
        ("glob:[^a]b", "cb", True),
        ("glob:[a^]b", "^b", True),
        ("glob:v[[:digit:]_]", "v7", True),
        ("glob:v[[:digit:]_]", "vd", False),
        ("v[[:digit:]]+", "v17", True),
        ("v[[:digit:]]+", "vd]", False),
        ("v[a-c[x-z]]", "vy", True),
        ("v[a-z&&[^x]]", "vx", False),
        (r"v\p{Nd}\z", "v7", True),
        (r"(?!v0)v[\[0-9]\d", "v[1", True),
        ("semver:^1.4", "v1.9.0", True),
        ("semver:^1.4", "1.3.9", False),
        ("semver:^1.4", "latest", False),
        ("1.2\n1.3", "1.3", True),
        (".*\n!latest", "latest", False),
        ("!latest\n!glob:*-rc*", "1.0-rc1", False),
        ("!latest", "1.0", True),
    ],
)
def test_a_pattern_wants_a_name_or_not(pattern: str | None, name: str, wanted: bool) -> None:
    assert matches(pattern, name) is wanted


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        ("^1.2.3", ["1.2.3", "1.9.0"], ["1.2.2", "2.0.0", "1.3.0-rc.1"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("^0", ["0.9.0"], ["1.0.0"]),
        ("~1.4.2", ["1.4.2", "1.4.9"], ["1.5.0"]),
        ("~1", ["1.9.9"], ["2.0.0"]),
        ("1.x", ["1.0.0", "v1.7"], ["2.0"]),
        ("1.2.*", ["1.2.9"], ["1.3.0"]),
        ("*", ["0.0.0", "9.9.9"], ["1.0.0-rc.1", "latest"]),
        ("x", ["1"], []),
        ("1.2.3", ["1.2.3", "v1.2.3+build.5"], ["1.2.4"]),
        (">=1.2 <2", ["1.2.0", "1.99"], ["1.1.9", "2.0.0"]),
        (">=1.2, <2", ["1.5"], ["2.0"]),
        (">1.4", ["1.5.0"], ["1.4.9", "1.4.0"]),
        ("<=1.4", ["1.4.9"], ["1.5.0"]),
        ("<1.4", ["1.3.9"], ["1.4.0"]),
        ("1.2 - 1.4", ["1.2.0", "1.4.9"], ["1.5.0", "1.1.0"]),
        ("<1 || >=2", ["0.9", "2.1"], ["1.5"]),
        (">=1.0.0-0", ["1.1.0-rc.1", "1.0.0-alpha", "1.0.0", "3.0.0-rc.1", "9.9"], ["0.9.9", "latest"]),
        (">=1.0.0-0 <2.0.0-0", ["1.1.0-rc.1", "1.9"], ["2.0.0-rc.1", "2.0.0", "0.9.0-rc.1"]),
        ("^1.x-0", ["1.0.0-rc.1", "1.4.0-rc.1", "1.9.9"], ["2.0.0-rc.1", "2.0.0", "0.9.0"]),
        ("^1-0", ["1.4.0-rc.1"], ["2.0.0-rc.1"]),
        ("~1.4-0", ["1.4.0-rc.1", "1.4.9-rc.1"], ["1.5.0-rc.1", "1.3.0"]),
        ("1.x-0", ["1.4.0-rc.1"], ["2.0.0-rc.1"]),
        ("*-0", ["1.4.0-rc.1", "0.0.0-0"], ["latest"]),
        (">=1-0 || 0.9.0", ["1.4.0-rc.1", "0.9.0"], ["0.9.0-rc.1"]),
        ("1.2-0 - 1.4-0", ["1.2.0-rc.1", "1.4.3-rc.1"], ["1.5.0-rc.1"]),
        ("1.2.3-0", ["1.2.3-0"], ["1.2.3", "1.2.4-rc.1"]),
        (">=10.0.19041.1", ["10.0.19041.2", "10.0.19041.10", "10.1"], ["10.0.19041", "10.0.19040.9"]),
        ("~10.0.19041.1", ["10.0.19041.2", "10.0.19042"], ["10.1", "10.0.19041.0"]),
        ("1.2.3.4", ["1.2.3.4", "v1.2.3.4"], ["1.2.3", "1.2.3.5", "1.2.3.4-rc.1"]),
        (">=2026-11-01", ["2026-11-29", "2026.12", "2026-11-01-2"], ["2026-10-31", "2025-12-31"]),
        ("2026.11.x", ["2026.11.29", "2026-11-29"], ["2026.12.1"]),
        (">=1.2.0-rc.1", ["1.2.0-rc.2", "1.2.0-rc.10", "1.2.0"], ["1.2.0-beta", "1.3.0-rc.1"]),
    ],
)
def test_a_range_of_versions(range_: str, inside: list[str], outside: list[str]) -> None:
    assert [name for name in inside if not matches(f"semver:{range_}", name)] == []
    assert [name for name in outside if matches(f"semver:{range_}", name)] == []


def test_versions_are_in_the_order_of_semver() -> None:
    names = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.2.0",
        "1.10.0",
    ]
    versions = [version for name in names if (version := parse_version(name)) is not None]
    assert len(versions) == len(names)
    shuffled = [*versions[3:], *versions[:3]]
    assert sorted(shuffled) == versions
    assert max(versions) == versions[-1]
    assert parse_version("latest") is None


@pytest.mark.parametrize(
    "names",
    [
        ["1.2.3", "1.2.3.1", "1.2.3.9", "1.2.3.10", "1.2.4-rc.1", "1.2.4"],
        ["10.0.19041.1-rc.1", "10.0.19041.1", "10.0.19041.264"],
        ["2025.12.31", "2026.1.1", "2026.01.02", "2026.11.29", "2026.11.29-1", "2026.11.29-10", "2026.11.30"],
        ["2025-12-31", "2026-01-02", "2026-11-29", "2026-11-29-1", "2026-11-29.2", "2026-12"],
        ["22.04", "22.10", "24.04.1"],
        ["20251231", "20261129", "20261129-0915", "20261129-1530", "20261130"],
        ["2026.11.0-rc.1", "2026.11.0", "2026.11.1"],
    ],
)
def test_versions_of_four_parts_and_calendar_versions_are_ordered(names: list[str]) -> None:
    versions = [parse_version(name) for name in names]
    assert None not in versions
    assert all(one < other for one, other in itertools.pairwise(versions) if one and other)
    assert newest("", reversed(names)) == names[-1]


@pytest.mark.parametrize(
    ("pattern", "name", "said"),
    [
        ("semver:>=1.0.0", "1.1.0-rc.1", ": it is a pre-release, which semver:>=1.0.0-0 would want"),
        ("semver:^1.x", "1.1.0-rc.1", ": it is a pre-release, which semver:^1.x-0 would want"),
        ("semver: >=1 <2", "1.1.0-rc.1", ": it is a pre-release, which semver:>=1-0 <2-0 would want"),
        ("semver:1.2 - 1.4", "1.3.0-rc.1", ": it is a pre-release, which semver:1.2-0 - 1.4-0 would want"),
        ("semver:>=1.0.0-alpha", "1.1.0-rc.1", ": it is a pre-release, which semver:>=1.0.0-0 would want"),
        ("semver:>=1.0.0-a+b <2", "1.1.0-rc.1", ": it is a pre-release, which semver:>=1.0.0-0 <2-0 would want"),
        ("semver:>=2026-11-01", "2026.12.0-rc.1", ": it is a pre-release, which semver:>=2026.11.01-0 would want"),
        ("semver:<2.0.0", "2.0.0-rc.1", ": it is a pre-release, which semver:<2.0.0 || 2.0.0-rc.1 would want"),
        ("latest\nsemver:^1", "1.1.0-rc.1", ": it is a pre-release, which semver:^1-0 would want"),
        ("semver:>=2", "1.1.0-rc.1", ""),
        ("semver:^1", "latest", ""),
        ("v.*", "1.1.0-rc.1", ""),
    ],
)
def test_a_reason_says_what_wants_a_pre_release(pattern: str, name: str, said: str) -> None:
    whole = " or ".join(pattern.splitlines())
    assert judge(pattern, name).reason == f"{name} does not match {whole}{said}"
    if said:
        wanted = said.removeprefix(": it is a pre-release, which ").removesuffix(" would want")
        assert judge(wanted, name).wanted


@pytest.mark.parametrize("range_", ["", "abc", "1.2.3.4.5", ">=", "^1 and 2", "1..2", "1.x.2", ">=rc-0"])
def test_what_is_no_range_is_refused(range_: str) -> None:
    with pytest.raises(ValueError, match=r"range|version"):
        parse_range(range_)


@pytest.mark.parametrize(
    "pattern", ["(", "semver:abc", "glob:", "a" * 1001, "a(?=(a+)+b)c", "*", "a)|(?:b", "glob:[z-a]"]
)
def test_what_is_no_pattern_is_a_flaw(pattern: str) -> None:
    (flaw,) = check_pattern(pattern, "tagNamePattern")
    assert flaw.path == "tagNamePattern"
    with pytest.raises(BadPattern):
        matches(pattern, "x")


def test_a_set_that_is_not_closed_is_refused_with_what_to_write() -> None:
    (flaw,) = check_pattern("[[a]")
    assert flaw.message == r"[[a] is not a regular expression: unclosed character class; write \[ for [ inside […]"


NAMES = [
    "".join(letters)
    for count in range(5)
    for letters in itertools.product(("v", "1", "-", "rc", "."), repeat=count)
    if letters
]


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?!v1).*$",
        r"(?!v1)(?!.*rc).+",
        r"(?=.*rc)v.*",
        r"(?i)(?!.*RC)V.*",
        r"^(?:(?!rc).)*$",
        r"^((?!v1|rc).)+$",
        r"(?!v)((?!rc).)*",
        r"v.*(?<!rc)",
        r"^v.*(?<!rc)(?<!1)$",
        r".*(?<=rc)\Z",
        r"(^(?!v$)v.*$)",
        r"(?:(?!v)(?:1|-).*)",
        r"(?!v1\b).*",
        r"(?!.*[^v\d.])[\w.]+",
        r"v(?P<minor>\d)(?:\.\d){0,2}",
        r"\D\S*|\W",
    ],
)
def test_what_looks_around_at_an_end_means_what_it_means_elsewhere(pattern: str) -> None:
    elsewhere = re.compile(pattern, re.ASCII)
    assert [name for name in NAMES if matches(pattern, name)] == [name for name in NAMES if elsewhere.fullmatch(name)]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"v(?!1)\d", r"looks around where that is not supported \(\(\?!\)"),
        (r"(?!a)b|c", "looks around"),
        (r"(?:(?!a).|b)*", "looks around"),
        (r"(?!v(?=1)).*", "looks around"),
        (r"(?!a)*b", "looks around"),
        (r"(?x)(?!a)b", "looks around"),
        (r"(a)\1", "has a back reference"),
        (r"(?P<a>.)(?P=a)", "is not a regular expression"),
        (r"(?>a)b", "is not a regular expression"),
        (r".{1,1000}.{1,1001}", "repeats too much"),
        (r"((a{100}){100}){100}", "repeats too much"),
        (r"(\p{L}){100}", "repeats too much"),
        (r"a{99999999999999999999}", "repeats too much"),
        ("a+\n" * 101, "more than 100 lines"),
    ],
)
def test_what_cannot_be_matched_in_linear_time_is_refused_with_the_reason(pattern: str, reason: str) -> None:
    (flaw,) = check_pattern(pattern)
    assert re.search(reason, flaw.message), flaw.message


def test_letters_and_digits_are_those_of_ascii_as_in_java() -> None:
    assert matches(r"\w+", "a_1") and not matches(r"\w+", "ä") and not matches(r"\d", "٣") and matches(r"[\W-]+", "ä-")


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("semver>=1", "did you mean semver:>=1?"),
        ("semvr:>=1 <2", "did you mean semver:>=1 <2?"),
        ("semvr:^1.4", "did you mean semver:^1.4?"),
        ("SemVer:>=1.0", "did you mean semver:>=1.0?"),
        (">=1.0", "did you mean semver:>=1.0?"),
        ("~1.4", "did you mean semver:~1.4?"),
        ("acme/web:semver:>=1", "did you mean semver:>=1?"),
        ("acme/web:1.4", "did you mean 1.4?"),
        ("v1, v2", "write each pattern on a line of its own"),
        ("latest\n!gl0b:x*-rc*", "did you mean glob:x*-rc*?"),
    ],
)
def test_a_pattern_that_no_tag_can_match_is_a_flaw_with_what_was_meant(pattern: str, hint: str | None) -> None:
    (flaw,) = check_tag_pattern(pattern, "tagNamePattern")
    assert flaw.hint == hint and "matches no tag" in flaw.message and flaw.path == "tagNamePattern"
    assert not judge(pattern, "1.4.1").wanted
    assert check_pattern(pattern) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "1.4",
        "v1-rc_2",
        "^v?1",
        r"v\d+",
        "a:?b",
        "a/b|c",
        "(?:a|b)",
        "[a:]b",
        "glob:v*",
        "semver:>=1 <2",
        "regex:v.*",
        "",
    ],
)
def test_what_a_tag_may_match_is_no_flaw(pattern: str) -> None:
    assert check_tag_pattern(pattern) == []


@pytest.mark.parametrize("pattern", ["1.x", "^1.2", "1.4", "v1"])
def test_a_range_that_lacks_its_kind_is_named_where_it_would_have_matched(pattern: str) -> None:
    tag = {"v1": "1.0.3"}.get(pattern, "1.4.2")
    assert (
        judge(pattern, tag).reason
        == f"{tag} does not match {pattern}: as a range of versions it is written semver:{pattern}"
    )
    assert "range" not in judge(pattern, "3.0.0").reason and "range" not in judge(pattern, "latest").reason


def test_a_good_pattern_has_no_flaw() -> None:
    assert check_pattern(r"v\d+") == []
    assert check_pattern(None) == []


def test_the_verdict_says_what_decided() -> None:
    assert judge("glob:v*", "w1").reason == "w1 does not match glob:v*"
    assert judge("a\nb", "c").reason == "c does not match a or b"
    assert judge("", "latest", exclude=["latest", "glob:*-rc*"]).reason == "latest is excluded by latest"
    assert judge("", "1-rc1", exclude=["latest", "glob:*-rc*"]).wanted is False
    assert judge("", "1.0").reason == "any tag is wanted"


def test_the_newest_of_the_wanted_versions() -> None:
    assert newest("semver:^1", ["1.2.0", "1.10.0", "v1.9", "2.0.0", "latest"]) == "1.10.0"
    assert newest("", ["latest"]) is None
