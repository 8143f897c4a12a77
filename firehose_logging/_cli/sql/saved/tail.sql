-- The newest lines.
SELECT timestamp, level, functionName, logger, coalesce(message, record) AS message, requestId
FROM logs
ORDER BY timestamp DESC, seq DESC
LIMIT 200
