-- One row for each environment that a function ran in.
SELECT
    CAST(instanceId AS varchar) AS instanceId,
    CAST(max(functionName) AS varchar) AS functionName,
    CAST(max(functionVersion) AS varchar) AS functionVersion,
    CAST(min(timestamp) AS timestamp(3)) AS firstAt,
    CAST(max(timestamp) AS timestamp(3)) AS lastAt,
    CAST(max(CASE WHEN type = 'platform.initReport'
        THEN CAST(json_extract_scalar(record, '$.metrics.durationMs') AS double) END) AS double) AS initMs,
    CAST(max(CASE WHEN type = 'platform.initStart'
        THEN json_extract_scalar(record, '$.initializationType') END) AS varchar) AS initType,
    CAST(max(CASE WHEN type = 'platform.initStart'
        THEN json_extract_scalar(record, '$.runtimeVersion') END) AS varchar) AS runtimeVersion,
    CAST(count(DISTINCT requestId) AS bigint) AS invocations,
    CAST(count(*) AS bigint) AS lines,
    CAST(min(seq) AS bigint) AS firstSeq,
    CAST(max(seq) AS bigint) AS lastSeq,
    CAST(max(seq) - min(seq) + 1 - count(DISTINCT seq) AS bigint) AS missing,
    CAST(count(seq) - count(DISTINCT seq) AS bigint) AS duplicates,
    CAST(coalesce(sum(CASE WHEN type = 'extension' AND logger = 'firehose_logging' THEN
        coalesce(TRY_CAST(json_extract_scalar(lost, '$.buffer_full') AS bigint), 0)
        + coalesce(TRY_CAST(json_extract_scalar(lost, '$.refused') AS bigint), 0)
        + coalesce(TRY_CAST(json_extract_scalar(lost, '$.unencodable') AS bigint), 0)
        + coalesce(TRY_CAST(json_extract_scalar(lost, '$.bad_telemetry') AS bigint), 0)
    END), 0) AS bigint) AS lost
FROM logs
WHERE instanceId IS NOT NULL
GROUP BY instanceId
