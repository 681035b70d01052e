"""`python -m lbadmin.cli`: lbcli without being installed."""

import sys

from lbadmin.cli import main

sys.exit(main())
