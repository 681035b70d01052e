import socket
import subprocess
import sys
import threading

from harness.deadline import Deadline


def test_connections_are_carried_both_ways_with_their_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as inner, socket.create_server(("127.0.0.1", 0)) as outer:
        thread = threading.Thread(target=answer_all, args=(inner,))
        thread.start()
        argv = [sys.executable, "-m", "harness.forward", "--descriptor", str(outer.fileno())]
        argv += ["--to", f"127.0.0.1:{inner.getsockname()[1]}"]
        with subprocess.Popen(argv, pass_fds=[outer.fileno()]) as process:
            with socket.create_connection(outer.getsockname(), 10) as client:
                client.sendall(b"question" * 10_000)
                client.shutdown(socket.SHUT_WR)
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            assert answer == b"answer to 80000"
            thread.join(Deadline(10).remaining())
            # Nobody listens inside any more: the connection is closed, not left hanging.
            inner.close()
            with socket.create_connection(outer.getsockname(), 10) as client:
                assert client.recv(1) == b""
            process.kill()


def answer_all(listener: socket.socket) -> None:
    connection, _address = listener.accept()
    with connection:
        length = sum(len(piece) for piece in iter(lambda: connection.recv(65536), b""))
        connection.sendall(f"answer to {length}".encode())
