"""What the service answers, and what it refuses to start with."""

import pytest
from flask.testing import FlaskClient

from app import ConfigurationError, create_app


def client(color: str = "blue", version: str = "1.2.3") -> FlaskClient:
    return create_app({"COLOR": color, "APP_VERSION": version}).test_client()


@pytest.mark.parametrize("color", ["blue", "green"])
def test_page_shows_greeting_version_and_color(color: str) -> None:
    response = client(color).get("/")
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert "<h1>Hello from Blue/Green App!</h1>" in response.text
    assert "<p>Version: 1.2.3</p>" in response.text
    assert f"<p>Color: {color}</p>" in response.text


@pytest.mark.parametrize("color", ["blue", "green"])
def test_page_takes_its_accent_from_the_color(color: str) -> None:
    assert f'<html lang="en" class="{color}">' in client(color).get("/").text


def test_page_loads_nothing_else() -> None:
    response = client().get("/")
    for attribute in ("src=", "href=", "url(", "@import"):
        assert attribute not in response.text
    assert (
        response.headers["Content-Security-Policy"]
        == "default-src 'none'; style-src 'unsafe-inline'"
    )


def test_page_escapes_a_hostile_version() -> None:
    text = client(version='<script>alert("1")</script>').get("/").text
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" in text


@pytest.mark.parametrize("color", ["blue", "green"])
def test_healthz_says_who_is_well(color: str) -> None:
    response = client(color).get("/healthz")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.json == {"status": "ok", "color": color, "version": "1.2.3"}


def test_healthz_carries_a_hostile_version_unchanged() -> None:
    version = '1"}\n</script>'
    assert client(version=version).get("/healthz").json == {
        "status": "ok",
        "color": "blue",
        "version": version,
    }


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere"])
def test_no_answer_may_be_cached(path: str) -> None:
    assert client().get(path).headers["Cache-Control"] == "no-store"


def test_unknown_path_is_404() -> None:
    assert client().get("/nowhere").status_code == 404


def test_other_methods_are_405() -> None:
    assert client().post("/").status_code == 405


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"APP_VERSION": "1"}, "COLOR is not set: one of blue, green"),
        ({"APP_VERSION": "1", "COLOR": ""}, "COLOR is not set: one of blue, green"),
        (
            {"APP_VERSION": "1", "COLOR": "red"},
            "COLOR is 'red': must be one of blue, green",
        ),
        (
            {"APP_VERSION": "1", "COLOR": "Blue"},
            "COLOR is 'Blue': must be one of blue, green",
        ),
        (
            {"COLOR": "blue"},
            "APP_VERSION is not set: the version, which the image's build argument VERSION brings",
        ),
    ],
)
def test_wrong_environment_is_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        create_app(environ)
    assert str(error.value) == message
