-- The slowest invocations, and what each logged last.
SELECT
    i.durationMs, i.requestId, i.functionName, i.startedAt, i.status, i.coldStart, i.initMs,
    i.maxMemoryMb, i.lines, l.message AS lastMessage
FROM (SELECT * FROM invocations WHERE durationMs IS NOT NULL ORDER BY durationMs DESC LIMIT 20) AS i
LEFT JOIN (
    SELECT requestId, max_by(message, timestamp) AS message
    FROM logs
    WHERE type = 'function' AND requestId IS NOT NULL
    GROUP BY requestId
) AS l ON l.requestId = i.requestId
ORDER BY i.durationMs DESC
