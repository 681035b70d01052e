import pytest

from lbadmin.pair.advertisements import is_master

ROUTER = 20
ADVERTISEMENT = bytes.fromhex("3114fa0100085a3ac0a80a1e")  # of 250, every 80 ms, for one address


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param(ADVERTISEMENT, True, id="a master"),
        pytest.param(ADVERTISEMENT[:2] + b"\0" + ADVERTISEMENT[3:], False, id="one that gives its role away"),
        pytest.param(b"\x31\x15" + ADVERTISEMENT[2:], False, id="another virtual router"),
        pytest.param(b"\x21" + ADVERTISEMENT[1:], False, id="VRRP version 2"),
        pytest.param(ADVERTISEMENT[:2], False, id="cut off"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_a_master_is_known_by_its_advertisement(message: bytes, said: bool) -> None:
    assert is_master(message, ROUTER) == said
