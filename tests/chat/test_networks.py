"""Networks are found by an address as a look at each of them would find them."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.networks import Networks, network_named, shown, unmapped, within

hosts = st.one_of(
    st.ip_addresses(v=4, network="10.0.0.0/28"), st.ip_addresses(v=6, network="2001:db8::/124")
).map(str)
networks = st.builds(
    lambda host, cut: str(ip_network(f"{host}/{max(ip_address(host).max_prefixlen - cut, 0)}", strict=False)),
    hosts,
    st.sampled_from([0, 0, 1, 2, 3, 4, 128]),
)


@given(st.lists(st.tuples(networks, st.booleans()), max_size=30), st.lists(hosts, max_size=10))
def test_they_are_those_that_one_by_one_would_be_found(steps, asked):
    known, model = Networks(), {}
    for number, (network, put) in enumerate(steps):
        if put:
            assert known.put(network, number) == model.get(network)
            model[network] = number
        elif network in model:
            assert known.drop(network) == model.pop(network)
        assert (network in known) == (network in model)
    assert len(known) == len(model)
    assert sorted(known.values()) == sorted(model.values())
    for host in asked:
        expected = {number for network, number in model.items() if within(host, network)}
        assert set(known.around(host)) == expected


def test_what_is_no_address_is_in_none():
    known = Networks()
    known.put("0.0.0.0/0", 1)
    assert list(known.around("unix")) == []
    assert list(known.around("::1")) == []
    assert list(known.around("10.0.0.1")) == [1]


@pytest.mark.parametrize(
    ("text", "network", "form"),
    [
        ("192.0.2.7", "192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.9/24", "192.0.2.0/24", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7/32", "192.0.2.7"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24", "192.0.2.0/24"),
        ("2001:DB8::1", "2001:db8::1/128", "2001:db8::1"),
        ("::/0", "::/0", "::/0"),
    ],
)
def test_networks_have_one_spelling_and_one_for_people(text, network, form):
    assert unmapped(network_named(text)) == network
    assert shown(network) == form
    assert network_named(form) == network
