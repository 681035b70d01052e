"""What a person sees of the difference between two documents."""

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from lbadmin.diffs import MAX_LINES, diff, pretty
from lbadmin.rules import parse_cluster


def service(label: str, **fields: object) -> dict[str, object]:
    servers = [{"label": f"FE-{n}", "ip": f"192.168.10.{n}", "port": None, "weight": 100} for n in (1, 2)]
    return {"label": label, "ip": "192.168.10.30", "ports": [5060], **fields, "real_servers": servers}


def test_equal_documents_have_no_difference() -> None:
    document = {"virtual_services": [service("one")]}
    assert diff(document, document, "a", "b") == []


def test_a_difference_tells_in_which_service_and_real_server_it_is() -> None:
    old = {"virtual_services": [service("one"), service("two")]}
    new = {"virtual_services": [service("one"), service("two")]}
    new["virtual_services"][1]["real_servers"][1]["weight"] = 7  # type: ignore[index] # JSON is any shape
    lines = diff(old, new, "revision 1", "revision 2")
    assert lines[:2] == ["--- revision 1", "+++ revision 2"]
    assert lines[2].endswith("@@ two FE-2")
    assert [line for line in lines[3:] if line[0] in "+-"] == [
        '-          "weight": 100',
        '+          "weight": 7',
    ]


def test_a_text_of_several_lines_is_compared_by_its_lines() -> None:
    old = {"virtual_services": [service("one", manual_configuration="mode tcp\nbalance roundrobin\n")]}
    new = {"virtual_services": [service("one", manual_configuration="mode tcp\nbalance source\n")]}
    changed = [line.strip("+- ,") for line in diff(old, new, "a", "b")[2:] if line[0] in "+-"]
    assert changed == ['"balance roundrobin"', '"balance source"']


def patched(lines: list[str], difference: list[str]) -> list[str]:
    """Return the lines with a unified diff applied (POSIX, "Diff -u Output Format")."""
    made: list[str] = []
    done = 0
    for line in difference[2:]:
        hunk = re.match(r"@@ -([0-9]+)(,0)?", line)
        if hunk is not None:
            start = int(hunk[1]) - (0 if hunk[2] else 1)
            made += lines[done:start]
            done = start
            continue
        if line[0] in " -":
            assert lines[done] == line[1:]
            done += 1
        if line[0] in " +":
            made.append(line[1:])
    return made + lines[done:]


@given(*[st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 2)), unique_by=lambda s: s[0])] * 2)
def test_a_difference_leads_from_one_document_to_the_other(
    one: list[tuple[str, int]], other: list[tuple[str, int]]
) -> None:
    old, new = (
        {"virtual_services": [service(label, port=port) for label, port in each]} for each in (one, other)
    )
    assert patched(pretty(old), diff(old, new, "old", "new")) == pretty(new)


def many(weight: int) -> dict[str, object]:
    services = [
        {
            "label": f"OCS-{n}",
            "ip": f"10.0.{n}.1",
            "ports": [5060],
            "real_servers": [
                {"label": f"FE-{n}-{m}", "ip": f"10.1.{n}.{m + 1}", "weight": weight + m} for m in range(4)
            ],
        }
        for n in range(250)
    ]
    return parse_cluster({"virtual_services": services}).model_dump(mode="json")


def test_a_difference_in_each_of_many_services_is_found_in_no_time() -> None:
    old, new = many(1), many(100)
    began = time.process_time()
    diff(old, new, "old", "new")
    assert time.process_time() - began < 1.0, "seconds; line by line it would take several"


def test_a_huge_difference_is_cut_and_says_so() -> None:
    lines = diff({}, {"list": list(range(3 * MAX_LINES))}, "a", "b")
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "… more differs than is shown here"
