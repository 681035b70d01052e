"""The management plane on the booted appliance: what its sandbox allows, its memory, how it begins anew."""

import io
import json
import tarfile

import httpx
import pytest

from harness.appliance import API, Appliance, RestError
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.topology import SERVICE
from tests.system.conftest import BOOT_S

SECURE_VIP = SERVICE.interface(40).ip
SCRIPT = "#!/bin/bash\nexec 3<>/dev/tcp/$3/$4\n"
RESIDENT_MAX_KIB = 165_000
"""What lbadmind and lbadmin-web may take together of the 2 GB machine; with layer 4 they took 157,000."""


def test_certificates_checks_and_scripts_work_within_the_sandbox(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    certificate = {
        "label": "secure",
        "common_name": "pool.example.com",
        "names": ["pool.example.com"],
        "days": 30,
    }
    balancing.call("POST", "/layer7/certificates/self-signed", certificate)
    balancing.call("POST", "/layer7/check-scripts", {"label": "connect", "text": SCRIPT})
    front_end = lab.front_ends[0]
    service = {
        "label": "secure",
        "ip": str(SECURE_VIP),
        "ports": [443],
        "protocol": "http",
        "tls_certificate": "secure",
        "health_check": {"type": "external", "script": "connect", "rise": 1},
        "real_servers": [{"label": "FE-1", "ip": str(front_end.address), "port": 443, "re_encrypt": True}],
    }
    balancing.call("POST", "/layer7/virtual-services", service)

    def served() -> bool:
        with lab.http(f"https://{SECURE_VIP}", host="client", source="192.168.10.190") as web:
            return front_end.name in web.get("/").text

    Deadline(60).wait_until(
        served, "the page through the appliance's TLS", ignoring=(httpx.HTTPError, OSError)
    )
    service_text = {"manual_configuration": "bind 192.168.10.40:443\nhttp-request nonsense\n"}
    with pytest.raises(RestError, match="HAProxy refuses this configuration"):
        balancing.call("PATCH", "/layer7/virtual-services/secure", service_text)
    assert balancing.get("/layer7/certificates/secure")["expires_in_days"] in {29, 30}
    assert guided.run("ls /run/lbadmin-work").stdout == ""
    assert guided.run("stat --format %a /var/lib/lbadmin/keys/*.pem").stdout == "600\n"


def test_logs_support_and_statistics_are_read_within_the_sandbox(lab: Lab, balancing: Appliance) -> None:
    entries = balancing.get("/logs?source=management&text=revision")["entries"]
    assert any("revision" in entry["message"] for entry in entries)
    answer = balancing.http.get(f"{API}/support", timeout=120)
    assert answer.status_code == httpx.codes.OK
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        texts = {}
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None:
                texts[member.name] = file.read().decode(errors="replace")
    everything = "\n".join(texts.values())
    for expected in ("OCS-Front-End", "haproxy", "linux-image-", "192.168.10.21", "Started "):
        assert expected in everything, expected
    assert "PRIVATE KEY" not in everything
    assert "$argon2" not in everything
    report = balancing.http.get(f"{API}/reports/layer7")
    assert "Statistics Report" in report.text
    assert {each["name"] for each in balancing.get("/interfaces")["interfaces"]} >= {"eth0", "eth1"}


def test_a_host_name_is_set_within_the_sandbox(fresh: Appliance, downloaded: LibvirtMachine) -> None:
    fresh.call("PATCH", "/node", {"hostname": "lb-north"})
    assert downloaded.run("hostname").stdout == "lb-north\n"
    assert fresh.get("/status")["node"]["hostname"] == "lb-north"


def test_the_management_plane_stays_small(balancing: Appliance, guided: LibvirtMachine) -> None:
    login = {"user": "loadbalancer", "password": "loadbalancer"}
    token = balancing.call("POST", "/session", login)["token"]
    for path in ("/lbadmin/", "/lbadmin/layer7/services", "/lbadmin/view/history", "/lbadmin/logs"):
        page = balancing.http.get(path, headers={"Cookie": f"__Host-lbadmin={token}"})
        assert page.status_code == httpx.codes.OK
    balancing.get("/openapi.json")
    resident = {}
    for unit in ("lbadmind", "lbadmin-web"):
        pid = guided.run(f"systemctl show --property MainPID --value {unit}").stdout.strip()
        status = guided.run(f"cat /proc/{pid}/status").stdout
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        resident[unit] = int(line.split()[1])
    print(json.dumps(resident))
    assert sum(resident.values()) < RESIDENT_MAX_KIB, resident


def test_lbcli_and_its_completion_are_there(balancing: Appliance, guided: LibvirtMachine) -> None:
    assert "OCS-Front-End" in guided.run("lbcli status").stdout
    refused = guided.run("lbcli delete-vip --label none", check=False)
    assert (refused.status, refused.stderr.count("\n")) == (1, 1)
    complete = "bash -ic 'complete -p lbcli' 2>/dev/null"
    assert "lbcli" in guided.run(complete).stdout


def test_a_factory_reset_forgets_everything_and_comes_back(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    new = "a much better password"
    change = {"current": "loadbalancer", "new": new}
    balancing.call("PUT", "/users/loadbalancer/password", change)
    balancing.http.auth = httpx.BasicAuth("loadbalancer", new)
    keys = guided.run("cat /var/lib/lbadmin/ssh/ssh_host_ed25519_key.pub").stdout
    balancing.call("POST", "/system/factory-reset")
    again = Appliance(lab, guided)

    def is_new() -> bool:
        status = again.get("/status")
        return bool(status["node"]["factory_password"]) and status["virtual_services"] == []

    ignoring = (httpx.HTTPError, RestError, OSError)
    Deadline(BOOT_S).wait_until(is_new, "the appliance as it left the factory", ignoring=ignoring)
    assert guided.run("cat /var/lib/lbadmin/ssh/ssh_host_ed25519_key.pub").stdout != keys
    again.http.close()
