"""What load tests put behind the proxy: it answers like the sample service, and does on request what a service may do
to a proxy. One process and one event loop, so that a thousand idle connections cost next to nothing."""

import asyncio
import hashlib
import json
import os
import random
import sys
import weakref

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler

KEEP_ALIVE_SECONDS = 75  # longer than the proxy's, as in the sample service
CHUNK_BYTES = 64 * 1024

COLOR = os.environ["COLOR"]
VERSION = os.environ["APP_VERSION"]
IDENTITY = {"color": COLOR, "version": VERSION}

routes = web.RouteTableDef()
# What is to go wrong from now on, set by POST /faults on the color's own port.
faults: dict[str, float] = {}
open_sockets: weakref.WeakSet[web.WebSocketResponse] = weakref.WeakSet()


def whole_number(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise web.HTTPBadRequest(
            text=f"{text!r}: must be a whole number from {least} to {most}\n"
        )
    return int(text)


@routes.get("/")
async def page(_: web.Request) -> web.Response:
    return web.Response(
        text=f"Hello from Blue/Green App!\nVersion: {VERSION}\nColor: {COLOR}\n"
    )


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok", **IDENTITY})


@routes.get("/headers")
async def headers(request: web.Request) -> web.Response:
    """What arrived, each header with all its values: a second X-Forwarded-For must not hide behind the first."""
    seen = {name.lower(): request.headers.getall(name) for name in request.headers}
    return web.json_response(seen)


@routes.get("/slow")
async def slow(request: web.Request) -> web.Response:
    try:
        seconds = float(request.query.get("seconds", "2"))
    except ValueError:
        raise web.HTTPBadRequest(text="seconds: must be a number\n") from None
    await asyncio.sleep(seconds)
    return web.json_response({"slept": seconds, **IDENTITY})


@routes.post("/echo")
async def echo(request: web.Request) -> web.Response:
    digest, length = hashlib.sha256(), 0
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        digest.update(chunk)
        length += len(chunk)
    return web.json_response(
        {"length": length, "sha256": digest.hexdigest(), **IDENTITY}
    )


@routes.get("/bytes")
async def send_bytes(request: web.Request) -> web.StreamResponse:
    left = whole_number(request.query.get("n", ""), 0, 10**10)
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    response.content_length = left
    await response.prepare(request)
    while left > 0:
        size = min(left, CHUNK_BYTES)
        await response.write(b"x" * size)
        left -= size
    return response


@routes.get("/environment")
async def environment(_: web.Request) -> web.Response:
    """What no service should tell."""
    return web.json_response(dict(os.environ))


@routes.get("/status/{code}")
async def status(request: web.Request) -> web.Response:
    code = whole_number(request.match_info["code"], 200, 599)
    large = whole_number(request.query.get("headerKb", "0"), 0, 1024)
    headers = {"X-Large": "x" * large * 1024} if large else {}
    return web.Response(status=code, headers=headers, text=f"{COLOR}\n")


@routes.post("/faults")
async def set_faults(request: web.Request) -> web.Response:
    """errorPercent of all answers are 500, each takes delaySeconds longer, healthStatus is the health path's status."""
    known = {"errorPercent", "delaySeconds", "healthStatus"}
    asked = await request.json()
    if not known >= asked.keys():
        raise web.HTTPBadRequest(
            text=f"known are {', '.join(sorted(known))}, not {', '.join(sorted(asked))}\n"
        )
    faults.clear()
    faults.update({name: float(value) for name, value in asked.items()})
    return web.json_response(faults)


@web.middleware
async def with_faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == "/faults":
        return await handler(request)
    if request.path == "/healthz":
        if "healthStatus" in faults:
            return web.Response(status=int(faults["healthStatus"]), text="a fault\n")
        return await handler(request)
    if "delaySeconds" in faults:
        await asyncio.sleep(faults["delaySeconds"])
    if random.random() * 100 < faults.get("errorPercent", 0):
        return web.Response(status=500, text="a fault\n")
    return await handler(request)


@routes.get("/crash")
async def crash(_: web.Request) -> web.Response:
    os._exit(1)


@routes.get("/ws")
async def web_socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    open_sockets.add(socket)
    async for message in socket:
        if isinstance(message.data, bytes):
            await socket.send_bytes(message.data)
        else:
            await socket.send_str(message.data)
    return socket


async def close_sockets(_: web.Application) -> None:
    """A socket is a request that never ends: without this it would use up the time that the others have to finish."""
    await asyncio.gather(
        *(
            socket.close(code=WSCloseCode.GOING_AWAY, message=b"shutting down")
            for socket in set(open_sockets)
        )
    )


if __name__ == "__main__":
    if os.environ.get("EXIT_AT_START") == "telling all":
        sys.exit(f"{dict(os.environ)}\n{json.dumps(dict(os.environ))}")
    if os.environ.get("EXIT_AT_START"):
        sys.exit("EXIT_AT_START is set: no service today")
    application = web.Application(middlewares=[with_faults])
    application.add_routes(routes)
    application.on_shutdown.append(close_sockets)
    web.run_app(
        application,
        host="0.0.0.0",
        port=int(os.environ.get("PORT", "5000")),
        shutdown_timeout=float(os.environ.get("DRAIN_SECONDS", "30")),
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        access_log=None,
        print=None,
    )
