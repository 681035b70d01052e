"""What the menu's pages are put together from."""

from collections.abc import Callable, Sequence

import urwid

from lbadmin.console.plain import plain

LABEL = 16
"""Columns of a field's label."""

Check = Callable[[str], str | None]


class Field(urwid.Pile):
    """A label, what is typed, and the sentence that says what is wrong with it."""

    def __init__(
        self, label: str, text: str = "", *, check: Check | None = None, mask: str | None = None
    ) -> None:
        self.edit = urwid.Edit(edit_text=text, mask=mask)
        self._check = check
        self._sentence = urwid.Text(("error", ""))
        line = urwid.Columns([(LABEL, urwid.Text(label)), urwid.AttrMap(self.edit, "edit", "edit focus")])
        super().__init__([line])

    @property
    def text(self) -> str:
        """What was typed, without blanks around it."""
        return str(self.edit.edit_text).strip()

    @property
    def fault(self) -> str:
        """The sentence at the field, "" when there is none."""
        return str(self._sentence.text)

    def check(self) -> None:
        """Tell what is wrong with what was typed."""
        if self._check is not None:
            self.tell(self._check(self.text))

    def tell(self, fault: str | None) -> None:
        """Show a sentence at the field, or none."""
        self._sentence.set_text(("error", plain(fault or "")))
        shown = (urwid.Padding(self._sentence, left=LABEL), self.options("pack"))
        self.contents[1:] = [shown] if fault else []


class Form(urwid.ListBox):
    """Fields and buttons below each other; a field is checked when it is left."""

    def __init__(self, rows: Sequence[urwid.Widget]) -> None:
        self.fields = [row for row in rows if isinstance(row, Field)]
        super().__init__(urwid.SimpleFocusListWalker(list(rows)))

    def keypress(self, size: tuple[int, int], key: str) -> str | None:
        """Pass a key on; Enter in a field goes to the next one, Ctrl-U empties it."""
        before = self.focus
        if key == "ctrl u" and isinstance(before, Field):
            before.edit.set_edit_text("")
            return None
        if key == "enter" and isinstance(before, Field):
            key = "down"
        left: str | None = super().keypress(size, key)
        if before is not self.focus:
            if isinstance(before, Field):
                before.check()
            self._to_the_end()
        return left

    def go_to(self, field: Field) -> None:
        """Put the cursor into a field."""
        self.body.set_focus(list(self.body).index(field))
        self._to_the_end()

    def _to_the_end(self) -> None:
        if isinstance(self.focus, Field):
            self.focus.edit.set_edit_pos(len(self.focus.edit.edit_text))


class Button(urwid.WidgetWrap[urwid.AttrMap]):
    """A line to press Enter on."""

    def __init__(self, label: str, press: Callable[[], None]) -> None:
        self.label = label
        self._press = press
        icon = urwid.SelectableIcon(f" {label} ", 0)
        super().__init__(urwid.AttrMap(icon, "button", "button focus"))

    def keypress(self, _size: tuple[int], key: str) -> str | None:
        """Press it with Enter or the space bar."""
        if key not in {"enter", " "}:
            return key
        self._press()
        return None


class Choice(urwid.WidgetWrap[urwid.AttrMap]):
    """One of several names, changed by the left and right arrow keys or the space bar."""

    def __init__(
        self, label: str, names: Sequence[str], shown: Sequence[str], chosen: Callable[[], None]
    ) -> None:
        self._names, self._shown = list(names), list(shown)
        self._at = 0
        self._chosen = chosen
        self._icon = urwid.SelectableIcon("", LABEL)
        self._label = label
        super().__init__(urwid.AttrMap(self._icon, None, "button focus"))
        self._show()

    @property
    def name(self) -> str:
        """Which one it is."""
        return self._names[self._at]

    def keypress(self, _size: tuple[int], key: str) -> str | None:
        """Change it."""
        step = {"right": 1, " ": 1, "enter": 1, "left": -1}.get(key)
        if step is None or len(self._names) < 2:  # noqa: PLR2004 - there has to be another one
            return "down" if key == "enter" else key
        self._at = (self._at + step) % len(self._names)
        self._show()
        self._chosen()
        return None

    def _show(self) -> None:
        more = "  (arrow keys: another one)" if len(self._names) > 1 else ""
        self._icon.set_text(f"{self._label:{LABEL}}{plain(self._shown[self._at])}{more}")


def paragraphs(*texts: str) -> list[urwid.Widget]:
    """Return texts with an empty line behind each."""
    return [widget for text in texts for widget in (urwid.Text(plain(text)), urwid.Divider())]
