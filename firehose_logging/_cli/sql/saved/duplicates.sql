-- Lines that arrived more than once: sent again because nobody knew whether they had arrived.
SELECT instanceId, seq, count(*) AS copies, min(timestamp) AS timestamp, min(message) AS message
FROM logs
WHERE seq IS NOT NULL
GROUP BY instanceId, seq
HAVING count(*) > 1
ORDER BY copies DESC, instanceId, seq
LIMIT 1000
