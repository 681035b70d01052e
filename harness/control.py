"""How a lab's supervisor is spoken to: one JSON line there, one back, over a unix socket."""

import json
import socket
from pathlib import Path
from typing import Any

from harness.deadline import Deadline
from harness.errors import LabError

MAX_LINE = 64 * 1024


def read_line(connection: socket.socket) -> bytes:
    """Read up to the first line feed, the connection's end, or MAX_LINE bytes."""
    data = b""
    while not data.endswith(b"\n") and len(data) < MAX_LINE:
        piece = connection.recv(4096)
        if not piece:
            break
        data += piece
    return data


def ask(path: Path, deadline: Deadline, **request: str) -> dict[str, Any]:
    """Send a request to the supervisor whose socket lies at `path` and return its answer.

    Raises LabError when the supervisor refuses, OSError when it does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(max(0.01, deadline.remaining()))
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        line = read_line(connection)
    if not line:
        raise ConnectionError("the lab's supervisor closed the connection without an answer")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer
