"""Health checks: the lines of a section and the words of a server line. Sections are HAProxy 3.0's manual's.

The first port is named on the server line and asked in the protocol of the check's type; every further port
is a connection more in the same check, so one dead port takes the real server out.
"""

import re

from lbadmin.fields import port_span
from lbadmin.model import HealthCheck, RealServer, VirtualService
from lbadmin.render.words import host_of, quoted, quoted_line

SCRIPTS = "/etc/haproxy/checks"
SCRIPT_PATH = "/usr/bin:/bin"

DEFAULT_HTTP_STATUS = "200-399"
DEFAULT_SIP_STATUS = "200"


def script_file(label: str) -> str:
    """Return where the check script of that label is rendered to."""
    return f"{SCRIPTS}/{label}"


def check_lines(service: VirtualService) -> list[str]:
    """Return the lines of the service's section that say how its real servers are checked."""
    check = service.health_check
    match check.type:
        case "connect" if len(check.check_ports) > 1:
            return ["option tcp-check", "tcp-check connect default", *_further_ports(service)]
        case "sip":
            return [*_sip(service), *_further_ports(service)]
        case "http":
            return [*_http(check), *_further_ports(service)]
        case "external":
            return [
                "option external-check",
                f'external-check path "{SCRIPT_PATH}"',
                f"external-check command {script_file(check.script or '')}",
            ]
        case _:
            return []


def check_words(service: VirtualService, server: RealServer) -> list[str]:
    """Return the words of the server line that have it checked.

    With a port named, HAProxy takes over neither TLS nor the PROXY header from the line (5.2 "check"), so a
    plain connection stays one also where the traffic is encrypted. A port that serves clients expects the
    PROXY header; a port that is there for checks alone does not.
    """
    check = service.health_check
    if check.type == "none":
        return []
    port = check_port(service, server)
    words = ["check", f"port {port}"]
    if uses_tls(service, server):
        words.append("check-ssl")
        if check.host is not None:
            words.append(f"check-sni {check.host}")
    if service.send_proxy_protocol != "none" and _serves(service, server, port):
        words.append("check-send-proxy")
    return [*words, f"inter {check.interval_ms}", f"rise {check.rise}", f"fall {check.fall}"]


def check_port(service: VirtualService, server: RealServer) -> int:
    """Return the port that is checked first: first check port, else the server's, else the service's."""
    for port in service.health_check.check_ports:
        return port
    return server.port or port_span(service.ports[0])[0]


def uses_tls(service: VirtualService, server: RealServer) -> bool:
    """Tell whether the server's check speaks TLS: when wanted, and to ask on a port that re-encrypts."""
    check = service.health_check
    asks = check.type in {"sip", "http"} and server.re_encrypt
    return check.type not in {"none", "external"} and (
        check.tls or (asks and _serves(service, server, check_port(service, server)))
    )


def _serves(service: VirtualService, server: RealServer, port: int) -> bool:
    """Tell whether clients reach that port of the server."""
    if server.port is not None:
        return port == server.port
    return any(first <= port <= last for first, last in map(port_span, service.ports))


def _further_ports(service: VirtualService) -> list[str]:
    lines = []
    for port in service.health_check.check_ports[1:]:
        proxied = service.send_proxy_protocol != "none" and any(
            _serves(service, server, port) for server in service.real_servers
        )
        lines.append(f"tcp-check connect port {port}{' send-proxy' if proxied else ''}")
    return lines


def _http(check: HealthCheck) -> list[str]:
    """Ask for a page as plain text: "http-check" wants an answer (4.2) of every further port."""
    # HTTP/1.1 needs a Host header (RFC 9112, 3.2); without a name to send, 1.0 is what does without one.
    host = ["HTTP/1.0"] if check.host is None else ["HTTP/1.1", f"Host: {check.host}"]
    request = [f"{check.method} {check.path} {host[0]}", *host[1:], "Connection: close", ""]
    body = None if check.expected_text is None else rf"\r\n\r\n[\s\S]*{re.escape(check.expected_text)}"
    return [
        *_asked([quoted_line(line) for line in request], "send"),
        _status(r"HTTP/1\.[01]", check.expected_status or DEFAULT_HTTP_STATUS),
        *([] if body is None else [f"tcp-check expect rstring {quoted(body)}"]),
    ]


def _sip(service: VirtualService) -> list[str]:
    """Ask with OPTIONS (RFC 3261, 11.1). HAProxy makes the ids anew for each check, as 8.1.1 there wants."""
    check = service.health_check
    own = host_of(service.ip)
    transport = "TLS" if any(uses_tls(service, server) for server in service.real_servers) else "TCP"
    request = [
        f"OPTIONS sip:{check.host or own} SIP/2.0",
        f"Via: SIP/2.0/{transport} {own};branch=z9hG4bK%[uuid()]",
        "Max-Forwards: 70",
        f"From: <sip:lbva@{own}>;tag=%[uuid()]",
        f"To: <sip:{check.host or own}>",
        "Call-ID: %[uuid()]",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "Content-Length: 0",
        "",
    ]
    text = check.expected_text
    return [
        *_asked([quoted_line(line) for line in request], "send-lf"),
        _status(r"SIP/2\.0", check.expected_status or DEFAULT_SIP_STATUS),
        *([] if text is None else [f"tcp-check expect string {quoted(text)}"]),
    ]


def _asked(words: list[str], send: str) -> list[str]:
    lines = [f"tcp-check {send} {word}" for word in words]
    return ["option tcp-check", "tcp-check connect default", *lines]


def _status(protocol: str, codes: str) -> str:
    """Expect one of the codes in the status line: "200-202,404" as 200|201|202|404.

    Thirteen bytes hold the code in either protocol, and are conclusive: nothing waits for the time-out.
    """
    spans = [item.partition("-") for item in codes.split(",")]
    numbers = (str(code) for first, _, last in spans for code in range(int(first), int(last or first) + 1))
    pattern = f"^{protocol} ({'|'.join(numbers)})[ \\r]"
    said = quoted("answered: %[res.payload(0,12)]")
    return f"tcp-check expect min-recv 13 error-status L7STS on-error {said} rstring {quoted(pattern)}"
