from harness.report import known_bad_lines

GOOD = """\
[    0.000000] Linux version 6.12.48+deb13-cloud-amd64
[[0;32m  OK  [0m] Started haproxy.service - HAProxy Load Balancer.
lbva login:
"""


def test_a_healthy_console_has_no_findings() -> None:
    assert known_bad_lines(GOOD) == []


def test_bad_lines_are_found_once_each_and_without_colours() -> None:
    bad = "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mhaproxy.service\x1b[0m.\r\n"
    console = GOOD + bad + bad + "[   12.3] Kernel panic - not syncing: Attempted to kill init!\n"
    assert known_bad_lines(console) == [
        "[FAILED] Failed to start haproxy.service.",
        "[   12.3] Kernel panic - not syncing: Attempted to kill init!",
    ]
