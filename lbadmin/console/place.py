"""Where the WebUI is."""

PORT = 9443


def url_of(host: str) -> str:
    """Return the WebUI's URL at an address of this node."""
    return f"https://{f'[{host}]' if ':' in host else host}:{PORT}/lbadmin/"
