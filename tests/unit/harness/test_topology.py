from harness import topology


def test_hosts_have_the_addresses_of_the_guide() -> None:
    addresses = {
        host.name: [str(address.ip) for link in host.links for address in link.addresses]
        for host in topology.hosts(2)
    }
    assert addresses["fe1"] == ["192.168.10.31"]
    assert addresses["fe2"] == ["192.168.10.32"]
    assert addresses["client"] == [*(f"192.168.10.{octet}" for octet in range(100, 251)), "192.168.2.100"]


def test_no_two_hosts_share_an_address_and_none_is_the_vip() -> None:
    addresses = [
        address.ip
        for host in topology.hosts(topology.MAX_FRONT_ENDS, topology.MAX_LOAD_HOSTS)
        for link in host.links
        for address in link.addresses
    ]
    addresses += [network.lab_address.ip for network in topology.NETWORKS]
    addresses += [*topology.MACHINE_ADDRESSES.values(), topology.VIP]
    assert len(addresses) == len(set(addresses))


def test_interface_names_fit_the_kernel() -> None:
    names = [
        word
        for host in topology.hosts(topology.MAX_FRONT_ENDS, topology.MAX_LOAD_HOSTS)
        for line in topology.cable_commands(host)
        for word in line.split()[2:3]
    ]
    assert all(len(name) < 16 for name in names)


def test_mac_addresses_are_fixed_and_different() -> None:
    macs = {topology.mac_address(machine, nic) for machine in ("lb1", "lb2") for nic in (0, 1)}
    assert len(macs) == 4
    assert topology.mac_address("lb1", 0) == "52:54:00:1d:38:81"


def test_each_load_host_has_a_crowd_of_its_own_to_which_the_first_one_leads() -> None:
    hosts = [topology.load_host(number, 3) for number in (1, 2, 3)]
    assert [str(host.crowd) for host in hosts] == ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
    assert "route add local 10.1.0.0/16 dev lo" in topology.address_commands(hosts[0])
    assert "route add 10.3.0.0/16 via 192.168.10.83" in topology.address_commands(hosts[0])
    assert not any(" via " in line for line in topology.address_commands(hosts[2]))
