"""Shows one finished file to a browser on this machine, and nothing else to nobody else."""

from __future__ import annotations

import contextlib
import http.server
from collections.abc import Callable
from pathlib import Path

HOST = "127.0.0.1"
REQUEST_SECONDS_MAX = 10


def serve_file(path: Path, on_listening: Callable[[str], None]) -> None:
    """Serve `path` at the root of a free loopback port until Ctrl-C; tells the address once it listens."""
    content = path.read_bytes()

    class OneFile(http.server.BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS_MAX

        def do_GET(self) -> None:
            if self.path != "/":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 (the base class names it)
            """Nobody needs to hear of it."""

    with http.server.ThreadingHTTPServer((HOST, 0), OneFile) as server:
        on_listening(f"http://{HOST}:{server.server_address[1]}/")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
