#!/bin/sh
# The handler of a function with the Lambda Web Adapter: our wrapper around the server.
cd "$LAMBDA_TASK_ROOT" || exit 1
export PYTHONPATH="$LAMBDA_TASK_ROOT:$LAYER_PYTHON"
exec $WRAPPER $SERVER
