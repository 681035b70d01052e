"""Carries connections from outside to an address inside a lab.

The listening socket is made outside and inherited: it goes on accepting where it was made, while
this process, and so every socket it makes itself, is inside.
"""

import argparse
import asyncio
import contextlib
import socket

_PIECE = 64 * 1024


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the reader's end, then end the writer's direction alone."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_PIECE):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def serve(listener: socket.socket, host: str, port: int) -> None:
    """Carry each connection that `listener` accepts to `host`:`port`, for ever."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            try:
                inner_reader, inner_writer = await asyncio.open_connection(host, port)
            except OSError:
                return  # closing tells the caller; the appliance may be off on purpose
            with contextlib.closing(inner_writer):
                await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = await asyncio.start_server(carry, sock=listener)
    await server.serve_forever()


def main() -> None:
    """Forward until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--descriptor", type=int, required=True, help="an inherited listening socket")
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    options = parser.parse_args()
    host, _colon, port = options.to.rpartition(":")
    asyncio.run(serve(socket.socket(fileno=options.descriptor), host, int(port)))


if __name__ == "__main__":
    main()
