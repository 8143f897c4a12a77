-- Memory by function: what is paid for, and the most that was used.
SELECT
    functionName,
    memoryMb,
    count(*) AS invocations,
    max(maxMemoryMb) AS maxMemoryMb,
    approx_percentile(maxMemoryMb, 0.99) AS maxMemoryMbP99,
    round(1e2 * (memoryMb - max(maxMemoryMb)) / memoryMb, 1) AS headroomPercent
FROM invocations
WHERE memoryMb IS NOT NULL
GROUP BY functionName, memoryMb
ORDER BY headroomPercent
