"""Which addresses an outgoing connection may lead to."""

from __future__ import annotations

import socket

import pytest

from shared.outbound.guard import ForbiddenAddress, Guard, Reach
from shared.process.addresses import read_network

LOCAL = ["127.0.0.1", "127.9.9.9", "::1", "::", "0.0.0.0", "169.254.169.254", "169.254.7.7", "fe80::1", "224.0.0.1",
         "100.100.100.200", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
         "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1"]  # fmt: skip
PRIVATE = ["10.0.0.7", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.7", "64:ff9b::a00:7"]


@pytest.mark.parametrize("address", LOCAL)
def test_this_machine_and_metadata_are_reached_only_where_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddress):
        Guard().check(address, Reach())
    Guard().check(address, Reach(local=True))
    Guard(allow_local=True).check(address, Reach(private=False))


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_are_open_to_hosts_that_a_person_wrote_down(address: str) -> None:
    Guard().check(address, Reach())
    with pytest.raises(ForbiddenAddress, match="private network"):
        Guard().check(address, Reach(private=False))


def test_the_internet_is_open() -> None:
    for address in ("203.0.113.9", "2001:db8::1", "2002:cb00:7109::1"):
        Guard().check(address, Reach(private=False))


@pytest.mark.parametrize("address", ["10.0.5.9", "::ffff:10.0.5.9"])
def test_denied_networks_stay_closed_whatever_else_is_allowed(address: str) -> None:
    guard = Guard(allow_local=True, deny=[read_network("10.0.5.0/24")])
    with pytest.raises(ForbiddenAddress, match="OUTGOING_DENY") as raised:
        guard.check(address, Reach(local=True))
    assert raised.value.by_setting
    guard.check("10.0.6.9", Reach())


def test_an_own_address_counts_as_this_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no route, so no address of its own")
        own = probe.getsockname()[0]
    with pytest.raises(ForbiddenAddress, match="this machine"):
        Guard().check(own, Reach())


def test_a_name_that_resolves_to_this_machine_is_not_even_knocked_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for name in ("localhost", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
            with pytest.raises(ForbiddenAddress):
                Guard().connect(name, port, reach=Reach(), timeout_s=1)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("name", ["a" * 64 + ".example.com", "\u2024.", "nothing.invalid"])
def test_a_name_that_cannot_be_resolved_is_an_error_of_the_network(name: str) -> None:
    with pytest.raises(socket.gaierror):
        Guard().connect(name, 80, reach=Reach(), timeout_s=1)
