"""The server that the logs are sent to."""

from lbadmin.document import Document


class Syslog(Document):
    """The server that the logs are sent to."""
