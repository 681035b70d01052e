"""lbva-graphs: samples every 10 s, and answers lbadmind in between. One thread, one thing at a time."""

import argparse
import contextlib
import json
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rrdtool

from lbadmin.graphs.archive import Archive
from lbadmin.graphs.drawing import draw, picture_of, table
from lbadmin.graphs.layout import BUDGET_BYTES, PERIODS, STEP_S, kind_of
from lbadmin.graphs.protocol import MAX_REQUEST, SOCKET
from lbadmin.graphs.sampling import Sampler
from lbadmin.graphs.settings import GRAPHS_CONF, GRAPHS_SOCKET, LAYER4_FILE, WITHOUT_SERVERS

FOLDER = "/var/lib/lbadmin/graphs"
HEARD_S = 2.0
"""How long lbadmind may take to send a request or to take an answer, which is all that waits meanwhile."""
CLEAN_EVERY_S = 3600.0
MAX_CACHED = 64
"""Pictures that are kept until the next sample, however many browsers ask for them."""

log = logging.getLogger(__name__)


class Service:
    """Samples into an archive, and draws of it what is asked for."""

    def __init__(self, sampler: Sampler, archive: Archive, clock: Callable[[], float] = time.time) -> None:
        self._sampler = sampler
        self._archive = archive
        self._clock = clock
        self._cached: dict[str, tuple[dict[str, Any], bytes]] = {}
        self._cleaned = 0.0

    def tick(self) -> None:
        """Take a sample; whatever is wrong is logged, and the next one is taken all the same."""
        try:
            self._cached.clear()
            now = int(self._clock())
            self._archive.record(now, self._sampler.sample())
            if time.monotonic() - self._cleaned > CLEAN_EVERY_S:
                self._cleaned = time.monotonic()
                self._archive.remove_gone(now)
        except Exception:  # one sample that fails is a gap
            log.exception("no sample was taken")

    def answer(self, line: bytes) -> tuple[dict[str, Any], bytes]:
        """Return what there is to say to a request, and the body."""
        key = line.decode("utf-8", "replace")
        if key in self._cached:
            return self._cached[key]
        try:
            answer = self._of(json.loads(line))
        except (rrdtool.OperationalError, rrdtool.ProgrammingError, OSError) as error:
            log.warning("%s: %s", key.strip(), error)
            return {"error": "the graph can't be drawn; the journal of lbva-graphs says why"}, b""
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"error": "there is no such graph"}, b""
        if "error" not in answer[0] and len(self._cached) < MAX_CACHED:
            self._cached[key] = answer
        return answer

    def _of(self, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        if request["what"] == "list":
            graphed = set(self._archive.graphed)
            said = {
                "objects": [[each, each in graphed] for each in self._archive.known],
                "size_bytes": self._archive.size(),
                "budget_bytes": BUDGET_BYTES,
            }
            return said, b""
        name, period = request["object"], request["period"]
        kind = kind_of(name)
        if kind is None or period not in PERIODS or name not in self._archive.graphed:
            return {"error": "there is no such graph"}, b""
        self._archive.flush(name)
        path, now = self._archive.path(name), int(self._clock())
        if not path.exists():
            return {"error": "nothing was measured yet"}, b""
        if request["what"] == "csv":
            return {}, table(path, kind, period, now).encode()
        return {}, draw(path, picture_of(kind, request["show"]), period, now, request["size"])


def serve(service: Service, listener: socket.socket, stopped: Callable[[], bool]) -> None:
    """Sample and answer until told to stop."""
    following = time.monotonic()
    while not stopped():
        left = following - time.monotonic()
        if left <= 0:
            service.tick()
            following = max(following + STEP_S, time.monotonic())
        elif select.select([listener], [], [], min(left, 1.0))[0]:
            with contextlib.suppress(OSError):
                _answer(service, listener)


def _answer(service: Service, listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(HEARD_S)
        request = bytearray()
        while not request.endswith(b"\n") and len(request) < MAX_REQUEST:
            data = connection.recv(MAX_REQUEST)
            if not data:
                return
            request += data
        said, body = service.answer(bytes(request))
        connection.sendall(json.dumps({**said, "length": len(body)}).encode() + b"\n" + body)


def listen(path: Path) -> socket.socket:
    """Return the listening socket."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)
    return listener


def main() -> None:
    """Run lbva-graphs until SIGTERM."""
    parser = argparse.ArgumentParser(prog="lbva-graphs", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help="what stands for the appliance's /")
    root: Path = parser.parse_args().root
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    os.environ["TZ"] = "UTC"
    time.tzset()

    def at(absolute: str) -> Path:
        return root / absolute.lstrip("/")

    folder = at(FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    settings = at(GRAPHS_CONF).read_text("ascii")
    sampler = Sampler(at(GRAPHS_SOCKET), at(LAYER4_FILE), real_servers=WITHOUT_SERVERS not in settings)
    archive = Archive(folder)
    asked_to_stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked_to_stop.append(number))
    try:
        serve(Service(sampler, archive), listen(at(SOCKET)), lambda: bool(asked_to_stop))
    finally:
        archive.flush_all()


if __name__ == "__main__":
    main()
