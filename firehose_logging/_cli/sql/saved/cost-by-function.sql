-- What Lambda bills by function: dollars, and where they go.
SELECT
    functionName,
    count(*) AS invocations,
    round(sum(cost), 6) AS dollars,
    round(1000000 * sum(cost) / count(*), 3) AS dollarsPerMillion,
    round(avg(billedMs), 1) AS billedMsAverage,
    round(avg(holdMs), 1) AS holdMsAverage,
    round(1e2 * sum(holdMs) / sum(billedMs), 2) AS holdPercent,
    max(memoryMb) AS memoryMb,
    sum(lines) AS lines
FROM invocations
WHERE billedMs IS NOT NULL
GROUP BY functionName
ORDER BY dollars DESC
