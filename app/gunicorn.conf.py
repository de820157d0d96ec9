"""How gunicorn serves the sample; gunicorn finds this file in the folder it is started in."""

import os
import signal


def number(name: str, default: int, least: int, most: int) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or not least <= int(value) <= most:
        raise SystemExit(
            f"{name} is {value!r}: must be a whole number from {least} to {most}"
        )
    return int(value)


wsgi_app = "app:create_app()"
bind = f"0.0.0.0:{number('PORT', 5000, 1, 65535)}"

# Requests in flight get this long to finish after SIGTERM. Docker must wait longer before it kills.
graceful_timeout = number("DRAIN_SECONDS", 30, 1, 3600)

# Longer than the proxy keeps its idle connections (4 s): the side that reuses connections has to be the one that closes
# them, or a request meets a connection that was closed a moment ago.
keepalive = 75

# Threads hold no idle connection, so many of them may stay open; two processes, so that one can be lost.
worker_class = "gthread"
workers = 2
threads = 8

# The application is loaded before the workers are forked: a wrong configuration ends the container at once.
preload_app = True

# The root file system may be read-only, with nothing but /tmp to write to.
worker_tmp_dir = "/tmp"
control_socket_disable = True

accesslog = None  # the proxy logs requests, with the color
errorlog = "-"


def post_fork(server, worker):
    """Until a new worker has set up its own handlers it would queue SIGTERM where nobody looks, and hold up the stop."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
