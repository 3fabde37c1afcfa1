-- Messages that are not the same whichever way they went; none while the loader keeps its promise.
(SELECT kafka_partition, kafka_offset, 'not stored again' AS violation FROM trades
 EXCEPT ALL SELECT kafka_partition, kafka_offset, 'not stored again' FROM trades_again)
UNION ALL
(SELECT kafka_partition, kafka_offset, 'stored again' FROM trades_again
 EXCEPT ALL SELECT kafka_partition, kafka_offset, 'stored again' FROM trades)
UNION ALL
SELECT t.kafka_partition, t.kafka_offset, format('last of %s, but the row has trade %s', symbol, l.trade_id)
FROM (SELECT DISTINCT ON (exchange, symbol) * FROM trades ORDER BY exchange, symbol, trade_id::bigint DESC) t
FULL JOIN trades_last l USING (exchange, symbol)
WHERE (t.price, t.trade_id::bigint) IS DISTINCT FROM (l.price, l.trade_id)
