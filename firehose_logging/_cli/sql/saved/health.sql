-- Is all well: lines that were lost, invocations with an error, cold starts, in one row.
SELECT
    coalesce(sum(CASE
        WHEN logger = 'firehose_logging' THEN
            coalesce(TRY_CAST(json_extract_scalar(lost, '$.buffer_full') AS bigint), 0)
            + coalesce(TRY_CAST(json_extract_scalar(lost, '$.refused') AS bigint), 0)
            + coalesce(TRY_CAST(json_extract_scalar(lost, '$.unencodable') AS bigint), 0)
            + coalesce(TRY_CAST(json_extract_scalar(lost, '$.bad_telemetry') AS bigint), 0)
        WHEN type = 'platform.logsDropped' THEN
            coalesce(TRY_CAST(json_extract_scalar(record, '$.droppedRecords') AS bigint), 0)
    END), 0) AS lostLines,
    count(DISTINCT CASE
        WHEN level IN ('ERROR', 'CRITICAL') AND coalesce(logger, '') <> 'firehose_logging'
        THEN coalesce(requestId, instanceId)
    END) AS failedInvocations,
    count(DISTINCT CASE WHEN coldStart THEN instanceId END) AS coldStarts
FROM logs
