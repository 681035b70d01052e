"""How the build says no."""

HINT = "\n  → "


class BuildError(Exception):
    """A build that cannot go on: what is wrong, and what to do about it."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message}{HINT}{hint}")
