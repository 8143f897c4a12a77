"""A Chalice application: one function behind a REST API, made by `chalice deploy`."""

from chalice import Chalice

app = Chalice(app_name="shop")
app.log.setLevel("INFO")


@app.route("/price/{items}")
def price(items):
    """What one item of an order costs."""
    app.log.info("price asked", extra={"items": int(items)})
    return {"price": 100 / int(items)}
