"""The same small service with Flask or Django, by the variable ``FRAMEWORK``."""

import logging
import os

from firehose_logging.middleware import WsgiMiddleware

logging.getLogger("shop").setLevel(logging.INFO)
log = logging.getLogger("shop")
FRAMEWORK = os.environ["FRAMEWORK"]


def work(name):
    log.info("order of %s", name)
    print("printed for", name, flush=True)
    return f"order of {name}"


if FRAMEWORK == "flask":
    from flask import Flask

    app = Flask(__name__)
    app.wsgi_app = WsgiMiddleware(app.wsgi_app)

    @app.get("/order/<name>")
    def order(name):
        return work(name)

    @app.get("/stream/<name>")
    def stream(name):
        def parts():
            for n in range(3):
                log.info("part %d for %s", n, name)
                yield f"part {n}\n"

        return parts()

    @app.get("/")
    def ready():
        return "ready"
else:
    import django
    from django.conf import settings

    settings.configure(
        ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    urlpatterns = [
        path("order/<name>", lambda request, name: HttpResponse(work(name))),
        path("", lambda request: HttpResponse("ready")),
    ]
    app = WsgiMiddleware(get_wsgi_application())
