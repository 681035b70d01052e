"""What the fields of a document are called, mean and default to: the one source of forms, lbcli and help.

The labels are the deployment guide's where it has one. Only the standard library: lbcli has to start quickly.
A field's `path` is its place in the document (`health_check.check_ports`); a test holds paths, kinds and
defaults against the models.
"""

from typing import Literal, NamedTuple

Kind = Literal[
    "text", "address", "number", "ports", "duration", "flag", "choice", "label", "block", "list", "lines",
    "secret", "file",
]  # fmt: skip
"""text, address, ports and block are text to the API; number a whole number; duration milliseconds or 30m;
flag true or false; choice one of `choices`; label the label of an existing thing, one of `choices_from`
(which a text offers, too); list texts, separated by commas, blanks or line ends; lines texts of one line
each; secret a text that is never shown again; file a file's content, which its form sends in its own way."""


class Field(NamedTuple):
    """A field of a document: `default` is as a person would type it, "" for blank; `example` likewise."""

    path: str
    label: str
    kind: Kind
    help: str
    default: str = ""
    unit: str = ""
    example: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    choices_from: Literal["", "certificates", "check_scripts", "time_zones"] = ""
    option: str = ""
    required: bool = False

    @property
    def option_name(self) -> str:
        """The field's name on lbcli's command line."""
        return self.option or self.path.rsplit(".", 1)[-1].removesuffix("_ms").replace("_", "-")

    @property
    def optional(self) -> bool:
        """Tell whether blank means none (null to the API)."""
        return not self.required and self.default == "" and self.kind != "flag"


class Section(NamedTuple):
    """Fields under one heading; the `advanced` ones are folded away at first."""

    title: str
    fields: tuple[Field, ...]
    advanced: tuple[Field, ...] = ()


LABEL_FORM = "1 to 63 letters, digits, dots, dashes and underscores"

SERVICE_LABEL = Field(
    "label", "Label", "text", required=True, example="OCS-Front-End",
    help=f"The name of the virtual service everywhere: {LABEL_FORM}.",
)  # fmt: skip
SERVICE_IP = Field(
    "ip", "Virtual Service IP Address", "address", required=True, example="192.168.10.30",
    help="The address that clients connect to. The appliance brings it up by itself; it must be "
    "free, and in a subnet that an interface of the appliance is in.",
)  # fmt: skip
ENABLED = Field(
    "enabled", "Enabled", "flag", default="true",
    help="A service that is not enabled keeps its configuration and serves nobody.",
)  # fmt: skip
SERVER_LABEL = Field(
    "label", "Label", "text", required=True, example="FE-1",
    help=f"The name of the real server: {LABEL_FORM}.",
)  # fmt: skip
SERVER_IP = Field(
    "ip", "Real Server IP Address", "address", required=True, example="192.168.10.31",
    help="The address of the server behind the virtual service.",
)  # fmt: skip
WEIGHT = Field(
    "weight", "Weight", "number", default="100",
    help="The share of clients that the server gets, from 0 to 256: one of weight 200 gets twice "
    "as many as one of 100, one of 0 no new ones.",
)  # fmt: skip
"""The fields that both layers have."""

SERVICE_BASIC = Section(
    "",
    (
        SERVICE_LABEL,
        SERVICE_IP,
        Field(
            "ports", "Ports", "ports", required=True, example="5060,5061,5071-5074",
            help="The ports that clients connect to: numbers and ranges, separated by commas. All of them "
            "share persistence and health.",
        ),
        Field(
            "protocol", "Layer 7 Protocol", "choice", default="tcp",
            choices=(("tcp", "TCP Mode"), ("http", "HTTP Mode")),
            help="TCP Mode passes every byte on as it is: for OCS, and anything that is not HTTP. HTTP Mode "
            "understands requests: for cookies, X-Forwarded-For and HTTP/2.",
        ),
    ),
)  # fmt: skip

MANUAL = Field(
    "manual_configuration", "Manual Configuration", "block",
    help="The service's section of haproxy.cfg in your own words: it replaces everything else that is set "
    "here, except label and address. HAProxy checks it before it takes effect.",
)  # fmt: skip

HEALTH_CHECKS = Section(
    "Health Checks",
    (
        Field(
            "health_check.type", "Health Check", "choice", default="connect", option="check",
            choices=(
                ("connect", "Connect to Port"),
                ("sip", "SIP OPTIONS"),
                ("http", "HTTP Request"),
                ("external", "External Script"),
                ("none", "No Check"),
            ),
            help="How a dead real server is found out. Without a check it counts as alive for ever.",
        ),
    ),
    (
        Field(
            "health_check.check_ports", "Check Port", "ports", option="check-port", example="5061",
            help="The port that is checked, or several separated by commas: all of them must answer. The "
            "first is asked in the protocol of the check, the others need only accept a connection. "
            "Blank: the real server's port, or the first port of the service.",
        ),
        Field(
            "health_check.interval_ms", "Check Interval", "duration", default="4000", unit="ms",
            option="check-interval", help="The time between two checks of a real server.",
        ),
        Field(
            "health_check.rise", "Rise Count", "number", default="2", unit="checks", option="check-rise",
            help="How many checks in a row must pass until a real server is used again.",
        ),
        Field(
            "health_check.fall", "Fall Count", "number", default="2", unit="checks", option="check-fall",
            help="How many checks in a row must fail until a real server is taken out.",
        ),
        Field(
            "health_check.tls", "Check over TLS", "flag", default="false", option="check-tls",
            help="SIP OPTIONS and HTTP requests are sent over TLS. The certificate is not verified.",
        ),
        Field(
            "health_check.method", "HTTP Method", "choice", default="GET", option="check-method",
            choices=(("GET", "GET"), ("HEAD", "HEAD"), ("OPTIONS", "OPTIONS")),
            help="The request that is sent by the check HTTP Request.",
        ),
        Field(
            "health_check.path", "HTTP Path", "text", default="/", option="check-path",
            help="The page that the check HTTP Request asks for.",
        ),
        Field(
            "health_check.host", "HTTP Host", "text", option="check-host", example="pool.example.com",
            help="The Host header of the check HTTP Request, and the name asked for over TLS. Blank: "
            "none.",
        ),
        Field(
            "health_check.expected_status", "Expected Status", "text", option="check-status",
            example="200-399,401",
            help="Status codes and ranges that pass. Blank: 200-399 for HTTP, 200 for SIP.",
        ),
        Field(
            "health_check.expected_text", "Expected Text", "text", option="check-text", example="OK",
            help="A text that the answer to the check HTTP Request must contain. Blank: any.",
        ),
        Field(
            "health_check.script", "External Script", "label", choices_from="check_scripts",
            option="check-script",
            help="The script that the check External Script runs: see Health Check Scripts.",
        ),
    ),
)  # fmt: skip

FALLBACK_SERVER = Section(
    "Fallback Server",
    (
        Field(
            "fallback_server.ip", "Fallback Server IP Address", "address", option="fallback-ip",
            example="192.168.10.99",
            help="Where clients are sent as the last resort, when no real server is left. Blank: they "
            "are refused.",
        ),
        Field(
            "fallback_server.port", "Fallback Server Port", "number", option="fallback-port",
            help="The fallback server's port. Blank: the port that the client connected to.",
        ),
    ),
)  # fmt: skip

SERVICE_SECTIONS = (
    Section(
        "Connection Distribution",
        (
            Field(
                "scheduler", "Balance Mode", "choice", default="leastconn",
                choices=(
                    ("leastconn", "Weighted Least Connections"),
                    ("roundrobin", "Weighted Round Robin"),
                    ("source", "Source Hash"),
                ),
                help="How a real server is chosen for a client that has none yet. Least connections suits "
                "long connections such as SIP; a source hash sends an address to the same server without a "
                "table.",
            ),
        ),
        (
            Field(
                "maxconn", "Maximum Connections", "number", unit="connections", example="2000",
                help="How many connections the service accepts at once; more wait. Blank: as many as the "
                "appliance (Layer 7 – Advanced Configuration).",
            ),
        ),
    ),
    Section(
        "Persistence",
        (
            Field(
                "persistence.mode", "Persistence Mode", "choice", default="source_ip", option="persistence",
                choices=(
                    ("source_ip", "Source IP"),
                    ("http_cookie", "HTTP Cookie"),
                    ("tls_session_id", "TLS Session ID"),
                    ("none", "None"),
                ),
                help="What a client is known by, so that it returns to its real server. HTTP Cookie needs "
                "HTTP Mode. TLS Session ID needs TCP Mode and clients up to TLS 1.2, as TLS 1.3 has no such "
                "id.",
            ),
        ),
        (
            Field(
                "persistence.timeout_ms", "Persistence Timeout", "duration", default="1800000", unit="ms",
                option="persistence-timeout",
                help="How long a client is remembered after its last connection ended. While it has one open "
                "it is never forgotten. 30m may be written for 1800000.",
            ),
            Field(
                "persistence.table_size", "Persistence Table Size", "number", default="10240", unit="entries",
                option="persistence-table-size",
                help="How many clients are remembered at once; the oldest is forgotten for a new one. About "
                "200 bytes of memory each.",
            ),
            Field(
                "persistence.cookie_name", "HTTP Cookie Name", "text", default="LBVA", option="cookie-name",
                help="The cookie that the appliance adds for persistence mode HTTP Cookie.",
            ),
        ),
    ),
    HEALTH_CHECKS,
    Section(
        "SSL Termination",
        (
            Field(
                "tls_certificate", "SSL Certificate", "label", choices_from="certificates",
                option="certificate",
                help="With a certificate the appliance itself ends the clients' TLS, on all ports of the "
                "service. Blank: TLS passes through untouched, as OCS needs it.",
            ),
        ),
        (
            Field(
                "tls_minimum", "Minimum TLS Version", "choice", default="1.2", option="tls-minimum",
                choices=(("1.2", "TLS 1.2"), ("1.3", "TLS 1.3")),
                help="Clients that offer less are refused.",
            ),
        ),
    ),
    FALLBACK_SERVER,
    Section(
        "Timeouts and Headers",
        (),
        (
            Field(
                "timeouts.connection_ms", "Connection Timeout", "duration", unit="ms",
                option="connection-timeout",
                help="How long a real server may take to accept a connection. Blank: as in Layer 7 – "
                "Advanced Configuration.",
            ),
            Field(
                "timeouts.client_ms", "Client Timeout", "duration", unit="ms", option="client-timeout",
                help="How long a client may be silent before its connection is closed. Blank: as in Layer 7 "
                "– Advanced Configuration. OCS needs 30m.",
            ),
            Field(
                "timeouts.real_server_ms", "Real Server Timeout", "duration", unit="ms",
                option="real-server-timeout",
                help="How long a real server may be silent before its connection is closed. Blank: as in "
                "Layer 7 – Advanced Configuration. OCS needs 30m.",
            ),
            Field(
                "forwarded_for", "Set X-Forwarded-For", "flag", default="true",
                help="In HTTP Mode, tell real servers the client's address in a header.",
            ),
            Field(
                "accept_proxy_protocol", "Accept PROXY Protocol", "flag", default="false",
                help="Clients are proxies that tell the client's address by the PROXY protocol. All of them "
                "must.",
            ),
            Field(
                "send_proxy_protocol", "Send PROXY Protocol", "choice", default="none",
                choices=(("none", "No"), ("v1", "Version 1"), ("v2", "Version 2")),
                help="Tell real servers the client's address by the PROXY protocol. Only for servers that "
                "expect it: others break.",
            ),
            ENABLED,
        ),
    ),
)  # fmt: skip

SERVER_SECTIONS = (
    Section(
        "",
        (
            SERVER_LABEL,
            SERVER_IP,
            Field(
                "port", "Real Server Port", "number",
                help="The port on the real server. Blank: the port that the client connected to, which a "
                "service of several ports needs.",
            ),
            Field(
                "re_encrypt", "Re-Encrypt to Backend", "flag", default="false",
                help="Connect to the real server by TLS. Its certificate is not verified.",
            ),
            WEIGHT,
        ),
        (
            Field(
                "maxconn", "Maximum Connections", "number", unit="connections",
                help="How many connections the real server gets at once; more wait. Blank: no limit.",
            ),
        ),
    ),
)  # fmt: skip

SETTINGS_SECTIONS = (
    Section(
        "",
        (
            Field(
                "logging", "Logging", "flag", default="false",
                help="Log every connection. The lines are under Logs.",
            ),
            Field(
                "log_only_errors", "Log Only Errors", "flag", default="false",
                help="With Logging: leave out the connections that went well.",
            ),
            Field(
                "redispatch", "Redispatch", "flag", default="true",
                help="A client whose real server is dead goes to another one in spite of its persistence.",
            ),
            Field(
                "connection_timeout_ms", "Connection Timeout", "duration", default="4000", unit="ms",
                help="How long a real server may take to accept a connection.",
            ),
            Field(
                "client_timeout_ms", "Client Timeout", "duration", default="43000", unit="ms",
                help="How long a client may be silent before its connection is closed. 30m may be written "
                "for 1800000, which is what OCS needs.",
            ),
            Field(
                "real_server_timeout_ms", "Real Server Timeout", "duration", default="45000", unit="ms",
                help="How long a real server may be silent before its connection is closed. 30m may be "
                "written for 1800000, which is what OCS needs.",
            ),
        ),
        (
            Field(
                "maxconn", "Maximum Connections", "number", default="40000", unit="connections",
                help="How many client connections the appliance holds at once. About 20,000 busy connections "
                "take a gigabyte of memory.",
            ),
            Field(
                "stop_old_workers_after_ms", "Stop Old Workers After", "duration", default="43200000",
                unit="ms",
                help="Connections of before a change keep the settings of before it, for this long at most. "
                "12h may be written for 43200000.",
            ),
        ),
    ),
)  # fmt: skip


def fields_of(*sections: Section) -> tuple[Field, ...]:
    """Return all fields of sections, in order."""
    return tuple(each for section in sections for each in (*section.fields, *section.advanced))
