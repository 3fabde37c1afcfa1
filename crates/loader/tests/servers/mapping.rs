//! Raw messages of several exchanges, each in its own shape, into common tables by configuration alone.

use tally_testkit::{complaint, tally, World};

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn four_exchanges_into_common_tables() {
    let mut world = World::new("mapping");
    let messages = [
        // Coinbase: objects, decimals as text, ISO times.
        (
            "coinbase_BTC-USD_match",
            r#"{"type":"match","trade_id":428000001,"maker_order_id":"ac928c66-ca53-498f-9c13-a110027a60e8","taker_order_id":"132fb6ae-456b-4654-b4e0-d681ac05cea1","side":"buy","size":"0.0015","price":"19400.10","product_id":"BTC-USD","sequence":47900000001,"time":"2022-10-10T07:55:35.113093Z","atom_timestamp":1665388535200000}"#,
        ),
        (
            "coinbase_BTC-USD_ticker",
            r#"{"type":"ticker","product_id":"BTC-USD","best_bid":"19399.9","best_ask":"19400.2","time":"2022-10-10T07:55:36Z","atom_timestamp":1665388536200000}"#,
        ),
        // Bybit: the data inside an object, milliseconds, a flag for the side.
        (
            "bybit_BTCUSDT_trade",
            r#"{"data":{"t":1665388535113,"p":"19401.5","q":"0.02","m":true},"topic":"trade.BTCUSDT","ts":1665388535120,"atom_timestamp":1665388535300000}"#,
        ),
        (
            "bybit_BTCUSDT_book",
            r#"{"data":{"t":1665388535113,"b":[["19401","1.5"],["19400.5","2"]],"a":[["19402","0.7"]]},"topic":"depth.BTCUSDT","ts":1665388535120,"atom_timestamp":1665388535300001}"#,
        ),
        // Deribit: JSON-RPC, numbers, lists of trades and of changes.
        (
            "deribit_BTC_USDC-PERPETUAL_trades",
            r#"{"jsonrpc":"2.0","params":{"channel":"trades.BTC_USDC-PERPETUAL.raw","data":[{"trade_id":"1","timestamp":1665388535113,"price":19402.5,"amount":0.01,"direction":"sell","instrument_name":"BTC_USDC-PERPETUAL"},{"trade_id":"2","timestamp":1665388535114,"price":19403,"amount":0.5,"direction":"buy","instrument_name":"BTC_USDC-PERPETUAL"}]},"atom_timestamp":1665388535400000}"#,
        ),
        (
            "deribit_BTC_USDC-PERPETUAL_book",
            r#"{"jsonrpc":"2.0","params":{"channel":"book.BTC_USDC-PERPETUAL.100ms","data":{"type":"change","timestamp":1665388535113,"instrument_name":"BTC_USDC-PERPETUAL","change_id":2,"prev_change_id":1,"bids":[],"asks":[["change",19341,0.285]]}},"atom_timestamp":1665388535400001}"#,
        ),
        // Kraken: arrays of mixed types, seconds with fractions, our own time at the end.
        (
            "kraken_XBT/USD_trade",
            r#"[337,[["19404.1","0.1","1665388535.113093","s","l",""],["19404.2","0.2","1665388535.200000","b","m",""]],"trade","XBT/USD",1665388535500000]"#,
        ),
        (
            "kraken_XBT/USD_ticker",
            r#"[340,{"a":["19405.0",1,"1.5"],"b":["19404.9",0,"0.79"]},"ticker","XBT/USD",1665388535500001]"#,
        ),
        // Nobody's.
        ("coinbase_BTC-USD_subscriptions", r#"{"type":"subscriptions","channels":[]}"#),
        // A list of which one element is wrong: none of it is stored.
        (
            "kraken_XBT/USD_trade",
            r#"[337,[["19404.1","0.1","1665388535.1","s","l",""],["dear","0.2","1665388535.2","b","m",""]],"trade","XBT/USD",1665388535500002]"#,
        ),
        ("kraken_XBT/USD_trade", "[337,"),
    ];
    for (key, value) in messages {
        world.produce_keyed(key, Some(value.as_bytes()));
    }
    let (_, routes) = include_str!("../../examples/exchanges.toml").split_once("name = \"raw\"\n").unwrap();
    let routes = routes.replace("table = \"", "table = \"mapping.");
    world.load_config(&world.config("").replace("table = 'mapping.t'\n", &routes));
    let trades = "SELECT concat_ws(' ', exchange, symbol, price, size, taker_side, trade_id,
                         to_char(event_time AT TIME ZONE 'UTC', 'HH24:MI:SS.US'), atom_timestamp)
                  FROM mapping.trades ORDER BY atom_timestamp, event_time";
    assert_eq!(
        world.column(trades),
        [
            "bybit BTC.USDT 19401.5 0.02 sell 07:55:35.113000 1665388535300000",
            "deribit BTC.USDC-PERPETUAL 19402.5 0.01 sell 1 07:55:35.113000 1665388535400000",
            "deribit BTC.USDC-PERPETUAL 19403 0.5 buy 2 07:55:35.114000 1665388535400000",
            "kraken BTC.USD 19404.1 0.1 sell 07:55:35.113093 1665388535500000",
            "kraken BTC.USD 19404.2 0.2 buy 07:55:35.200000 1665388535500000",
        ]
    );
    // The standard schema of this table has no order ids, the messages have: they are in the overflow.
    let l3 = "SELECT concat_ws(' ', exchange, symbol, price, size, taker_side, overflow ->> 'trade_id',
                     overflow ->> 'maker_order_id', overflow ->> 'taker_order_id', overflow ->> 'sequence')
              FROM mapping.trades_l3";
    assert_eq!(
        world.column(l3),
        ["coinbase BTC.USD 19400.1 0.0015 buy 428000001 ac928c66-ca53-498f-9c13-a110027a60e8 \
          132fb6ae-456b-4654-b4e0-d681ac05cea1 47900000001"]
    );
    let ticker = "SELECT concat_ws(' ', exchange, symbol, bid_price, ask_price, bid_size, ask_size) FROM mapping.ticker
                  ORDER BY exchange";
    assert_eq!(
        world.column(ticker),
        ["coinbase BTC.USD 19399.9 19400.2", "kraken BTC.USD 19404.9 19405 0.79 1.5"]
    );
    let book = "SELECT concat_ws(' ', exchange, symbol, side, level, price, size) FROM mapping.lob
                ORDER BY exchange, side, level";
    assert_eq!(
        world.column(book),
        [
            "bybit BTC.USDT buy 0 19401 1.5",
            "bybit BTC.USDT buy 1 19400.5 2",
            "bybit BTC.USDT sell 0 19402 0.7",
            "deribit BTC.USDC-PERPETUAL sell 0 19341 0.285",
        ]
    );
    let letters = world.dead_letters();
    let mut states: Vec<_> = letters.iter().map(|(offset, letter)| (*offset, letter.1.as_str())).collect();
    states.sort_unstable();
    assert_eq!(states, [(8, "22023"), (9, "22P02"), (10, "22032")]);
    assert_eq!(world.next_offset(), 11);
    // Each message is in tables or among the dead letters, never in both.
    let both = "SELECT count(*)::text FROM (
                    SELECT kafka_offset FROM mapping.trades UNION ALL SELECT kafka_offset FROM mapping.trades_l3
                    UNION ALL SELECT kafka_offset FROM mapping.ticker UNION ALL SELECT kafka_offset FROM mapping.lob
                ) rows JOIN loader.dead_letters d ON d.job = 'mapping' AND d.\"offset\" = kafka_offset";
    assert_eq!(world.column(both), ["0"]);
}

const FAN_OUT: &str = "[[topic.route]]
    table = 'fan.lists'
    columns = [{ name = 'id', type = 'bigint' }]
    unknown_fields = 'ignore'
    [[topic.route]]
    table = 'fan.items'
    for_each = 'items'
    columns = [{ name = 'id', type = 'bigint' }, { name = 'item', type = 'bigint', from = '@' }]
    unknown_fields = 'ignore'
";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn when_the_server_refuses_one_row_of_a_message_none_is_stored() {
    let mut world = World::new("fan");
    let ddl = "CREATE TABLE fan.lists (id bigint CHECK (id <> 7));
               CREATE TABLE fan.items (id bigint, item bigint CHECK (item <> 13))";
    world.database.batch_execute(ddl).unwrap();
    let messages: Vec<String> = (0..100i64)
        .map(|id| match id {
            40 | 41 | 90 => format!("{{\"id\":{id},\"items\":[1,13,2]}}"),
            50 => "{\"id\":50,\"items\":[]}".into(),
            _ => format!("{{\"id\":{id},\"items\":[2{id},3{id}]}}"),
        })
        .collect();
    world.produce(&messages.iter().map(|m| m.as_bytes()).collect::<Vec<_>>());
    let config = world.config("").replace("table = 'fan.t'\n", FAN_OUT);
    world.load_config(&config);
    let mut refused: Vec<i64> = world.dead_letters().into_keys().collect();
    refused.sort_unstable();
    assert_eq!(refused, [7, 40, 41, 90]);
    let lists = "SELECT count(*) || ' ' || count(DISTINCT id) FROM fan.lists";
    assert_eq!(world.column(lists), ["96 96"]);
    let items = "SELECT count(*) || ' ' || count(DISTINCT id) FROM fan.items WHERE id NOT IN (7, 40, 41, 90)";
    assert_eq!(world.column(items), ["190 95"]);
    assert_eq!(world.column("SELECT count(*)::text FROM fan.items"), ["190"]);
    assert_eq!(world.next_offset(), 100);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_plan_shows_what_would_be_and_changes_nothing() {
    let mut world = World::new("plan");
    world.produce(&[b"{\"id\":1,\"at\":\"2026-01-01T00:00:00Z\"}", b"{\"id\":2}", b"no", b"{\"id\":4}"]);
    let plan = |world: &World, topic: &str| {
        let output = tally("plan", &world.config(topic), &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let expected = "CREATE TABLE \"plan\".\"t\" (\"id\" bigint, \"at\" timestamptz, \"overflow\" jsonb);\n\
                    -- 4 messages would become\n--   3 rows of \"plan\".\"t\"\n--   1 dead letters\n\
                    --     1 x 22032 the message is not JSON: expected ident at line 1 column 2\n";
    assert_eq!(plan(&world, ""), expected);
    assert!(!world.exists("plan.t"));
    // What the server would refuse is told as well.
    world.database.batch_execute("CREATE TABLE plan.t (id bigint CHECK (id < 4), overflow jsonb)").unwrap();
    let text = plan(&world, "");
    assert!(text.contains("--   2 rows of \"plan\".\"t\"\n--   2 dead letters\n"), "{text}");
    assert!(text.contains("1 x 23514") && !text.contains("CREATE"), "{text}");
    assert_eq!(world.column("SELECT count(*)::text FROM plan.t"), ["0"]);
    assert!(
        !world.exists("loader.offsets")
            || world.column("SELECT job FROM loader.offsets WHERE job = 'plan'").is_empty()
    );
    world.load("");
    // A job that has read everything sees the last messages again.
    assert!(plan(&world, "").contains("-- 4 messages would become"));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn what_was_inferred_can_be_taken_over() {
    let mut world = World::new("plan_columns");
    world.produce(&[br#"{"event_time":1672515782136,"p":"16578.50","q":""}"#, br#"{"p":"1","q":"2"}"#]);
    let plan = |options: &[&str]| {
        let output = tally("plan", &world.config(""), options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = plan(&[]);
    assert!(text.contains("-- column \"event_time\": numbers count milliseconds since 1970\n"), "{text}");
    assert!(text.contains("-- column \"q\": empty strings mean NULL\n"), "{text}");
    let section = plan(&["--write-config"]);
    let config = world.config("");
    let config = format!("{}{section}", config.split("[[topic]]").next().unwrap());
    world.load_config(&config);
    let rows = world
        .column("SELECT concat_ws(' ', event_time AT TIME ZONE 'UTC', p, q) FROM plan_columns.t ORDER BY p");
    assert_eq!(rows, ["1 2", "2022-12-31 19:43:02.136 16578.50"]);
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn messages_that_no_route_takes_are_counted() {
    let mut world = World::new("ignored");
    world.produce(&[b"{\"id\":1,\"kind\":\"a\"}", b"{\"id\":2,\"kind\":\"b\"}", b"{\"id\":3}"]);
    let topic = "unmatched = 'ignore'\n[[topic.route]]\ntable = 'ignored.t'\nwhen = { kind = 'a' }\n\
                 columns = [{ name = 'id', type = 'bigint' }]";
    let config = world.config(topic).replace("table = 'ignored.t'\nunmatched", "unmatched");
    let text = String::from_utf8(tally("plan", &config, &[]).stdout).unwrap();
    assert!(
        text.contains("--   1 rows of \"ignored\".\"t\"\n--   ignored: 2, which no route takes\n"),
        "{text}"
    );
    for total in [2, 3] {
        world.load_config(&config);
        let sql = "SELECT ignored::text FROM loader.offsets WHERE job = 'ignored'";
        assert_eq!(world.column(sql), [total.to_string()]);
        world.produce(&[b"{\"id\":4}"]);
    }
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn topics_are_found_by_a_pattern() {
    let mut world = World::new("pattern");
    world.produce(&[b"{\"id\":1}"]);
    let config = world.config("").replace("name = 'pattern'", "name = 'pat*'").replace(".t'", ".of_*'");
    world.load_config(&config);
    assert_eq!(world.column("SELECT id::text FROM pattern.of_tern"), ["1"]);
    let text = complaint(&config.replace("name = 'pat*'", "name = 'nothing*'"));
    assert!(text.contains("topic \"nothing*\": no topic on the broker matches"), "{text}");
}
