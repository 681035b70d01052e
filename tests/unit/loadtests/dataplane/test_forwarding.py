"""What layer 4 carries beside layer 7: the table of turns that are known."""

from loadtests.dataplane.forwarding import LAYER_7, WAYS, table
from loadtests.dataplane.results import Turn


def test_each_way_has_its_middle_figure_and_its_part_of_layer_7s() -> None:
    direct = next(way.title for way in WAYS if way.forwarding == "dr")
    turns = [Turn(LAYER_7, "connections", number, rate) for number, rate in enumerate((400.0, 500.0, 900.0))]
    turns += [Turn(direct, "connections", 0, 1500.0), Turn(direct, "bulk", 0, 2000.0)]
    head, connections, sign_ins, bulk = table(turns).splitlines()
    assert head.split("  ")[-1].strip() == direct
    assert connections.split() == ["new", "connections", "a", "second", "500", "(1.00)", "1,500", "(3.00)"]
    assert sign_ins.split() == ["sign-ins", "a", "second", "–", "–"]
    assert bulk.split() == ["bulk,", "Mbit/s", "–", "2,000"]


def test_layer_7_and_every_method_take_turns() -> None:
    assert [way.forwarding for way in WAYS] == ["", "snat", "nat", "dr", "tun"]
    assert len({way.vip for way in WAYS}) == len(WAYS)
