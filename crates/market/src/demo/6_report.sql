-- Which symbols trade in other sizes than before, and since when? At most one change in twenty should be a false alarm.
SELECT series, kind, explanation
FROM important_changes('SELECT symbol AS series, hour AS at, avg(size) AS value
                        FROM hourly WHERE num_vals(size) > 50', fdr => 0.05);
