"""Users and roles over HTTPS: what each role may do, by the API's own description, and what is audited."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbadmin.boot import boot
from lbadmin.client import PREFIX, Client
from lbadmin.roles import EVERYBODY, OPEN, OPERATORS, SAFE_METHODS, Role
from lbadmin.store import Store
from lbadmin.system import System
from lbadmin.unixlogin import SHADOW
from tests.image.asking import PASSWORD, USER, Answer, Ask, api, ask
from tests.image.conftest import Appliance, Say
from tests.image.servers import lbadmind, wait_until

__all__ = ["api", "ask"]

SECRET = "correct horse battery"
SERVICE = {
    "label": "OCS-Front-End",
    "ip": "192.168.10.30",
    "ports": "5060,5061",
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}],
}
STATE = "/layer7/virtual-services/OCS-Front-End/real-servers/FE-1/state"
ONLY_ADMINISTRATORS_READ = {"getBackup"}


def add_user(api: Ask, name: str, role: Role) -> str:
    """Add a user and return USER:PASSWORD."""
    made = api("POST", "/users", {"name": name, "role": role, "password": SECRET})
    assert (made.status, made["role"]) == (201, role)
    return f"{name}:{SECRET}"


def session_of(ask: Ask, basic: str) -> str:
    user, _, password = basic.partition(":")
    return str(ask("POST", f"{PREFIX}/session", {"user": user, "password": password})["token"])


def operations(api: Ask) -> Iterator[tuple[str, str, str]]:
    """Yield method, path and operationId of all that the API describes."""
    for path, methods in api("GET", "/openapi.json")["paths"].items():
        for method, about in methods.items():
            yield method.upper(), re.sub(r"\{[^}]*\}", "1", path), about["operationId"]


@pytest.mark.parametrize("role", ["operator", "read-only"])
def test_a_role_may_do_what_is_listed_for_it_and_read(ask: Ask, api: Ask, role: Role) -> None:
    token = session_of(ask, add_user(api, "jane", role))
    listed = OPEN | EVERYBODY | (OPERATORS if role == "operator" else frozenset())
    seen = set()
    for method, path, operation in operations(api):
        if operation in {"openSession", "closeSession", "getSupport"}:
            continue
        answer = ask(method, path, None if method in SAFE_METHODS else {}, token=token)
        allowed = operation in listed or (
            method in SAFE_METHODS and operation not in ONLY_ADMINISTRATORS_READ
        )
        assert (answer.status == 403) is not allowed, f"{method} {path}: {answer.status} {answer.text[:200]}"
        if answer.status == 403:
            assert answer["detail"].startswith("user jane is "), answer.text
            assert answer["detail"].endswith("this is for administrators")
        seen.add(operation)
    assert seen >= OPERATORS | {"putPassword", "getBackup", "addUser", "patchNode", "reboot", "factoryReset"}
    assert ask("GET", f"{PREFIX}/status", token=token).status == 200, "the session holds to the end"


def test_an_operator_drains_halts_and_sets_online(ask: Ask, api: Ask) -> None:
    assert api("POST", "/layer7/virtual-services", SERVICE).status == 201
    basic = add_user(api, "jane", "operator")
    for state in ("drain", "halt", "online"):
        assert ask("PUT", PREFIX + STATE, {"state": state}, basic=basic)["state"] == state
    everything = f"{PREFIX}/layer7/virtual-services/OCS-Front-End/state"
    assert ask("PUT", everything, {"state": "drain"}, basic=basic).status == 200
    assert api("GET", "/history/cluster")["revisions"][0]["who"] == "jane"
    assert ask("PATCH", f"{PREFIX}/node", {"hostname": "lb9"}, basic=basic).status == 403
    other = f"{PREFIX}/users/{USER}/password"
    refused = ask("PUT", other, {"current": PASSWORD, "new": SECRET}, basic=basic)
    assert (refused.status, refused["detail"]) == (
        403,
        "user jane may change no password but the own; this is for administrators",
    )


def test_an_administrators_key_and_an_operators_key_have_their_role(ask: Ask, api: Ask) -> None:
    assert api("POST", "/layer7/virtual-services", SERVICE).status == 201
    keys = {
        role: api("POST", "/api-keys", {"name": role, "role": role})["key"]
        for role in ("administrator", "operator", "read-only")
    }
    statuses = {
        role: (
            ask("PUT", PREFIX + STATE, {"state": "drain"}, token=key).status,
            ask("PATCH", f"{PREFIX}/layer7/settings", {"maxconn": 900}, token=key).status,
        )
        for role, key in keys.items()
    }
    assert statuses == {"administrator": (200, 200), "operator": (200, 403), "read-only": (403, 403)}
    assert ask("GET", f"{PREFIX}/session", token=keys["operator"])["role"] == "operator"


def test_keys_and_users_of_before_there_were_roles_keep_their_rights(appliance: Appliance) -> None:
    keys = {name: f"lbva_{name}" for name in ("reads", "writes")}
    stored = [
        {
            "name": name,
            "read_only": name == "reads",
            "created": "2026-01-01T00:00:00+00:00",
            "created_by": "root",
            "sha256": hashlib.sha256(key.encode()).hexdigest(),
        }
        for name, key in keys.items()
    ]
    Store(appliance.system.state / "access").commit({"users": {}, "api_keys": stored}, "root", "before")
    with lbadmind(appliance.system) as path:
        client = Client(path)
        listed = client.call("GET", "/api-keys")["api_keys"]
        users = client.call("GET", "/users")["users"]
    assert [(each["name"], each["role"]) for each in listed] == [
        ("reads", "read-only"),
        ("writes", "administrator"),
    ]
    assert users == [{"name": USER, "role": "administrator"}]


def test_sessions_end_when_somebody_else_sets_the_password_the_role_changes_or_the_user_goes(
    ask: Ask, api: Ask
) -> None:
    basic = add_user(api, "jane", "operator")
    other = session_of(ask, add_user(api, "john", "read-only"))
    for method, path, body in (
        ("PUT", "/users/jane/password", {"new": f"{SECRET}!"}),
        ("PATCH", "/users/jane", {"role": "read-only"}),
        ("DELETE", "/users/jane", None),
    ):
        token = session_of(ask, basic)
        assert ask("GET", f"{PREFIX}/status", token=token).status == 200
        assert api(method, path, body).status in {200, 204}
        assert ask("GET", f"{PREFIX}/status", token=token).status == 401
        basic = f"jane:{SECRET}!"
    assert ask("GET", f"{PREFIX}/status", basic=basic).status == 401
    assert ask("GET", f"{PREFIX}/status", token=other).status == 200


def test_a_user_changes_the_own_password_with_the_current_one(ask: Ask, api: Ask) -> None:
    basic = add_user(api, "jane", "read-only")
    path = f"{PREFIX}/users/jane/password"
    wrong = ask("PUT", path, {"current": "wrong", "new": "battery staple"}, basic=basic)
    assert (wrong.status, wrong["detail"]) == (403, "current password is not right; nothing was changed")
    assert ask("PUT", path, {"new": "battery staple"}, basic=basic).status == 403
    assert ask("PUT", path, {"current": SECRET, "new": "battery staple"}, basic=basic).status == 204
    assert ask("GET", f"{PREFIX}/session", basic="jane:battery staple")["user"] == "jane"


LONG = "a" * 33


def new_user(name: str, password: str = SECRET, role: str = "operator") -> tuple[str, str, object]:
    return "POST", "/users", {"name": name, "role": role, "password": password}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (new_user("Jane"), "name Jane is not a user's name; use 1 to 32"),
        (new_user("root"), "name root is not a user's name; use 1 to 32"),
        (new_user("a:b"), "name a:b is not a user's name; use 1 to 32"),
        (new_user(LONG), "name has more than 32 characters"),
        (new_user("jane", "short"), "password of jane has less than 8 characters"),
        (new_user("jane", "loadbalancer"), "password is the factory password; choose another"),
        (new_user("janefonda", "janefonda"), "password is the user's name; choose another"),
        (new_user("jane", role="king"), "role king of jane is not one of"),
        (new_user(USER), f"name {USER} is used by another user; choose another"),
        (("PATCH", f"/users/{USER}", {"role": "operator"}), f"role operator is not for {USER}, who stays"),
        (("DELETE", f"/users/{USER}", None), f"user {USER} can't be removed; set another password"),
        (("DELETE", "/users/nobody", None), "there is no user nobody; list the users"),
        (("PUT", "/users/nobody/password", {"new": SECRET}), "there is no user nobody; list the users"),
        (("PUT", "/console/password", {"new": "root"}), "new has less than 8 characters"),
        (("PUT", "/console/password", {"new": "loadbalancer"}), "new password is the factory password;"),
        (("PUT", "/console/password", {"new": "a\nb\nc\nd\ne"}), "new password has characters that can't"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(api: Ask, request_: tuple[str, str, object], said: str) -> None:
    refused = api(*request_)
    assert refused.status in {404, 409, 422}
    assert refused["detail"].startswith(said)
    assert SECRET not in refused.text


def test_every_user_is_slowed_down_and_an_unknown_one_is_no_different(ask: Ask, api: Ask) -> None:
    add_user(api, "jane", "operator")

    def guess(name: str) -> Answer:
        return ask("POST", f"{PREFIX}/session", {"user": name, "password": "a guess at it"})

    # Beside each other from one address: the sixth is slowed down, whoever it is for.
    answers = [guess(name) for name in ("jane", "nobody", "jane", "nobody", "jane", "nobody")]
    assert [each.status for each in answers] == [401] * 5 + [429]
    assert len({each["detail"] for each in answers[:5]}) == 1


def test_each_login_and_change_makes_a_line_without_secrets(
    ask: Ask, api: Ask, say: Say, appliance: Appliance
) -> None:
    say("sshd-session", "Accepted password for root from 192.168.2.1 port 22 ssh2")
    basic = add_user(api, "jane", "operator")
    assert api("POST", "/layer7/virtual-services", SERVICE).status == 201
    token = session_of(ask, basic)
    assert ask("POST", f"{PREFIX}/session", {"user": 'x" \n\x7f', "password": "wrong one"}).status == 401
    assert ask("PUT", PREFIX + STATE, {"state": "drain"}, token=token).status == 200
    assert ask("DELETE", f"{PREFIX}/users/x%20y", token=token).status == 403
    assert ask("DELETE", f"{PREFIX}/session", token=token).status == 204
    assert api("GET", "/backup").status == 200
    assert api("PUT", "/console/password", {"new": "a console's password"}).status == 204

    def lines() -> list[str]:
        entries = api("GET", "/logs?source=audit")["entries"]
        return [each["message"] for each in entries if each["source"] == "audit"]

    wait_until(lambda: any("console/password" in line for line in lines()), what="the last line")
    found = "\n".join(lines())
    jane, user = "user=jane role=operator", f"user={USER} role=administrator"
    here, wrong, ok = "from=127.0.0.1", "user or password is not right; check both", 'result="200 OK"'
    for expected in (
        f"login accepted: {user} by=password {here}",
        f'change: {user} {here} did="add user jane, operator" request="POST {PREFIX}/users" result="201 Cr',
        f"login accepted: {jane} by=session {here}",
        rf'login refused: user="x\" \n\u007f" reason="{wrong}" {here}',
        f'change: {jane} {here} did="drain FE-1 of OCS-Front-End" request="PUT {PREFIX}{STATE}" {ok} rev',
        f'change: {jane} {here} did="Remove a user" request="DELETE {PREFIX}/users/x y" result="403 Forb',
        f'change: {jane} {here} did="Log out"',
        f'read: {user} {here} did="Download a backup"',
        f'change: {user} {here} did="Change the password of console and SSH"',
    ):  # fmt: skip
        assert expected in found
    everything = str(api("GET", "/logs")["entries"])
    assert [secret for secret in (SECRET, token, "a console's", "wrong one") if secret in everything] == []
    assert "sshd-session: Accepted password" in str(api("GET", "/logs?source=audit")["entries"])
    warned = api("GET", "/logs?source=audit&priority=4")["entries"]
    assert {each["message"].partition(":")[0] for each in warned} == {"login refused", "change"}


def shadow(appliance: Appliance) -> str:
    return (appliance.root / SHADOW.lstrip("/")).read_text()


def test_the_consoles_password_is_put_into_shadow_and_again_at_boot(api: Ask, appliance: Appliance) -> None:
    path: Path = appliance.root / SHADOW.lstrip("/")
    factory = "root:!:20780:0:99999:7:::\ndaemon:*:20780:0:99999:7:::\n"
    path.write_text(factory)
    path.chmod(0o640)
    assert api("GET", "/console").body == b'{"user":"root","password":false}'
    assert api("PUT", "/console/password", {"new": SECRET}).status == 204
    root, daemon = shadow(appliance).splitlines()
    name, hashed, days = root.split(":", 2)
    assert (name, hashed[:3], days, daemon) == ("root", "$y$", "20780:0:99999:7:::", factory.split("\n")[1])
    assert path.stat().st_mode & 0o777 == 0o640
    assert api("GET", "/console")["password"] is True
    assert hashed not in api("GET", "/files").text + api("GET", "/node").text
    path.write_text(factory)
    boot(System(root=appliance.root, run=appliance.run))
    assert shadow(appliance).startswith(f"root:{hashed}:")
    assert api("DELETE", "/console/password").status == 204
    assert shadow(appliance) == factory
