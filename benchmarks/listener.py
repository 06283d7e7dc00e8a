"""A broker that takes every order and notes when its first byte came: the other end of `decision_to_socket`.

Prints its port, and ends when its standard input closes. The instant, in nanoseconds of the monotonic clock that all
processes of a machine share, goes back in a header of the answer.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time

BYTES_MAX = 65_536


def serve(connection: socket.socket) -> None:
    """Answer requests one after the other until the client hangs up."""
    while first := connection.recv(BYTES_MAX):
        arrived = time.monotonic_ns()
        head, body = _whole(connection, first)
        connection.sendall(_answer(head, body, arrived))


def _whole(connection: socket.socket, first: bytes) -> tuple[str, bytes]:
    received = first
    while b"\r\n\r\n" not in received:
        received += connection.recv(BYTES_MAX)
    head, _, body = received.partition(b"\r\n\r\n")
    text = head.decode("latin-1").lower()
    length = int(text.partition("content-length:")[2].partition("\r\n")[0] or 0)
    while len(body) < length:
        body += connection.recv(BYTES_MAX)
    return text, body


def _answer(head: str, body: bytes, arrived: int) -> bytes:
    """The order as accepted, or a clear no to anything that is not an order."""
    if head.startswith("post /v2/orders "):
        order = json.loads(body)
        told = {**order, "id": f"b-{order['client_order_id']}", "status": "new", "filled_qty": "0"}
        status, content = "200 OK", json.dumps(told).encode()
    else:
        status, content = "403 Forbidden", b'{"message": "only orders are taken here"}'
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        f"X-Arrived-Nanos: {arrived}",
    )
    return "\r\n".join([*lines, "", ""]).encode() + content


def listen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    threading.Thread(target=listen, daemon=True).start()
    sys.stdin.read()
    os._exit(0)
