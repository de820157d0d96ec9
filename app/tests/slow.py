"""The service with a request that takes its time, for tests of how gunicorn ends."""

import time

from app import create_app


def create_slow_app():
    app = create_app()

    @app.get("/slow")
    def slow() -> str:
        time.sleep(2)
        return "finished"

    return app
