-- What could not be loaded, and why?
SELECT stage, column_name, message, count(*)
FROM loader.dead_letters
WHERE job = 'tally_demo'
GROUP BY stage, column_name, message
ORDER BY count DESC
LIMIT 5;
