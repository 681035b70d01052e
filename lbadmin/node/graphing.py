"""What is measured and kept for the graphs."""

from lbadmin.document import Document, Flag


class Graphing(Document):
    """Whether there are graphs, and whether of each real server, too, which takes most of their room."""

    enabled: Flag = True
    real_servers: Flag = True
