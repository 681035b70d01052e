"""What lbadmind and lbva-graphs say to each other: a line of JSON there; a line of JSON and a body back."""

import json
import socket
from pathlib import Path
from typing import Any, NamedTuple

SOCKET = "/run/lbva-graphs/graphs.sock"
"""In a folder of the service's own, which root alone may enter beside it."""
TIMEOUT_S = 30.0
MAX_REQUEST = 4096
MAX_BODY = 4 * 1024 * 1024


class Answer(NamedTuple):
    """What the service said (`error`: a sentence), and the picture or table."""

    said: dict[str, Any]
    body: bytes


def ask(path: Path, request: dict[str, Any]) -> Answer:
    """Send a request and return the answer. Raises OSError or ValueError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = bytearray()
        while len(answer) < MAX_BODY and (data := connection.recv(65536)):
            answer += data
    head, end, body = bytes(answer).partition(b"\n")
    said = json.loads(head)
    if not end or not isinstance(said, dict) or said.get("length", len(body)) != len(body):
        raise ValueError("the answer was cut off")
    return Answer(said, body)
