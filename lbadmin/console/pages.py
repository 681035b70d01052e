"""The menu's pages beside the wizard: password reset, factory reset, reboot, shut down, messages."""

from collections.abc import Callable

import urwid

from lbadmin.console.menu import LOG_IN, REFUSED, USER, Menu
from lbadmin.console.widgets import Button, Field, paragraphs
from lbadmin.console.wizard import open_wizard
from lbadmin.system import System

TITLE = "LBVA load balancer appliance"


def open_menu(menu: Menu, system: System) -> None:
    """Show the menu itself."""

    def log_in() -> None:
        menu.status = LOG_IN
        raise urwid.ExitMainLoop

    guarded = menu.guarded
    entries: list[tuple[str, Callable[[], None]]] = [
        ("Network Setup Wizard", guarded(lambda: open_wizard(menu, system))),
        ("What needs attention", lambda: open_messages(menu)),
        ("Keep a network change that waits to be confirmed", guarded(lambda: open_unconfirmed(menu))),
        (f"Reset the password of the user {USER}", lambda: open_reset(menu)),
        ("Factory reset", guarded(lambda: open_factory_reset(menu))),
        ("Reboot", guarded(lambda: open_power(menu, "reboot"))),
        ("Shut down", guarded(lambda: open_power(menu, "shutdown"))),
        ("Log in", log_in),
        ("Leave the menu", menu.back),
    ]
    menu.open(TITLE, [Button(label, press) for label, press in entries])


def open_messages(menu: Menu) -> None:
    """Show all messages in full."""
    answer = menu.ask("GET", "/messages")
    if answer is not None and answer.status < REFUSED:
        texts = [f"* {message['text']}" for message in answer.body["messages"]]
        menu.open(
            "What needs attention",
            [Button("OK", menu.home), urwid.Divider(), *paragraphs(*texts or ["Nothing."])],
        )


def open_unconfirmed(menu: Menu) -> None:
    """Show the change that is taken back soon, and let it be kept."""
    answer = menu.ask("GET", "/node/unconfirmed")
    if answer is None:
        return
    waiting = answer.body
    if waiting["seconds_left"] is None:
        menu.tell("Keep a change", "No change waits to be confirmed.")
        return

    def keep() -> None:
        if menu.done("POST", "/node/confirm"):
            menu.tell("Keep a change", "The change is kept.")

    text = f"{waiting['what']} by {waiting['who']} is taken back in {waiting['seconds_left']} s."
    menu.open(
        "Keep a change",
        [*paragraphs(text), Button("Keep it", keep), Button("Let it be taken back", menu.home)],
    )


def open_reset(menu: Menu) -> None:
    """Begin a password reset: the rules are lbadmind's (lbadmin/console/reset.py)."""
    answer = menu.ask("POST", "/console/password-reset")
    if answer is None:
        return
    if answer.status >= REFUSED:
        menu.tell("Password reset", str(answer.body["detail"]))
        return
    code, new, again = Field("Code"), Field("New password", mask="*"), Field("Once more", mask="*")

    def finish() -> None:
        for field in (code, new, again):
            field.tell(None)
        if new.edit.edit_text != again.edit.edit_text:
            again.tell("the two passwords differ; type the new one twice")
            return
        body = {"code": code.text, "new": str(new.edit.edit_text)}
        reply = menu.ask("PUT", "/console/password-reset", body)
        if reply is not None and reply.status >= REFUSED:
            wrong = new if reply.body.get("errors") else code
            wrong.tell(str(reply.body["detail"]))
            form.go_to(wrong)
        elif reply is not None:
            menu.tell("Password reset", f"The user {USER} has the new password. All sessions have ended.")

    shown = f"{answer.body['code'][:3]} {answer.body['code'][3:]}"
    form = menu.open(
        "Password reset",
        [
            *paragraphs(
                f"This gives the user {USER} a new password. It is logged, and the WebUI tells of it.",
                f"The code is {shown}. Type it below when {answer.body['wait_s']} seconds have passed.",
            ),
            code,
            new,
            again,
            urwid.Divider(),
            Button("Set the password", finish),
            Button("Cancel", menu.home),
        ],
    )
    form.go_to(code)


def open_factory_reset(menu: Menu) -> None:
    """Ask for the word, then reset."""
    word = Field("Type: reset")

    def go() -> None:
        if word.text != "reset":
            word.tell("type the word reset, or choose Cancel")
        elif menu.done("POST", "/system/factory-reset"):
            menu.tell("Factory reset", "The appliance reboots, and is as it was delivered.")

    form = menu.open(
        "Factory reset",
        [
            *paragraphs("Configuration, history, certificates, passwords and API keys are lost. Logs stay."),
            word,
            urwid.Divider(),
            Button("Reset and reboot", go),
            Button("Cancel", menu.home),
        ],
    )
    form.go_to(word)


_POWER = {
    "reboot": ("Reboot", "All connections end until it has booted."),
    "shutdown": ("Shut down", "All connections end, and only the machine's power button starts it again."),
}


def open_power(menu: Menu, word: str) -> None:
    """Ask, then reboot or shut down."""
    title, consequence = _POWER[word]

    def go() -> None:
        if menu.done("POST", f"/system/{word}"):
            menu.tell(title, "It is on its way.")

    menu.open(title, [*paragraphs(consequence), Button("Cancel", menu.home), Button(title, go)])
