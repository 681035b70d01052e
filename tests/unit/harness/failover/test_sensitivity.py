"""The table of how often the role moved."""

from harness.failover.sensitivity import Pause, table


def test_each_sensitivity_has_a_line_and_each_pause_a_column() -> None:
    pauses = [Pause("fast", 200, 0.2, moved=True), Pause("fast", 200, 0.21, moved=False)]
    head, fast, normal, _ = table([*pauses, Pause("normal", 50, 0.05, moved=False)]).splitlines()
    assert head.split()[5:9] == ["50", "ms", "100", "ms"]
    assert fast.split() == ["fast", "-", "-", "1", "of", "2", *"-----"]
    assert normal.split() == ["normal", "0", "of", "1", *"-------"]
    assert len({len(head), len(fast), len(normal)}) == 1
