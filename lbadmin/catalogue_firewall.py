"""The fields of the firewall and of SSH, by their paths in NodeConfig."""

from lbadmin.catalogue import Field, Section

FIREWALL_SCRIPT = Section(
    "",
    (
        Field(
            "firewall.script", "Firewall Script", "block", option="firewall-script",
            help="A file of nftables as nft -f reads it, with tables of its own. It is loaded at every "
            "start, before the network, together with the appliance's own rules; each load begins with "
            "no rules. It can't include files, flush the ruleset or touch the table lbva. Name interfaces by "
            "iifname, as iif needs one that is there already. Blank: no script.",
        ),
    ),
)  # fmt: skip

LOCKDOWN = Section(
    "",
    (
        Field(
            "firewall.lockdown", "Networks", "list", option="lockdown", example="192.168.2.0/24",
            help="The networks and addresses that reach the WebUI and REST API (9443), SSH (22) and SNMP "
            "(161); one a line, at most 64. Virtual services are reached by everybody, and the other node of "
            "a pair is always let in. Blank: everybody may.",
        ),
    ),
)  # fmt: skip

SSH = Section(
    "",
    (
        Field(
            "ssh.password_login", "Password Login", "flag", default="false", option="ssh-password-login",
            help="The user of the console may log in by SSH with a password, too. Keys are safer: nobody can "
            "guess one.",
        ),
        Field(
            "ssh.keys", "Authorised Keys", "lines", option="ssh-keys",
            help="The public keys that may log in by SSH as root, one a line as the .pub file has it: type, "
            "key, comment. Ed25519, ECDSA, RSA from 2048 bits, and security keys (sk-); at most 64. Sessions "
            "that are open stay.",
        ),
    ),
)  # fmt: skip
