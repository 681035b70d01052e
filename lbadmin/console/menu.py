"""The menu program: pages on top of each other on one terminal, for as long as somebody types.

It is a client of lbadmind's socket, as root. Who may do what is decided here, too, because root's requests
are all granted: see `Menu.guarded`.
"""

from collections.abc import Callable, Sequence

import urwid

from lbadmin.client import Answer, Client, RequestError
from lbadmin.console.plain import plain
from lbadmin.console.widgets import Button, Field, Form, paragraphs

USER = "loadbalancer"
IDLE_S = 300.0
"""After that the menu closes, whatever was typed: nobody is there, and its memory is wanted elsewhere."""

LOG_IN = 10
"""Exit status that asks overlay/usr/lib/lbva/console for a login."""

PALETTE = [
    ("title", "white,bold", "dark blue", "standout"),
    ("hint", "black", "light gray", "standout"),
    ("edit", "default,underline", "default", "underline"),
    ("edit focus", "white,bold", "dark blue", "standout"),
    ("button", "default", "default", "default"),
    ("button focus", "white,bold", "dark blue", "standout"),
    ("error", "light red,bold", "default", "bold"),
]
HINT = " Arrow keys or Tab: move   Enter: choose   Ctrl-U: empty the field   Esc: back"

CREATED = 201
REFUSED = 400


class Menu:
    """The pages; the first one is the menu itself."""

    def __init__(
        self, client: Client, screen: urwid.BaseScreen | None = None, idle_s: float = IDLE_S
    ) -> None:
        self.client = client
        self.status = 0
        self.allowed = False
        """Whether who is here has shown that they may change something."""
        self._idle_s = idle_s
        self._idle: object = None
        self._pages: list[tuple[str, Form]] = []
        self._title = urwid.Text("")
        self.frame = urwid.Frame(
            urwid.SolidFill(),
            header=urwid.Pile([urwid.AttrMap(self._title, "title"), urwid.Divider()]),
            footer=urwid.AttrMap(urwid.Text(HINT, wrap="clip"), "hint"),
        )
        self.loop = urwid.MainLoop(
            self.frame,
            PALETTE,
            screen=screen,
            handle_mouse=False,
            input_filter=self._typed,
            unhandled_input=self._unhandled,
        )

    def run(self) -> int:
        """Show the pages until the last is left; return the exit status."""
        self._wait()
        self.loop.run()
        return self.status

    def open(self, title: str, rows: Sequence[urwid.Widget]) -> Form:
        """Put a page on top and return it."""
        form = Form([*rows])
        self._pages.append((title, form))
        self._show()
        return form

    def back(self) -> None:
        """Leave the page on top; leaving the last one ends the program."""
        self._pages.pop()
        if not self._pages:
            raise urwid.ExitMainLoop
        self._show()

    def home(self) -> None:
        """Leave all pages but the first."""
        del self._pages[1:]
        self._show()

    def tell(self, title: str, *texts: str) -> None:
        """Show what there is to tell, until a key is pressed."""
        self.open(title, [*paragraphs(*texts), Button("OK", self.home)])

    def busy(self, text: str) -> None:
        """Say what is waited for, at once: the program does nothing else meanwhile."""
        self._title.set_text(f" {plain(text)} ...")
        if self.loop.screen.started:
            self.loop.draw_screen()
        self._title.set_text(f" {self._pages[-1][0]}" if self._pages else "")

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer | None:
        """Return lbadmind's answer, whatever it is; None when there is none, which is told."""
        try:
            return self.client.request(method, path, body, headers)
        except RequestError:
            self.tell(
                "No answer",
                "The management does not answer. Try again in a minute.",
            )
            return None

    def done(self, method: str, path: str, body: object = None) -> bool:
        """Send a request; tell its refusal and return whether it was granted."""
        answer = self.ask(method, path, body)
        if answer is not None and answer.status >= REFUSED:
            self.tell("Not done", sentence_of(answer))
        return answer is not None and answer.status < REFUSED

    def guarded(self, then: Callable[[], None]) -> Callable[[], None]:
        """Return `then` behind the question for the password, which is asked once while the menu is open.

        A factory-fresh appliance has no password that would keep anybody out.
        """

        def start() -> None:
            if self.allowed or self._is_fresh():
                then()
            else:
                self._ask_password(then)

        return start

    def _is_fresh(self) -> bool:
        answer = self.ask("GET", "/messages")
        if answer is None or answer.status >= REFUSED:
            return False
        return bool(answer.body["node"]["factory_password"])

    def _ask_password(self, then: Callable[[], None]) -> None:
        field = Field("Password", mask="*")

        def check() -> None:
            answer = self.ask("POST", "/session", {"user": USER, "password": str(field.edit.edit_text)})
            if answer is None:
                return
            if answer.status != CREATED:
                field.edit.set_edit_text("")
                field.tell(sentence_of(answer))
                form.go_to(field)
                return
            self.ask("DELETE", "/session", Authorization=f"Bearer {answer.body['token']}")
            self.allowed = True
            self.back()
            then()

        form = self.open(
            "Password",
            [
                *paragraphs(f"The password of the user {USER} is needed for this, as on the web interface."),
                field,
                urwid.Divider(),
                Button("Continue", check),
                Button("Cancel", self.home),
            ],
        )
        form.go_to(field)

    def _show(self) -> None:
        title, form = self._pages[-1]
        self._title.set_text(f" {title}")
        self.frame.body = urwid.Padding(form, left=1, right=1)

    def _typed(self, keys: list[str], _raw: list[int]) -> list[str]:
        """Count as activity, and let Tab move as the arrow keys do."""
        self._wait()
        return [{"tab": "down", "shift tab": "up"}.get(key, key) for key in keys]

    def _wait(self) -> None:
        if self._idle is not None:
            self.loop.remove_alarm(self._idle)
        self._idle = self.loop.set_alarm_in(self._idle_s, self._leave)

    def _leave(self, *_: object) -> None:
        raise urwid.ExitMainLoop

    def _unhandled(self, key: str | tuple[str, int, int, int]) -> bool:
        if key == "esc":
            self.back()
        return True


def sentence_of(answer: Answer) -> str:
    """Return why a request was refused, as a sentence on its own."""
    detail = (
        str(answer.body.get("detail") if isinstance(answer.body, dict) else "") or f"status {answer.status}"
    )
    return f"{detail[0].upper()}{detail[1:]}."
