DROP TABLE trades, trades_again, trades_last CASCADE;
DELETE FROM loader.offsets WHERE job = 'trades';
DELETE FROM loader.dead_letters WHERE job = 'trades';
DELETE FROM loader.schema_history WHERE job = 'trades';
DELETE FROM loader.gaps WHERE job = 'trades';
