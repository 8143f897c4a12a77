-- The story of one request: all its lines in order. Parameter: request.
SELECT timestamp, level, type, logger, coalesce(message, record) AS message, errorType, location, instanceId, seq
FROM logs
WHERE requestId = :request
ORDER BY timestamp, seq
