"""An extension in shell, as AWS's documentation shows it, and the listener in its layer."""

from __future__ import annotations

from pathlib import Path

from support.local_lambda_fixtures import write_function, write_script

#: "Extensions API" of AWS's documentation, the shell extension of its samples: absolute paths,
#: curl, and a listener for telemetry on sandbox.localdomain.
EXTENSION = """#!/bin/sh
set -eu
NAME=$(basename "$0")
API="http://${AWS_LAMBDA_RUNTIME_API}"
HEADERS=/tmp/headers

curl -sS -D "$HEADERS" -X POST "$API/2020-01-01/extension/register" \\
  -H "Lambda-Extension-Name: $NAME" -d '{"events": ["INVOKE", "SHUTDOWN"]}' > /tmp/registered
ID=$(sed -n 's/^Lambda-Extension-Identifier: //Ip' "$HEADERS" | tr -d '\\r')

/opt/listener/listen 4243 /tmp/telemetry &
while ! curl -sS -o /dev/null "http://sandbox.localdomain:4243/ready"; do sleep 0.05; done
curl -sS -X PUT "$API/2022-07-01/telemetry" -H "Lambda-Extension-Identifier: $ID" \\
  -d '{"schemaVersion": "2022-12-13", "types": ["platform", "function"],
       "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
       "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}}'

while true; do
  curl -sS "$API/2020-01-01/extension/event/next" -H "Lambda-Extension-Identifier: $ID" > /tmp/event
  cat /tmp/event /opt/listener/greeting
  echo
  case "$(cat /tmp/event)" in *SHUTDOWN*) exit 0 ;; esac
done
"""
LISTENER = """#!{python} -SE
import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open(sys.argv[2], "ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\\n")
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.HTTPServer(("sandbox.localdomain", int(sys.argv[1])), Handler).serve_forever()
"""


def write_layer(layer: Path, python: str) -> None:
    """Write the layer: extension, listener and a file that the extension reads."""
    write_script(layer / "extensions" / "shell-extension", EXTENSION)
    write_script(layer / "listener" / "listen", LISTENER.format(python=python))
    write_function(layer / "listener", "from a layer", "greeting")
