-- Keep a power tree over the trades: tallies of each minute, ten minutes, hundred minutes and so on, in step with the table.
CREATE INDEX ON trades (event_time);

SELECT powertree_create('trades', at => 'event_time', "values" => '{size}', leaf => '1 minute');

CALL powertree_compact('trades');
