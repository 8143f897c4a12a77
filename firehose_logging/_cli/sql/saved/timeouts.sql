-- Invocations that ran out of time, and the last that they said.
SELECT i.startedAt, i.requestId, i.functionName, i.durationMs, i.lines, l.message AS lastMessage, l.location AS lastLocation
FROM invocations AS i
LEFT JOIN (
    SELECT requestId, max_by(message, timestamp) AS message, max_by(location, timestamp) AS location
    FROM logs
    WHERE type = 'function' AND requestId IS NOT NULL
    GROUP BY requestId
) AS l ON l.requestId = i.requestId
WHERE i.status = 'timeout'
ORDER BY i.startedAt DESC
