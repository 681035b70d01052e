"""What is measured and kept for the graphs."""

from lbadmin.document import Document


class Graphing(Document):
    """What is measured and kept for the graphs."""
