-- What invariant.sql looks at. The topic is new, so that its partitions begin at 0.
CREATE OR REPLACE TEMPORARY VIEW loaded AS
SELECT kafka_partition AS partition, kafka_offset AS "offset", arrival FROM trades;

CREATE OR REPLACE TEMPORARY VIEW dead AS
SELECT partition, "offset" FROM loader.dead_letters WHERE job = 'trades' AND topic = 'trades';

CREATE OR REPLACE TEMPORARY VIEW positions AS
SELECT partition, 0::bigint AS low, next_offset FROM loader.offsets WHERE job = 'trades' AND topic = 'trades';
