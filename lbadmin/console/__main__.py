"""`python3 -m lbadmin.console`, which overlay/usr/lib/lbva/console starts on its terminal."""

import contextlib
import os
import signal
import sys
import termios

import urwid

from lbadmin.client import SOCKET, Client
from lbadmin.console.menu import Menu
from lbadmin.console.pages import open_menu
from lbadmin.system import System

TIMEOUT_S = 180.0


def main() -> int:
    """Run the menu on standard input and output; return its exit status."""
    # No key may end it, not even by a terminal that somebody has set up anew.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    attributes = termios.tcgetattr(sys.stdin)
    attributes[0] &= ~termios.IXON
    attributes[3] &= ~termios.ISIG
    termios.tcsetattr(sys.stdin, termios.TCSANOW, attributes)
    urwid.set_encoding("ascii")
    screen = urwid.display.raw.Screen()
    # A serial line's terminal may have no colours.
    screen.set_terminal_properties(colors=16 if os.environ.get("TERM") == "linux" else 1)
    menu = Menu(Client(SOCKET, TIMEOUT_S), screen)
    open_menu(menu, System())
    with contextlib.suppress(KeyboardInterrupt):
        return menu.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
