-- Numbers that are missing between two lines of one environment; young ones may be on their way.
SELECT instanceId, seq + 1 AS fromSeq, nextSeq - 1 AS toSeq, nextSeq - seq - 1 AS missing, timestamp AS afterLineOf, nextAt AS beforeLineOf
FROM (
    SELECT
        instanceId, seq, timestamp,
        lead(seq) OVER (PARTITION BY instanceId ORDER BY seq) AS nextSeq,
        lead(timestamp) OVER (PARTITION BY instanceId ORDER BY seq) AS nextAt
    FROM logs
    WHERE seq IS NOT NULL
) AS numbered
WHERE nextSeq > seq + 1
ORDER BY afterLineOf
