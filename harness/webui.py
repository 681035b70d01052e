"""The WebUI as a guide speaks of it: menus, buttons and fields by the texts that a person sees."""

from playwright.sync_api import Locator, Page

from harness.pictures import Pictures


class WebUi:
    """A page of the WebUI and what a person does on it; pictures are taken if there is a place for them."""

    def __init__(self, page: Page, pictures: Pictures | None = None) -> None:
        self.page = page
        self._pictures = pictures

    def menu(self, group: str, entry: str) -> None:
        """Choose an entry below a heading of the menu."""
        headed = self.page.locator("nav.menu h2", has_text=group).locator("xpath=following-sibling::ul[1]")
        headed.get_by_text(entry, exact=True).click()
        self.page.get_by_role("heading", name=entry, level=1).wait_for()

    def overview(self) -> None:
        """Choose System Overview."""
        self.page.locator("nav.menu").get_by_text("System Overview", exact=True).click()
        self.page.get_by_role("heading", name="System Overview", level=1).wait_for()

    def row(self, label: str) -> Locator:
        """The line of a table that a label stands in first."""
        first = self.page.locator("th:first-child, td:first-child").get_by_text(label, exact=True)
        return self.page.locator("tr").filter(has=first)

    def heading(self, title: str) -> Locator:
        """The page's heading."""
        return self.page.get_by_role("heading", name=title, level=1)

    def node(self, which: str) -> Locator:
        """The column of a node of a pair: "this node" or "peer"."""
        return self.page.get_by_role("columnheader").filter(has_text=f"({which})")

    def health(self, label: str) -> Locator:
        """What the overview says of a real server, or a virtual service."""
        return self.row(label).locator(".health")

    def click(self, text: str, *, beside: str | None = None, within: str | None = None) -> None:
        """Click what bears `text`: next to the text `beside`, or in the form's section `within`, if given."""
        self.button(text, beside=beside, within=within).click()

    def button(self, text: str, *, beside: str | None = None, within: str | None = None) -> Locator:
        """What bears `text` and can be clicked."""
        place = self.page.locator("main")
        if beside is not None:
            place = place.locator("tr, section").filter(has_text=beside).last
        if within is not None:
            place = self.section(within)
        return place.locator("a, button:not([aria-hidden]), summary").get_by_text(text, exact=True)

    def section(self, title: str) -> Locator:
        """The part of a form under a heading."""
        return self.page.get_by_role("group", name=title, exact=True)

    def field(self, label: str) -> Locator:
        """The field with a label."""
        return self.page.get_by_label(label, exact=True)

    def fill(self, label: str, text: str) -> None:
        """Type into a field, in the place of what is there."""
        self.field(label).fill(text)

    def choose(self, label: str, option: str) -> None:
        """Choose from a field's list."""
        self.field(label).select_option(label=option)

    def done(self, sentence: str) -> None:
        """Wait until the page confirms."""
        self.page.get_by_role("status").filter(has_text=sentence).wait_for()

    def picture(self, name: str, *marked: Locator) -> None:
        """Take a picture, with a frame around what matters."""
        if self._pictures is not None:
            self._pictures.take(self.page, name, marked)
