"""Time zone and time servers."""

from lbadmin.document import Document


class TimeSettings(Document):
    """Time zone and time servers."""
