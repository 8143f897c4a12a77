-- One row for each invocation. durationMs is what the handler took, holdMs what the environment
-- was held after the answer; cost is Lambda's, in dollars, x86, us-east-1.
SELECT
    CAST(requestId AS varchar) AS requestId,
    CAST(functionName AS varchar) AS functionName,
    CAST(functionVersion AS varchar) AS functionVersion,
    CAST(instanceId AS varchar) AS instanceId,
    CAST(executionArn AS varchar) AS executionArn,
    CAST(tenantId AS varchar) AS tenantId,
    CAST(traceId AS varchar) AS traceId,
    CAST(startedAt AS timestamp(3)) AS startedAt,
    CAST(coalesce(handlerMs, reportMs) AS double) AS durationMs,
    CAST(billedMs AS double) AS billedMs,
    CAST(initMs AS double) AS initMs,
    CAST(greatest(reportMs - handlerMs, 0) AS double) AS holdMs,
    CAST(memoryMb AS double) AS memoryMb,
    CAST(maxMemoryMb AS double) AS maxMemoryMb,
    CAST(coldStart OR initMs IS NOT NULL AS boolean) AS coldStart,
    CAST(status AS varchar) AS status,
    CAST(CASE
        WHEN status = 'success' THEN NULL
        WHEN status = 'timeout' THEN 'Sandbox.Timedout'
        ELSE coalesce(uncaught, platformError)
    END AS varchar) AS errorType,
    CAST(lines AS bigint) AS lines,
    CAST(errors AS bigint) AS errors,
    CAST(attempts AS bigint) AS attempts,
    CAST(billedMs / 1000 * memoryMb / 1024 * 0.0000166667 + 0.0000002 AS double) AS cost
FROM (
    SELECT
        requestId,
        max(functionName) AS functionName,
        max(functionVersion) AS functionVersion,
        coalesce(max(CASE WHEN type = 'function' THEN instanceId END), max(instanceId)) AS instanceId,
        max(executionArn) AS executionArn,
        max(tenantId) AS tenantId,
        max(traceId) AS traceId,
        coalesce(min(CASE WHEN type = 'platform.start' THEN timestamp END), min(timestamp)) AS startedAt,
        max(CASE WHEN type = 'platform.runtimeDone'
            THEN CAST(json_extract_scalar(record, '$.metrics.durationMs') AS double) END) AS handlerMs,
        max(CASE WHEN type = 'platform.report'
            THEN CAST(json_extract_scalar(record, '$.metrics.durationMs') AS double) END) AS reportMs,
        max(CASE WHEN type = 'platform.report'
            THEN CAST(json_extract_scalar(record, '$.metrics.billedDurationMs') AS double) END) AS billedMs,
        max(CASE WHEN type = 'platform.report' THEN coalesce(
            CAST(json_extract_scalar(record, '$.metrics.initDurationMs') AS double),
            CAST(json_extract_scalar(record, '$.metrics.restoreDurationMs') AS double)) END) AS initMs,
        max(CASE WHEN type = 'platform.report'
            THEN CAST(json_extract_scalar(record, '$.metrics.memorySizeMB') AS double) END) AS memoryMb,
        max(CASE WHEN type = 'platform.report'
            THEN CAST(json_extract_scalar(record, '$.metrics.maxMemoryUsedMB') AS double) END) AS maxMemoryMb,
        coalesce(bool_or(coldStart), false) AS coldStart,
        coalesce(
            max(CASE WHEN type = 'platform.report' THEN json_extract_scalar(record, '$.status') END),
            max(CASE WHEN type = 'platform.runtimeDone' THEN json_extract_scalar(record, '$.status') END)
        ) AS status,
        max(CASE WHEN type = 'function' AND logger = 'awslambdaric' THEN errorType END) AS uncaught,
        max(CASE WHEN type IN ('platform.report', 'platform.runtimeDone')
            THEN json_extract_scalar(record, '$.errorType') END) AS platformError,
        count_if(type = 'function') AS lines,
        count_if(type = 'function' AND level IN ('ERROR', 'CRITICAL')) AS errors,
        count(DISTINCT CASE WHEN type = 'platform.start' THEN timestamp END) AS attempts
    FROM logs
    WHERE requestId IS NOT NULL
    GROUP BY requestId
) AS facts
