"""What is told by mail and webhook, and to whom."""

from lbadmin.document import Document


class Alerts(Document):
    """What is told by mail and webhook, and to whom."""
