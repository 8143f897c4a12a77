-- Lines by level over time, by the minute.
SELECT
    date_trunc('minute', timestamp) AS minute,
    count(*) AS lines,
    count_if(level = 'DEBUG') AS debug,
    count_if(level = 'INFO') AS info,
    count_if(level = 'WARNING') AS warning,
    count_if(level = 'ERROR') AS error,
    count_if(level = 'CRITICAL') AS critical
FROM logs
GROUP BY date_trunc('minute', timestamp)
ORDER BY minute
