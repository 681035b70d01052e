"""The menu of the WebUI, with the deployment guide's names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A page of the menu."""

    title: str
    path: str


@dataclass(frozen=True)
class Group:
    """Pages under one heading; a heading of "" has none. What a pair shares is changed on its master."""

    title: str
    entries: tuple[Entry, ...]
    shared: bool = False


MENU = (
    Group("", (Entry("System Overview", "/lbadmin/"),)),
    Group(
        "Local Configuration",
        (
            Entry("Network Interface Configuration", "/lbadmin/local/interfaces"),
            Entry("Routing", "/lbadmin/local/routing"),
            Entry("Hostname & DNS", "/lbadmin/local/hostname"),
            Entry("System Date & Time", "/lbadmin/local/time"),
            Entry("Physical – Advanced Configuration", "/lbadmin/local/physical"),
            Entry("SNMP Configuration", "/lbadmin/local/snmp"),
            Entry("Graphing", "/lbadmin/local/graphing"),
            Entry("Alerts", "/lbadmin/local/alerts"),
            Entry("License Key", "/lbadmin/local/licence"),
        ),
    ),
    Group(
        "Cluster Configuration",
        (
            Entry("Layer 4 – Virtual Services", "/lbadmin/layer4/services"),
            Entry("Layer 4 – Real Servers", "/lbadmin/layer4/servers"),
            Entry("Layer 7 – Virtual Services", "/lbadmin/layer7/services"),
            Entry("Layer 7 – Real Servers", "/lbadmin/layer7/servers"),
            Entry("Layer 7 – Advanced Configuration", "/lbadmin/layer7/advanced"),
            Entry("SSL Certificates", "/lbadmin/certificates"),
            Entry("Health Check Scripts", "/lbadmin/check-scripts"),
            Entry("New service from template", "/lbadmin/templates"),
            Entry("High-Availability Configuration", "/lbadmin/ha"),
        ),
        shared=True,
    ),
    Group(
        "Maintenance",
        (
            Entry("Restart Services", "/lbadmin/maintenance/restart"),
            Entry("Passwords", "/lbadmin/maintenance/passwords"),
            Entry("API keys", "/lbadmin/maintenance/api-keys"),
            Entry("Secure Shell", "/lbadmin/maintenance/ssh"),
            Entry("Firewall Script", "/lbadmin/maintenance/firewall"),
            Entry("Firewall Lockdown Wizard", "/lbadmin/maintenance/lockdown"),
            Entry("Backup & Restore", "/lbadmin/maintenance/backup"),
            Entry("System Control", "/lbadmin/maintenance/system"),
            Entry("Factory Reset", "/lbadmin/maintenance/factory-reset"),
        ),
    ),
    Group(
        "View Configuration",
        (
            Entry("Configuration Files", "/lbadmin/view/files"),
            Entry("Documents", "/lbadmin/view/documents"),
            Entry("Change History", "/lbadmin/view/history"),
        ),
    ),
    Group(
        "Reports",
        (
            Entry("Layer 4 Status", "/lbadmin/reports/layer4"),
            Entry("Layer 7 Status", "/lbadmin/reports/layer7"),
            Entry("Graphs", "/lbadmin/reports/graphs"),
        ),
    ),
    Group("Logs", (Entry("Logs", "/lbadmin/logs"), Entry("Audit", "/lbadmin/logs/audit"))),
    Group("Support", (Entry("Technical Support Download", "/lbadmin/support"),)),
)


def entry_of(path: str) -> Entry | None:
    """Return the menu's entry that the page at a path belongs to: the one with the longest common path."""
    entries = [entry for group in MENU for entry in group.entries]
    within = [entry for entry in entries if path == entry.path or path.startswith(f"{entry.path}/")]
    return max(within, key=lambda entry: len(entry.path), default=None)


def is_shared(entry: Entry | None) -> bool:
    """Tell whether the pages of an entry are about what both nodes of a pair share."""
    return any(entry in group.entries for group in MENU if group.shared)
