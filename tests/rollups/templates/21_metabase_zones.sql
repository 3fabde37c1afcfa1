-- Metabase: convertTimezone.
-- from tree
SELECT DATE_TRUNC('day', timezone('Asia/Tokyo', at)) AS day, COUNT(*) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT DATE_TRUNC('day', timezone('Asia/Tokyo', timezone('UTC', at))) AS day, SUM(ms) FROM visits GROUP BY 1 ORDER BY 1;
-- from tree
SELECT DATE_TRUNC('hour', timezone('America/New_York', at)) AS hour, COUNT(*) FROM trades WHERE at BETWEEN '2025-11-01Z' AND '2025-11-04Z' GROUP BY 1 ORDER BY 1;
