"""A FastAPI application behind an HTTP API, through Mangum."""

import logging

from fastapi import FastAPI
from mangum import Mangum

logger = logging.getLogger("shop")
logger.setLevel("INFO")
app = FastAPI()


@app.get("/price/{items}")
async def price(items: int):
    """What one item of an order costs."""
    logger.info("price asked", extra={"items": items})
    return {"price": 100 / items}


handler = Mangum(app, lifespan="off")
