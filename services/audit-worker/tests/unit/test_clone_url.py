from ipaddress import ip_address, ip_network

import pytest

from assay_audit.domain.clone_url import ClonePolicy, CloneTarget
from assay_audit.domain.errors import UrlNotAllowed
from assay_common.addresses import is_public

PUBLIC = ["140.82.121.3", "2606:50c0:8000::153"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/a.git",
        "git://example.org/a.git",
        "ssh://example.org/a.git",
        "file:///etc/passwd",
        "ext::sh -c true",
        "-oProxyCommand=true",
        "git@example.org:a/b.git",
        "https://user:secret@example.org/a.git",
        "https://user@example.org/a.git",
        "https://example.org/a.git?x=1",
        "https://example.org/a.git#x",
        "https://example.org\\@10.0.0.1/a.git",
        "https:///a.git",
        "https://example.org:99999/a.git",
        "https://exa mple.org/a",
        "https://example.org/\n",
        "https://[::1/a.git",
        "https://example.org/" + "a" * 3000,
    ],
)
def test_urls_that_are_refused(url):
    with pytest.raises(UrlNotAllowed) as refused:
        CloneTarget.parse(url)
    assert refused.value.violations[0].field == "url"
    assert "secret" not in refused.value.message


def test_a_plain_https_url_is_taken_apart():
    target = CloneTarget.parse("https://Forge.Example.org:8443/a/b.git")
    assert (target.host, target.port) == ("forge.example.org", 8443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2002:7f00:1::",
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(ip_address(address))
    with pytest.raises(UrlNotAllowed):
        ClonePolicy().check(CloneTarget.parse("https://example.org/a"), [*PUBLIC, address])


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_that_are_public(address):
    assert is_public(ip_address(address))


def test_a_public_host_is_allowed_on_its_port_only():
    ClonePolicy().check(CloneTarget.parse("https://example.org/a"), PUBLIC)
    with pytest.raises(UrlNotAllowed, match="443"):
        ClonePolicy().check(CloneTarget.parse("https://example.org:22/a"), PUBLIC)


def test_a_host_without_address_is_refused():
    with pytest.raises(UrlNotAllowed, match="no address"):
        ClonePolicy().check(CloneTarget.parse("https://example.org/a"), [])


def test_own_forges_are_allowed_by_name_or_network():
    target = CloneTarget.parse("https://forge.internal:8443/a")
    ClonePolicy(allowed_hosts=frozenset({"forge.internal"})).check(target, ["10.0.0.7"])
    ClonePolicy(allowed_networks=(ip_network("10.0.0.0/24"),)).check(target, ["10.0.0.7"])
    with pytest.raises(UrlNotAllowed):
        ClonePolicy(allowed_networks=(ip_network("10.0.1.0/24"),)).check(target, ["10.0.0.7"])
