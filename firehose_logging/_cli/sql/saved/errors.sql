-- Failures, newest first: one row each, with where and why.
SELECT timestamp, kind, errorType, errorMessage, location, times, requestId, functionName, stackTrace
FROM errors
ORDER BY timestamp DESC
LIMIT 200
