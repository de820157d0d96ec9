"""A project in one file whose web process hands jobs to a queue, and whose worker writes each of them into the database."""
import os
import sys

import celery
import psycopg
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="shop",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)
queue = celery.Celery("shop", broker=os.environ["BROKER_URL"])
queue.conf.update(broker_connection_retry_on_startup=True, task_ignore_result=True, worker_hijack_root_logger=False)
TABLES = """
create table if not exists done (id int not null, color text not null, at timestamptz not null default clock_timestamp());
create table if not exists orders (id int primary key)
"""
_connection = None


def database():
    global _connection
    if _connection is None or _connection.closed:
        _connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    return _connection


@queue.task(name="write")
def write(number):
    database().execute("insert into done (id, color) values (%s, %s)", (number, os.environ["COLOR"]))


@csrf_exempt
def jobs(request, number):
    write.delay(number)
    return HttpResponse("queued\n")


@csrf_exempt
def orders(request, number):
    database().execute("insert into orders (id) values (%s) on conflict do nothing", (number,))
    return jobs(request, number)


urlpatterns = [
    path("", lambda request: HttpResponse("well\n")),
    path("jobs/<int:number>", jobs),
    path("orders/<int:number>", orders),
]
application = get_wsgi_application()

if __name__ == "__main__" and sys.argv[1:] == ["migrate"]:
    database().execute(TABLES)
    print("migrated", flush=True)
