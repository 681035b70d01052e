"""The fields of the node's own services: its clock, and what it reaches or is reached by beside its clients.

As in `catalogue`, a field's path is its place in the body of the request that it belongs to.
"""

from lbadmin.catalogue import Field, Section

TIME = Section(
    "",
    (
        Field(
            "time.time_zone", "System Timezone", "text", default="UTC", choices_from="time_zones",
            example="Europe/Berlin",
            help="The time zone of this page, the console and the lines to a syslog server, as the tz "
            "database names it: Europe/Berlin, America/New_York, UTC. The other pages and the "
            "REST API tell times in UTC.",
        ),
        Field(
            "time.ntp_servers", "NTP Servers", "list", example="ntp.example.com",
            help="Names or addresses of the time servers that the clock is set by; one a line, at most 8. "
            "The clock steps to their time when they are first asked, and is slewed after that, so that it "
            "never jumps while clients are served. Blank: the clock is the machine's own, or its "
            "hypervisor's.",
        ),
    ),
)  # fmt: skip

PROXY = Section(
    "Internet Proxy",
    (
        Field(
            "proxy.host", "Proxy Host", "text", option="proxy-host", example="proxy.example.com",
            help="The name or address of the HTTP proxy by which the appliance reaches the internet, such as "
            "for webhooks. Blank: it goes there itself.",
        ),
        Field(
            "proxy.port", "Proxy Port", "number", default="3128", option="proxy-port",
            help="The port of the proxy.",
        ),
    ),
)  # fmt: skip

FIREWALL_TABLE = Section(
    "Firewall",
    (
        Field(
            "firewall_table_size", "Firewall Table Size", "number", default="262144", unit="connections",
            example="262144",
            help="How many connections the firewall's rules can keep track of at once, from 4096 to 524288 "
            "(nf_conntrack_max); those above are dropped. A client's connection counts twice, because the "
            "appliance opens one to the real server for it. Each takes about 320 bytes of memory. Without "
            "rules that ask for the state of connections none are tracked.",
        ),
    ),
)  # fmt: skip

MAIL = Section(
    "SMTP Relay",
    (
        Field(
            "mail.host", "SMTP Relay", "text", option="smtp-host", example="relay.example.com",
            help="The name or address of the mail server that takes the appliance's mails. Its certificate "
            "must be for what is written here. Blank: no mails are sent.",
        ),
        Field(
            "mail.security", "SMTP Security", "choice", default="starttls", option="smtp-security",
            choices=(("starttls", "STARTTLS"), ("tls", "TLS"), ("none", "None")),
            help="STARTTLS begins in clear and goes on encrypted, or not at all. TLS is encrypted from the "
            "first byte. None sends everything in clear, and needs no certificate.",
        ),
        Field(
            "mail.port", "SMTP Port", "number", option="smtp-port", example="587",
            help="The port of the relay. Blank: 587 with STARTTLS, 465 with TLS, 25 with None.",
        ),
        Field(
            "mail.sender", "Sender", "text", option="smtp-sender", example="lbva@example.com",
            help="The address that the mails come from.",
        ),
        Field(
            "mail.recipients", "Recipients", "list", option="smtp-recipients", example="admin@example.com",
            help="The addresses that the mails go to; one a line, at most 16.",
        ),
    ),
    (
        Field(
            "mail.user", "SMTP User", "text", option="smtp-user", example="lbva",
            help="The name that the appliance signs in to the relay with, which needs STARTTLS or TLS. "
            "Blank: the relay takes mails without; a password that is kept is then forgotten.",
        ),
        Field(
            "mail.password", "SMTP Password", "secret", option="smtp-password",
            help="The password of the SMTP user: up to 128 characters without quotes and backslashes. Blank: "
            "the one that is kept stays.",
        ),
        Field(
            "mail.ca_certificate", "SMTP CA Certificate", "block", option="smtp-ca",
            help="The certificate, in PEM form, of the authority that has signed the relay's, or the relay's "
            "own if it has signed itself. Blank: the public authorities.",
        ),
    ),
)  # fmt: skip

SYSLOG = Section(
    "Syslog Server",
    (
        Field(
            "syslog.host", "Syslog Server", "text", option="syslog-host", example="syslog.example.com",
            help="The name or address of the server that all messages of the logs are sent to, beginning "
            "with those of now (RFC 5424). While it does not answer over TCP or TLS they wait in the "
            "appliance's own logs. Blank: they stay there.",
        ),
        Field(
            "syslog.protocol", "Syslog Protocol", "choice", default="udp", option="syslog-protocol",
            choices=(("udp", "UDP"), ("tcp", "TCP"), ("tls", "TLS")),
            help="UDP: nobody notices what is lost. TCP: in clear. TLS: encrypted, to the server alone whose "
            "certificate is for the name above.",
        ),
        Field(
            "syslog.port", "Syslog Port", "number", option="syslog-port", example="514",
            help="The port of the server. Blank: 514, with TLS 6514.",
        ),
    ),
    (
        Field(
            "syslog.ca_certificate", "Syslog CA Certificate", "block", option="syslog-ca",
            help="The certificate, in PEM form, of the authority that has signed the server's; for TLS. "
            "Blank: the public authorities.",
        ),
    ),
)  # fmt: skip

PHYSICAL = (PROXY, FIREWALL_TABLE, MAIL, SYSLOG)
"""The guide's Physical – Advanced Configuration."""

NODE_SERVICES = (TIME, *PHYSICAL)
