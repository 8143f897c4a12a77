"""A Flask application behind an HTTP API, through apig-wsgi."""

from apig_wsgi import make_lambda_handler
from flask import Flask

app = Flask("shop")
app.logger.setLevel("INFO")


@app.get("/price/<int:items>")
def price(items):
    """What one item of an order costs."""
    app.logger.info("price asked", extra={"items": items})
    return {"price": 100 / items}


handler = make_lambda_handler(app)
