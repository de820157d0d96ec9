"""A project in one file: its pages, its media, and its rule of which hosts it answers."""
import os
import django
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseNotFound
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", "").split(","),
    ROOT_URLCONF="shop",
    MEDIA_ROOT="/srv/media",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)


@csrf_exempt
def media(request, name):
    if request.method == "PUT":
        default_storage.delete(name)
        with default_storage.open(name, "wb") as file:
            file.write(request.body)
        return HttpResponse("saved\n")
    if not default_storage.exists(name):
        return HttpResponseNotFound()
    return HttpResponse(default_storage.open(name).read())


urlpatterns = [path("", lambda request: HttpResponse(f"{request.get_host()}\n")), path("media/<name>", media)]
application = get_wsgi_application()
