"""The `listen` section of one virtual service. Section numbers are those of HAProxy's 3.0 manual."""

import hashlib
from ipaddress import IPv6Address

from lbadmin.model import RealServer, VirtualService
from lbadmin.render.checks import check_lines, check_words, uses_tls
from lbadmin.render.words import host_of

CERT_STORE = "lbva"
PEERS = "lbva"
"""The crt-store section that has the certificates with their keys."""

FALLBACK = "_fallback"
"""Name of the fallback server: no label begins with an underscore."""

DRAIN_WEIGHT = 0


def effective_weight(server: RealServer) -> int:
    """Weight as HAProxy gets it: a draining server keeps its clients and gets no new ones (5.2 "weight")."""
    return DRAIN_WEIGHT if server.state == "drain" else server.weight


def listen_section(service: VirtualService) -> str:
    """Return the section as it stands in haproxy.cfg."""
    text = service.manual_configuration
    return f"listen {service.label}\n{section_body(service) if text is None else text}"


def section_body(service: VirtualService) -> str:
    """Return the lines of the section below its head, as they are without manual configuration."""
    lines = [
        f"mode {service.protocol}",
        *_binds(service),
        f"option {'httplog' if service.protocol == 'http' else 'tcplog'}",
        f"balance {service.scheduler}",
    ]
    if service.scheduler == "source":
        # The default, map-based hash takes no change of weight at run time (4.2 "hash-type").
        lines.append("hash-type consistent")
    lines += _limits(service)
    if service.protocol == "http" and service.forwarded_for:
        lines += _forwarded(service)
    lines += _persistence(service)
    lines += check_lines(service)
    lines += [_server(service, server) for server in service.real_servers]
    lines += _fallback(service)
    return "".join(f"    {line}\n" for line in lines)


def _binds(service: VirtualService) -> list[str]:
    # The address is keepalived's to bring: net.ipv4.ip_nonlocal_bind lets HAProxy bind it before it is there,
    # and by "transparent" (5.1) clients can still be told, when it is gone, that their connection has ended.
    words = ["transparent"]
    if service.accept_proxy_protocol:
        words.append("accept-proxy")
    if service.tls_certificate is not None:
        words.append(f"ssl crt @{CERT_STORE}/{service.tls_certificate} ssl-min-ver TLSv{service.tls_minimum}")
        if service.protocol == "http":
            words.append("alpn h2,http/1.1")
    return [f"bind {host_of(service.ip)}:{item} {' '.join(words)}" for item in service.ports]


def _limits(service: VirtualService) -> list[str]:
    timeouts = service.timeouts
    values = {
        "maxconn": service.maxconn,
        "timeout connect": timeouts.connection_ms,
        "timeout client": timeouts.client_ms,
        "timeout server": timeouts.real_server_ms,
    }
    return [f"{name} {value}" for name, value in values.items() if value is not None]


def _forwarded(service: VirtualService) -> list[str]:
    """Tell real servers the client's address, which layer 7 SNAT hides from them.

    What a client sends of its own is replaced, not added to ("option forwardfor" would): most programs
    believe the first address, and so any client could be anybody. A proxy before the appliance tells whom it
    serves by the PROXY protocol.
    """
    scheme = "http" if service.tls_certificate is None else "https"
    return [
        "http-request del-header Forwarded",
        "http-request set-header X-Forwarded-For %[src]",
        f"http-request set-header X-Forwarded-Proto {scheme}",
    ]


def _persistence(service: VirtualService) -> list[str]:
    match service.persistence.mode:
        case "source_ip":
            return _source_ip(service)
        case "tls_session_id":
            return _tls_session_id(service)
        case "http_cookie":
            # "indirect" hides the cookie from the real servers, "nocache" keeps caches from sharing it (4.2).
            secure = "" if service.tls_certificate is None else " secure"
            return [f"cookie {service.persistence.cookie_name} insert indirect nocache httponly{secure}"]
        case "none":
            return []


def _source_ip(service: VirtualService) -> list[str]:
    # A client's address in the PROXY header may be of the other family; an IPv4 one fits an IPv6 table.
    wide = isinstance(service.ip, IPv6Address) or service.accept_proxy_protocol
    limits = f"size {service.persistence.table_size} expire {service.persistence.timeout_ms}"
    # Before the PROXY header is read, the source is the proxy's (4.3 "tcp-request session").
    when = "session" if service.accept_proxy_protocol else "connection"
    return [
        f"stick-table type {'ipv6' if wide else 'ip'} {limits} store conn_cur peers {PEERS}",
        "stick on src",
        # A tracked entry does not expire: the client's next connection goes where its open ones are. Counting
        # them (conn_cur) makes its time begin anew when the last one ends; else it would be gone at once.
        f"tcp-request {when} track-sc0 src",
    ]


def _tls_session_id(service: VirtualService) -> list[str]:
    """Return a client to the real server that gave it its TLS session (4.2 "stick store-response").

    The id follows one byte of length at offset 43 of both hellos (RFC 5246, 7.4.1). An id that the server
    merely echoes is not stored: in TLS 1.3 it is a random number that never comes again (RFC 8446, 4.1.3),
    in a session that is resumed it is stored already.
    """
    limits = f"size {service.persistence.table_size} expire {service.persistence.timeout_ms}"
    return [
        f"stick-table type binary len 32 {limits} peers {PEERS}",
        "tcp-request inspect-delay 5000",
        "tcp-request content set-var(txn.tls_session) req.payload_lv(43,1),hex if { req.ssl_hello_type 1 }",
        "tcp-request content accept if { req.ssl_hello_type 1 }",
        # Without a delay the rules would be asked before the server has said anything.
        "tcp-response inspect-delay 5000",
        "tcp-response content accept if { res.ssl_hello_type 2 }",
        "stick match req.payload_lv(43,1) if { req.ssl_hello_type 1 }",
        "acl tls_session_echoed res.payload_lv(43,1),hex,strcmp(txn.tls_session) eq 0",
        "stick store-response res.payload_lv(43,1) if { res.ssl_hello_type 2 } !tls_session_echoed",
    ]


def _server(service: VirtualService, server: RealServer) -> str:
    address = host_of(server.ip) if server.port is None else f"{host_of(server.ip)}:{server.port}"
    words = ["server", server.label, address, f"weight {effective_weight(server)}"]
    words += check_words(service, server)
    words += _transport(service, server)
    if service.persistence.mode == "http_cookie":
        words.append(f"cookie {cookie_value(server)}")
    if server.maxconn is not None:
        words.append(f"maxconn {server.maxconn}")
    # With OCS's time-outs of 30 minutes a client of a dead front end would otherwise hang for as long.
    words.append("on-marked-down shutdown-sessions")
    if service.fallback_server.ip is not None and service.protocol == "tcp":
        # A TCP connection to the last resort may last for hours; it ends when a real server is back.
        words.append("on-marked-up shutdown-backup-sessions")
    if server.state == "halt":
        words.append("disabled")
    return " ".join(words)


def cookie_value(server: RealServer) -> str:
    """Return what the persistence cookie says of a real server: the same on every node, and no address.

    It depends on the label alone, so services that share real servers and a host name understand the cookies
    of each other (browsers do not tell ports apart, RFC 6265, 8.5).
    """
    return hashlib.sha256(server.label.encode()).hexdigest()[:16]


def _transport(service: VirtualService, server: RealServer) -> list[str]:
    words = []
    if server.re_encrypt:
        words.append("ssl")
        if service.protocol == "http":
            words.append("sni req.hdr(host),host_only")
        elif service.tls_certificate is not None:
            words.append("sni ssl_fc_sni")
    if server.re_encrypt or uses_tls(service, server):
        # Front ends have certificates of an internal authority, or of their own making, that the appliance
        # does not know: the connection is encrypted, and the server is whoever has its address.
        words.append("verify none")
    if service.send_proxy_protocol != "none":
        words.append("send-proxy" if service.send_proxy_protocol == "v1" else "send-proxy-v2")
    return words


def _fallback(service: VirtualService) -> list[str]:
    """Return the last resort: clients it got are not remembered, and so go to a real server once one is back.

    It gets no PROXY header and no encryption, and no check: when it is asked, there is nothing else left.
    """
    fallback = service.fallback_server
    if fallback.ip is None:
        return []
    address = host_of(fallback.ip) if fallback.port is None else f"{host_of(fallback.ip)}:{fallback.port}"
    return [f"server {FALLBACK} {address} backup non-stick"]
