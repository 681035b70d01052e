"""rsyslogd's configuration: it reads the journal and sends it on, and keeps nothing itself."""

from lbadmin.model import NodeConfig
from lbadmin.node.syslog import Syslog

RSYSLOG_CONF = "/etc/rsyslog.conf"
RSYSLOG_CA = "/etc/rsyslog-ca.pem"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
STATE = "/var/lib/lbadmin/syslog"
"""Where rsyslogd notes up to where it has read the journal (StateDirectory= of lbva-syslog.service)."""

QUEUE = 200
"""Messages on their way; each takes 8 KiB of memory at most."""

DAY_MS = 86_400_000

_LINE = "<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME:1:48% %PROCID% - - %msg:::escape-cc%\\n"
"""RFC 5424; whatever a message is made of, it is one line."""


def render_syslog(node: NodeConfig) -> dict[str, str]:
    """Return rsyslogd's file, empty without a server, and the authority of the server."""
    syslog = node.syslog
    files = {RSYSLOG_CONF: _rsyslog(syslog) if syslog.host is not None else ""}
    if syslog.host is not None and syslog.ca_certificate is not None:
        files[RSYSLOG_CA] = syslog.ca_certificate
    return files


def _rsyslog(syslog: Syslog) -> str:
    """rsyslog.conf(5): the journal is the queue.

    While the server does not answer, rsyslogd stops reading the journal (its own queue is short, and the
    reader waits when it is full), and goes on where it was, as far as the journal still has it. So a dead
    server blocks nobody who logs, and fills no disk.
    """
    action = [
        'type="omfwd"',
        f'target="{syslog.host}"',
        f'port="{syslog.server_port}"',
        f'protocol="{"udp" if syslog.protocol == "udp" else "tcp"}"',
        'template="line"',
        'action.resumeRetryCount="-1"',
        'action.resumeInterval="2"',
        'action.resumeIntervalMax="30"',
    ]
    # RFC 5425, section 4.3; over plain TCP every server takes a line a message (RFC 6587, section 3.4.2).
    framing = {"udp": (), "tcp": ('TCP_Framing="traditional"',), "tls": ('TCP_Framing="octet-counted"',)}
    action += framing[syslog.protocol]
    if syslog.protocol == "tls":
        action += [
            'streamDriver="ossl"',
            'streamDriverMode="1"',
            'streamDriverAuthMode="x509/name"',
            f'streamDriverPermittedPeers="{syslog.host}"',
            f'streamDriver.CAFile="{RSYSLOG_CA if syslog.ca_certificate else AUTHORITIES}"',
        ]
    journal = [
        f'stateFile="{STATE}/journal"',
        'persistStateInterval="100"',
        'ratelimit.interval="0"',
        'ignorePreviousMessages="on"',
        'usePid="system"',
    ]
    lines = [
        f'module(load="imjournal" {" ".join(journal)})',
        f'main_queue(queue.type="FixedArray" queue.size="{QUEUE}" queue.timeoutEnqueue="{DAY_MS}")',
        f'template(name="line" type="string" string="{_LINE}")',
        f"action({' '.join(action)})",
    ]
    return "".join(f"{line}\n" for line in lines)
