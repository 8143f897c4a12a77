-- The story of one durable execution, over all its invocations. Parameter: execution.
SELECT timestamp, level, requestId, logger, coalesce(message, record) AS message, errorType, location, instanceId, seq
FROM logs
WHERE executionArn = :execution
ORDER BY timestamp, seq
