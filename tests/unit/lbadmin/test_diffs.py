"""What a person sees of the difference between two documents."""

from lbadmin.diffs import MAX_LINES, diff


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


def test_a_huge_difference_is_cut_and_says_so() -> None:
    lines = diff({}, {"list": list(range(3 * MAX_LINES))}, "a", "b")
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "… more differs than is shown here"
