"""The same small service with Starlette, FastAPI or Django, by the variable ``FRAMEWORK``."""

import asyncio
import logging
import os

from firehose_logging.middleware import AsgiMiddleware

logging.getLogger("shop").setLevel(logging.INFO)
log = logging.getLogger("shop")
FRAMEWORK = os.environ["FRAMEWORK"]
together = 0


async def work(name):
    """Wait until as many requests are there as are meant to be, then say something."""
    global together
    together += 1
    while together < int(os.environ.get("TOGETHER", "1")):
        await asyncio.sleep(0.01)
    log.info("order of %s", name)
    print("printed for", name)
    await asyncio.to_thread(log.info, "in a thread for %s", name)
    return f"order of {name}"


async def stream(name):
    for n in range(3):
        log.info("part %d for %s", n, name)
        yield f"part {n}\n"


if FRAMEWORK == "starlette":
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse, StreamingResponse
    from starlette.routing import Route

    async def order(request):
        return PlainTextResponse(await work(request.path_params["name"]))

    async def parts(request):
        return StreamingResponse(stream(request.path_params["name"]))

    async def ready(request):
        return PlainTextResponse("ready")

    app = Starlette(
        routes=[Route("/order/{name}", order), Route("/stream/{name}", parts), Route("/", ready)]
    )
    app.add_middleware(AsgiMiddleware)
elif FRAMEWORK == "fastapi":
    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    app = FastAPI()
    app.add_middleware(AsgiMiddleware)

    @app.get("/order/{name}")
    async def order(name: str):
        return await work(name)

    @app.get("/sync/{name}")
    def sync(name: str):
        log.info("order of %s", name)
        return name

    @app.get("/stream/{name}")
    async def parts(name: str):
        return StreamingResponse(stream(name))

    @app.get("/")
    async def ready():
        return "ready"
else:
    import django
    from django.conf import settings

    settings.configure(
        ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", LOGGING_CONFIG=None
    )
    django.setup()
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from django.urls import path

    async def order(request, name):
        return HttpResponse(await work(name))

    def sync(request, name):
        log.info("order of %s", name)
        return HttpResponse(name)

    urlpatterns = [
        path("order/<name>", order),
        path("sync/<name>", sync),
        path("", lambda request: HttpResponse("ready")),
    ]
    app = AsgiMiddleware(get_asgi_application())
