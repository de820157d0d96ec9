"""Says which service, color and version answers. At SIGTERM it ends when the requests in flight have their answer."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IDENTITY = {
    "service": os.environ["SERVICE"],
    "color": os.environ["COLOR"],
    "version": os.environ["APP_VERSION"],
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({**IDENTITY, "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The proxy writes the access log."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False  # the end waits for them


with Server(("", int(os.environ["PORT"])), Handler) as server:
    signal.signal(
        signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start()
    )
    server.serve_forever()
