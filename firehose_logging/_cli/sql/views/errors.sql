-- One row for each failure: an uncaught error is a line of the function's and two events of the
-- platform's, a timeout two events, and an error that is logged and raised again two lines.
SELECT
    CAST(timestamp AS timestamp(3)) AS timestamp,
    CAST(kind AS varchar) AS kind,
    CAST(errorType AS varchar) AS errorType,
    CAST(errorMessage AS varchar) AS errorMessage,
    CAST(location AS varchar) AS location,
    CAST(array_join(stackTrace, chr(10)) AS varchar) AS stackTrace,
    CAST(message AS varchar) AS message,
    CAST(logger AS varchar) AS logger,
    CAST(requestId AS varchar) AS requestId,
    CAST(functionName AS varchar) AS functionName,
    CAST(instanceId AS varchar) AS instanceId,
    CAST(seq AS bigint) AS seq,
    CAST(times AS bigint) AS times
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY unit, failure ORDER BY priority, timestamp, seq) AS nth,
        count(*) OVER (PARTITION BY unit, failure) AS times,
        max(CASE WHEN kind = 'uncaught' THEN 1 ELSE 0 END) OVER (PARTITION BY unit) AS explained
    FROM (
        SELECT
            *,
            CASE WHEN kind = 'uncaught' THEN 0 ELSE 1 END AS priority,
            CASE
                WHEN kind NOT IN ('uncaught', 'logged') THEN 'platform'
                WHEN errorType IS NULL THEN concat(instanceId, '/', CAST(seq AS varchar))
                ELSE concat(errorType, '/', coalesce(errorMessage, ''))
            END AS failure
        FROM (
            SELECT
                timestamp, message, logger, requestId, functionName, instanceId, seq, location, stackTrace,
                coalesce(requestId, instanceId) AS unit,
                CASE
                    WHEN type = 'function' AND logger = 'awslambdaric' THEN 'uncaught'
                    WHEN type NOT LIKE 'platform.%' THEN 'logged'
                    WHEN json_extract_scalar(record, '$.status') = 'timeout' THEN 'timeout'
                    WHEN type LIKE 'platform.init%' THEN 'init'
                    ELSE 'platform'
                END AS kind,
                coalesce(
                    errorType,
                    json_extract_scalar(record, '$.errorType'),
                    CASE WHEN json_extract_scalar(record, '$.status') = 'timeout' THEN 'Sandbox.Timedout' END
                ) AS errorType,
                coalesce(
                    errorMessage,
                    CASE WHEN type LIKE 'platform.%' THEN json_extract_scalar(record, '$.status') END
                ) AS errorMessage
            FROM logs
            WHERE level IN ('ERROR', 'CRITICAL')
        ) AS failed
    ) AS named
) AS numbered
WHERE nth = 1 AND (kind IN ('uncaught', 'logged') OR explained = 0)
