"""The sample service: a page that shows which color and version answered."""

import os
from collections.abc import Mapping

from flask import Flask, Response, jsonify, render_template

COLORS = ("blue", "green")


class ConfigurationError(RuntimeError):
    """The environment is not what the service needs. Gunicorn shows a RuntimeError as one line and exits."""


def required(environ: Mapping[str, str], name: str, what: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ConfigurationError(f"{name} is not set: {what}")
    return value


def create_app(environ: Mapping[str, str] = os.environ) -> Flask:
    color = required(environ, "COLOR", f"one of {', '.join(COLORS)}")
    if color not in COLORS:
        raise ConfigurationError(
            f"COLOR is {color!r}: must be one of {', '.join(COLORS)}"
        )
    version = required(
        environ,
        "APP_VERSION",
        "the version, which the image's build argument VERSION brings",
    )

    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        return render_template("index.html", color=color, version=version)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok", color=color, version=version)

    @app.after_request
    def headers(response: Response) -> Response:
        # Which color answers changes from one request to the next: a cached answer would tell about the past.
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return app
