"""A release with assets of its own: release a has /assets/a.js, release b has /assets/b.js, and neither has the other one's.
Its page loads its script when it is asked to, as a page does that was loaded before a switch. By /assets/<fault>-<release>.js one
of the two does something wrong, and the other one answers 404."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COLOR = os.environ["COLOR"]
RELEASE = os.environ.get("RELEASE") or {"blue": "a", "green": "b"}[COLOR]
PORT = int(os.environ.get("PORT", "5000"))

PAGE = f"""<!doctype html><title>release {RELEASE}</title>
<script>
function more() {{
  const script = document.createElement("script");
  script.src = "/assets/{RELEASE}.js";
  script.onerror = () => {{ document.title = "the script is gone"; }};
  document.head.append(script);
}}
</script>
<button onclick="more()">more</button>
"""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write an answer, so that none waits for an acknowledgement.
    wbufsize = 64 * 1024

    def answer(self, status: int, kind: str, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def own_404(self) -> None:
        self.answer(404, "text/plain", f"release {RELEASE} has no such file\n", Cache_Control="no-store", X_Release=RELEASE)

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        name, _, release = path.removeprefix("/assets/").removesuffix(".js").rpartition("-")
        if path == "/healthz":
            self.answer(200, "application/json", json.dumps({"color": COLOR, "release": RELEASE}))
        elif path == "/":
            self.answer(200, "text/html", PAGE)
        elif path == "/seen" or (name == "seen" and release == RELEASE):
            # The request as it came.
            seen = {key.lower(): value for key, value in self.headers.items()}
            self.answer(200, "application/json", json.dumps([self.command, self.path, seen]))
        elif path == f"/assets/{RELEASE}.js" or (name == "a file" and release == RELEASE):
            script = f'document.title = "the script of release {RELEASE}";\n'
            self.answer(200, "text/javascript", script, Cache_Control="public, max-age=31536000, immutable", ETag=f'"{RELEASE}"')
        elif not path.startswith("/assets/") or release != RELEASE:
            self.own_404()
        elif name == "hangs":
            time.sleep(60)
        elif name == "slow":
            time.sleep(1)
            self.answer(200, "text/javascript", "slow\n")
        elif name == "late":
            time.sleep(1)
            self.own_404()
        elif name == "closes":
            self.close_connection = True
        elif name.isdecimal():
            self.answer(int(name), "text/plain", f"release {RELEASE} says {name}\n", Location="/elsewhere")
        else:
            self.own_404()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path == f"/assets/{RELEASE}.js":
            self.answer(200, "text/plain", f"release {RELEASE} took it\n")
        else:
            self.own_404()

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


Server(("0.0.0.0", PORT), Handler).serve_forever()
