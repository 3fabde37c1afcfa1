-- Numbers the rows as they are inserted. The numbers of a transaction that is rolled back are not used again.
CREATE TABLE trades (
    arrival bigint GENERATED ALWAYS AS IDENTITY,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    exchange text NOT NULL,
    symbol text NOT NULL,
    price double precision NOT NULL,
    trade_id text NOT NULL
);

-- What the other ways of the same messages lead to.
CREATE TABLE trades_again (kafka_partition integer, kafka_offset bigint);
CREATE TABLE trades_last (
    exchange text, symbol text, price double precision, trade_id bigint, PRIMARY KEY (exchange, symbol)
);
