-- What was told as lost: by firehose-logging, by reason, and by the platform itself.
SELECT timestamp, functionName, instanceId, coalesce(lost, record) AS lost, message
FROM logs
WHERE lost IS NOT NULL OR type = 'platform.logsDropped'
ORDER BY timestamp
