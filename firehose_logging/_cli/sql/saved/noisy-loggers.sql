-- Who says the most: lines and characters by logger and level.
SELECT
    functionName,
    logger,
    level,
    count(*) AS lines,
    sum(length(coalesce(message, record))) AS characters,
    round(1e2 * count(*) / sum(count(*)) OVER (), 1) AS percentOfLines
FROM logs
GROUP BY functionName, logger, level
ORDER BY characters DESC
LIMIT 50
