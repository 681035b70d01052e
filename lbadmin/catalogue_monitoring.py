"""The fields of graphs and alerts, as in `catalogue`."""

from lbadmin.catalogue import Field, Section

GRAPHING = Section(
    "",
    (
        Field(
            "graphing.enabled", "Graphing", "flag", default="true", option="graphs",
            help="Measure every 10 seconds, and keep it for a year. What was measured stays when it is off.",
        ),
        Field(
            "graphing.real_servers", "Real Servers", "flag", default="true", option="graph-real-servers",
            help="Graphs of each real server, too. Without them there is room for more virtual services: "
            "all graphs together have 100 MB.",
        ),
    ),
)  # fmt: skip

ALERT_WAYS = Section(
    "Where To",
    (
        Field(
            "alerts.email", "E-Mail", "flag", default="false", option="alert-email",
            help="Send alerts by mail, to the recipients of the SMTP relay.",
        ),
        Field(
            "alerts.webhook", "Webhook", "text", example="https://alerts.example.com/lbva",
            help="The http or https address that alerts are posted to as JSON. Blank: none.",
        ),
        Field(
            "alerts.webhook_secret", "Webhook Secret", "secret",
            help="Signs what is posted: header X-LBVA-Signature has its HMAC-SHA-256. Blank: as it is now.",
        ),
    ),
    (
        Field(
            "alerts.webhook_authority", "Webhook Authority", "block",
            help="The certificates, in PEM form, that the webhook's own is checked with. Blank: those of the "
            "public authorities.",
        ),
    ),
)  # fmt: skip

ALERT_EVENTS = Section(
    "What",
    (
        Field(
            "alerts.real_servers", "Real Servers", "flag", default="true", option="alert-real-servers",
            help="A real server goes down or is up again. In a pair the master tells.",
        ),
        Field(
            "alerts.roles", "Failovers", "flag", default="true", option="alert-roles",
            help="This node became the master, or can't serve. In a pair the new master tells.",
        ),
        Field(
            "alerts.warnings", "Warnings", "flag", default="true", option="alert-warnings",
            help="What the message box warns of: certificates, disk, trial and licence, the pair, HAProxy.",
        ),
    ),
)  # fmt: skip

MONITORING = (GRAPHING, ALERT_WAYS, ALERT_EVENTS)
