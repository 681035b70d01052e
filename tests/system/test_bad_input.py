"""What the appliance refuses, it refuses with one sentence, changes nothing, and goes on serving."""

from typing import Any

import httpx
import pytest

from harness.appliance import API, SERVICE_LABEL, Appliance, RestError
from harness.clients import OcsClient
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine

SERVICES = "/layer7/virtual-services"
GOOD: dict[str, Any] = {"label": "Another", "ip": "192.168.10.40", "ports": "80"}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"ports": "70000"}, 422, ["70000", "65535"]),
        ({"ports": "0"}, 422, ["0", "65535"]),
        ({"ports": ""}, 422, ["port"]),
        ({"label": SERVICE_LABEL}, 409, [SERVICE_LABEL]),
        ({"ip": "192.168.10.300"}, 422, ["192.168.10.300"]),
        ({"ports": "9443"}, 422, ["9443"]),
        ({"ip": "192.168.10.30", "ports": "5061"}, 409, ["5061", SERVICE_LABEL]),
        ({"ip": "192.168.2.21"}, 422, ["192.168.2.21"]),
        ({"label": "two\nlines"}, 422, ["label"]),
        ({"colour": "green"}, 422, ["colour"]),
    ],
)
def test_a_service_that_can_not_be_is_refused(
    lab: Lab, balancing: Appliance, change: dict[str, Any], status: int, words: list[str]
) -> None:
    before = balancing.get("/config")
    with pytest.raises(RestError) as refused:
        balancing.call("POST", SERVICES, GOOD | change)
    assert refused.value.status == status
    sentence = refused.value.problem["detail"]
    assert "\n" not in sentence
    assert all(word in sentence for word in words), sentence
    assert balancing.get("/config") == before
    assert OcsClient(lab, "192.168.10.100").register()


def test_a_malformed_body_is_refused(balancing: Appliance) -> None:
    answer = balancing.http.post(
        f"{API}{SERVICES}", content=b'{"label": ', headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "JSON" in answer.json()["detail"]


def test_a_change_based_on_a_stale_revision_is_refused(balancing: Appliance) -> None:
    tag = balancing.http.get(f"{API}/layer7/settings").headers["ETag"]
    balancing.call("PATCH", "/layer7/settings", {"client_timeout_ms": "20m"}, if_match=tag)
    with pytest.raises(RestError) as refused:
        balancing.call("PATCH", "/layer7/settings", {"client_timeout_ms": "10m"}, if_match=tag)
    assert refused.value.status == httpx.codes.PRECONDITION_FAILED
    assert balancing.get("/layer7/settings")["client_timeout_ms"] == 20 * 60_000


def test_a_wrong_password_is_refused_and_guessing_is_slowed_down(lab: Lab, fresh: Appliance) -> None:
    guesser = Appliance(lab, fresh.machine, host="client", login=("loadbalancer", "guess"))

    def status() -> int:
        with pytest.raises(RestError) as refused:
            guesser.get("/status")
        return refused.value.status

    assert status() == httpx.codes.UNAUTHORIZED
    assert httpx.codes.TOO_MANY_REQUESTS in {status() for _ in range(20)}
    assert fresh.get("/status"), "an administrator at another address was locked out, too"


def test_lbcli_does_and_refuses_the_same(lab: Lab, balancing: Appliance, guided: LibvirtMachine) -> None:
    assert SERVICE_LABEL in guided.run("lbcli status").stdout
    refused = guided.run("lbcli add-vip --label Web --ip 192.168.10.40 --ports 70000", check=False)
    assert refused.status == 1
    assert "70000" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    guided.run("lbcli add-vip --label Web --ip 192.168.10.40 --ports 5060")
    guided.run("lbcli add-rip --vip Web --label FE-1 --ip 192.168.10.31")
    guided.run(f"lbcli drain --vip {SERVICE_LABEL} --rip FE-1")
    assert balancing.real_servers()["FE-1"]["state"] == "drain"
    assert balancing.get(f"{SERVICES}/Web")["real_servers"][0]["ip"] == "192.168.10.31"
