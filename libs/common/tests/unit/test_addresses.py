from ipaddress import ip_address

import pytest

from assay_common.addresses import is_private, is_public

PUBLIC = ["140.82.121.3", "8.8.8.8", "2606:50c0:8000::153", "64:ff9b::808:808"]
NOWHERE = [
    "0.0.0.0",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "100.100.100.200",
    "fd00:ec2::254",
]
PRIVATE = ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "127.9.9.9", "::1", "fd12:3456::1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet(address):
    assert is_public(ip_address(address))
    assert not is_private(ip_address(address))


@pytest.mark.parametrize("address", PRIVATE)
def test_ones_own_network(address):
    assert not is_public(ip_address(address))
    assert is_private(ip_address(address))


@pytest.mark.parametrize("address", NOWHERE)
def test_what_nobody_is_sent_to(address):
    assert not is_public(ip_address(address))
    assert not is_private(ip_address(address))
