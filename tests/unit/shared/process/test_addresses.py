"""What an address is, whatever it is wrapped in."""

from __future__ import annotations

import pytest

from shared.process.addresses import (
    hidden_ipv4,
    is_global,
    is_link_local,
    is_local,
    is_loopback,
    is_metadata,
    is_private,
    is_private_way,
    is_within,
    mapped_network,
    normal_text,
    normalise,
    parts_of,
    read_network,
)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[::ffff:c000:207]", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[::1]", "::1"),
    ],
)
def test_an_address_has_one_form(written: str, plain: str) -> None:
    assert str(normalise(written)) == normal_text(written) == plain


@pytest.mark.parametrize("written", ["", "localhost", "1.2.3", "1.2.3.4:80", "::ffff:1.2.3.400"])
def test_what_is_no_address_is_none(written: str) -> None:
    assert normalise(written) is None
    assert normal_text(written) == written
    assert not any(check(written) for check in (is_local, is_private, is_global))


@pytest.mark.parametrize(
    ("written", "hidden"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("64:ff9b:1::a00:1", "10.0.0.1"),
        ("2002:7f00:1::", "127.0.0.1"),
        ("2002:c000:207:5::9", "192.0.2.7"),
        ("::127.0.0.1", "127.0.0.1"),
        ("::1", "None"),
        ("::", "None"),
        ("2001:db8::7f00:1", "None"),
        ("127.0.0.1", "None"),
    ],
)
def test_ipv4_within_ipv6_is_found(written: str, hidden: str) -> None:
    assert str(hidden_ipv4(written)) == hidden


@pytest.mark.parametrize(
    "written",
    ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"],
)
def test_this_machine_is_found_however_it_is_written(written: str) -> None:
    assert is_loopback(written) and is_local(written) and not is_global(written)


@pytest.mark.parametrize("written", ["169.254.1.1", "fe80::1%eth0", "::ffff:169.254.1.1"])
def test_the_own_wire_is_link_local(written: str) -> None:
    assert is_link_local(written) and is_local(written)


@pytest.mark.parametrize(
    "written",
    ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe"],
)
def test_metadata_services_are_known(written: str) -> None:
    assert is_metadata(written) and is_local(written)


@pytest.mark.parametrize(
    "written", ["10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.1.2.3", "2002:a00:1::"]
)
def test_private_networks_are_not_local(written: str) -> None:
    assert is_private(written) and not is_local(written) and not is_global(written)


@pytest.mark.parametrize("written", ["93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"])
def test_the_rest_is_the_internet(written: str) -> None:
    assert is_global(written) and not is_private(written) and not is_local(written)


def test_a_mapped_address_is_within_the_networks_of_its_ipv4() -> None:
    networks = (read_network("10.0.0.0/8"), read_network("2001:db8::/32"))
    assert is_within("::ffff:10.1.2.3", networks) and is_within("2001:db8::5", networks)
    assert not is_within("::ffff:11.1.2.3", networks) and not is_within("nothing", networks)


@pytest.mark.parametrize(
    ("written", "network"),
    [
        ("10.0.0.7/8", "10.0.0.0/8"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_a_network_has_one_form(written: str, network: str) -> None:
    assert str(read_network(written)) == network


def test_an_ipv4_network_is_seen_by_a_dual_stack_socket_as_a_mapped_one() -> None:
    assert mapped_network(read_network("10.0.0.0/8")) == mapped_network(read_network("::ffff:10.0.0.0/104"))
    assert str(mapped_network(read_network("10.0.0.0/8"))) == "::ffff:10.0.0.0/104".replace("10.0.0.0", "a00:0")


@pytest.mark.parametrize(
    ("url", "is_private"),
    [
        ("https://sso.example.com", True),
        ("https://10.0.0.1/x", True),
        ("http://127.0.0.1:8080/realm", True),
        ("http://localhost", True),
        ("http://[::1]:8080", True),
        ("http://[::ffff:127.0.0.1]", True),
        ("http://sso.example.com", False),
        ("http://10.0.0.1", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1@evil.test", False),
        ("ftp://127.0.0.1", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_only_https_and_loopback_keep_what_is_sent(url: str, is_private: bool) -> None:
    assert is_private_way(url) is is_private


@pytest.mark.parametrize("url", ["https://[", "https://a]b", "https://a:99999", "https://a:x", "http://[::1", "//[x"])
def test_an_address_that_cannot_be_read_has_no_server(url: str) -> None:
    parts = parts_of(url)
    assert (parts.scheme, parts.netloc, parts.hostname, parts.port, parts.path) == ("", "", None, None, url)


def test_an_address_that_can_be_read_keeps_its_parts() -> None:
    parts = parts_of("https://ann@[::1]:8443/x?y#z")
    assert (parts.scheme, parts.hostname, parts.port, parts.path, parts.query) == ("https", "::1", 8443, "/x", "y")
