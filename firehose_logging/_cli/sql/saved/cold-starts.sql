-- Cold starts by function: how many, and how long initialization took.
SELECT
    functionName,
    count(*) AS invocations,
    count_if(coldStart) AS coldStarts,
    round(1e2 * count_if(coldStart) / count(*), 2) AS percent,
    round(approx_percentile(initMs, 0.5), 1) AS initMsP50,
    round(approx_percentile(initMs, 0.95), 1) AS initMsP95,
    round(max(initMs), 1) AS initMsMax
FROM invocations
GROUP BY functionName
ORDER BY coldStarts DESC
