"""A backend by bare sockets, for what a framework would neither let through nor say: raw header names, a protocol switch that
ends HTTP, headers for the proxy itself, headers of any size."""

import json
import os
import socketserver
import time
from urllib.parse import parse_qs, urlsplit

COLOR = os.environ["COLOR"]


class Handler(socketserver.StreamRequestHandler):
    def answer(self, status: str, headers: list[str], body: str) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        self.wfile.write("\r\n".join(head).encode() + body.encode())

    def handle(self) -> None:
        while self.handle_one():
            pass

    def handle_one(self) -> bool:
        line = self.rfile.readline().decode("latin1").split()
        if len(line) < 2:
            return False
        headers: list[tuple[str, str]] = []
        while (text := self.rfile.readline().decode("latin1").rstrip("\r\n")) != "":
            name, _, value = text.partition(":")
            headers.append((name, value.strip()))
        target = urlsplit(line[1])
        query = {name: values[-1] for name, values in parse_qs(target.query).items()}
        upgrade = next((value for name, value in headers if name.lower() == "upgrade"), "")

        if upgrade != "":
            # Whatever it is: from here on there is no HTTP any more.
            self.wfile.write(
                f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n".encode()
            )
            while received := self.rfile.readline():
                self.wfile.write(f"tunnel to {COLOR}: ".encode() + received)
            return False
        if target.path == "/answer":
            # One header of so many KiB, and the headers that the query names.
            size = int(query.pop("kb", "0")) * 1024
            status = query.pop("status", "200")
            more = [f"{name}: {value}" for name, value in query.items()]
            self.answer(f"{status} Said", [*([f"X-Large: {'x' * size}"] if size else []), *more], COLOR)
        elif target.path == "/pieces":
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\n"
            )
            for piece in range(2):
                self.wfile.write(f"data: {piece}\n\n".encode())
                time.sleep(1)
            return False
        elif target.path == "/gone" and COLOR == query.get("color", COLOR):
            return False
        else:
            self.answer("200 OK", ["Content-Type: application/json"], json.dumps({"color": COLOR, "line": line, "headers": headers}))
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


Server(("0.0.0.0", 5000), Handler).serve_forever()
