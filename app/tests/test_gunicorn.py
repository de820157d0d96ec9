"""The service as the container runs it: gunicorn with its configuration file, ended by SIGTERM."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

APP = Path(__file__).parent.parent
START_SECONDS = 15


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(*arguments: str, **environ: str) -> subprocess.Popen[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("COLOR", "PORT", "DRAIN_SECONDS")
    }
    return subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments],
        cwd=APP,
        env={**inherited, "APP_VERSION": "1.2.3", **environ},
        stderr=subprocess.PIPE,
        text=True,
    )


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@contextmanager
def serving(
    *arguments: str, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    process = start(*arguments, COLOR="green", PORT=str(port), **environ)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                get(port, "/healthz")
                break
            except OSError:
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline, "gunicorn does not answer"
                time.sleep(0.05)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def test_serves_and_ends_with_0_on_sigterm() -> None:
    with serving() as (process, port):
        assert get(port, "/healthz") == (
            200,
            '{"color":"green","status":"ok","version":"1.2.3"}\n',
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_request_in_flight_finishes_after_sigterm() -> None:
    with (
        serving("tests.slow:create_slow_app()") as (process, port),
        ThreadPoolExecutor() as pool,
    ):
        in_flight = pool.submit(get, port, "/slow")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert in_flight.result(timeout=10) == (200, "finished")
        assert process.wait(timeout=10) == 0


def test_request_in_flight_is_cut_when_the_drain_time_is_over() -> None:
    with (
        serving("tests.slow:create_slow_app()", DRAIN_SECONDS="1") as (process, port),
        ThreadPoolExecutor() as pool,
    ):
        in_flight = pool.submit(get, port, "/slow")
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        with pytest.raises((http.client.HTTPException, OSError)):
            in_flight.result(timeout=10)
        process.wait(timeout=10)


def test_connection_is_kept_alive_between_requests() -> None:
    with serving() as (_, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        kept = connection.sock
        time.sleep(3)  # gunicorn's own default would have closed it after 2 s
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        assert connection.sock is kept
        connection.close()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "COLOR is not set: one of blue, green"),
        ({"COLOR": "red"}, "COLOR is 'red': must be one of blue, green"),
        (
            {"COLOR": "blue", "PORT": "http"},
            "PORT is 'http': must be a whole number from 1 to 65535",
        ),
        (
            {"COLOR": "blue", "DRAIN_SECONDS": "-1"},
            "DRAIN_SECONDS is '-1': must be a whole number from 1 to 3600",
        ),
    ],
)
def test_wrong_configuration_ends_it_at_once_and_says_why(
    environ: dict[str, str], message: str
) -> None:
    process = start(**{"PORT": str(free_port()), **environ})
    _, stderr = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 1
    assert message in stderr
    assert "Traceback" not in stderr
