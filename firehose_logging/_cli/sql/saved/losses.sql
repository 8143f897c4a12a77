-- What was told as lost or diverted, by firehose-logging and by the platform itself.
SELECT timestamp, functionName, instanceId, coalesce(lost, record) AS lost, diverted, message
FROM logs
WHERE lost IS NOT NULL OR diverted IS NOT NULL OR type = 'platform.logsDropped'
ORDER BY timestamp
