-- What was told as lost or diverted, by firehose-logging and by the platform itself.
SELECT timestamp, functionName, instanceId, coalesce(lost, record) AS lost, diverted, message
FROM logs
WHERE type = 'platform.logsDropped' OR (type = 'extension' AND logger = 'firehose_logging'
    AND (lost IS NOT NULL OR diverted IS NOT NULL))
ORDER BY timestamp
