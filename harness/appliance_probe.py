"""Runs on the appliance, sent over SSH: prints once a second what the machine does, as a line of JSON.

It needs nothing but Python, and is told the path of HAProxy's socket if there is one.
It ends when its output can't be written any more.
"""

import json
import socket
import sys
import time


def busy() -> list[int]:
    """The processor's time so far, in ticks, by kind (proc(5), /proc/stat)."""
    with open("/proc/stat") as file:  # noqa: PTH123 - imports cost an emulated machine more than they give
        return [int(word) for word in file.readline().split()[1:9]]


def memory() -> dict[str, int]:
    """Memory in KiB (proc(5), /proc/meminfo)."""
    with open("/proc/meminfo") as file:  # noqa: PTH123
        lines = (line.split() for line in file)
        wanted = {"MemTotal:", "MemAvailable:", "SwapTotal:", "SwapFree:"}
        return {words[0].rstrip(":"): int(words[1]) for words in lines if words[0] in wanted}


def haproxy(path: str) -> str:
    """HAProxy's `show info`, and its proxies and servers as CSV (management guide, 9.3 "show stat")."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(path)
        connection.sendall(b"show info;show stat -1 5 -1\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def main() -> None:
    """Print for ever."""
    path = sys.argv[1] if len(sys.argv) > 1 else ""
    due = time.monotonic()
    while True:
        line: dict[str, object] = {"cpu": busy(), "memory": memory()}
        if path:
            try:
                line["haproxy"] = haproxy(path)
            except OSError:
                line["haproxy"] = ""
        print(json.dumps(line), flush=True)
        due = max(due + 1, time.monotonic())
        time.sleep(due - time.monotonic())


if __name__ == "__main__":
    main()
