"""A Django application behind an HTTP API, through Mangum."""

import logging

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path
from mangum import Mangum

settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["shop.example"],
    SECRET_KEY="from a parameter store",
)
logger = logging.getLogger("shop")
logger.setLevel("INFO")


def price(request, items):
    """What one item of an order costs."""
    logger.info("price asked", extra={"items": items})
    return JsonResponse({"price": 100 / items})


urlpatterns = [path("price/<int:items>", price)]
handler = Mangum(get_asgi_application(), lifespan="off")
