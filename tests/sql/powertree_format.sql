-- A tree of the first format, which did not count rows: it is rebuilt by the next compaction, and not misread before.
SET client_min_messages = warning;
CREATE TABLE old (at timestamptz, s text, x float8);
INSERT INTO old SELECT '2026-01-01Z'::timestamptz + g * interval '1 minute', 's' || g % 3, g FROM generate_series(0, 99) g;
INSERT INTO old VALUES ('2026-01-01 00:05Z', 's1', 7.5), ('2026-01-01 02:05Z', 's1', 8.5);
SELECT powertree_create('old', 'at', '{x}', '10 minutes', '{s}');
CALL powertree_compact('old');
-- What version 0.1.0 stored of it, but that most nodes of s2 are missing, which nobody must see.
CREATE TABLE id AS SELECT id FROM powertree_definition WHERE name = 'old';
DELETE FROM powertree_node WHERE tree = (SELECT id FROM id);
INSERT INTO powertree_node (tree, series, node, level, block) SELECT id, n.* FROM id, (VALUES
    (393619388768786744, 136756, 1, '\x00030204010220030040224032405f8002030122300300402840324046804085a8'::bytea),
    (393619388768786744, 136757, 1, '\xff00020301222003004035403b4052409b4802040123300300403e40438040614040b2c602030122300300404540484060e040b7cd02030133300300404980404c8040644040c11f02040123300400404e40514040702040d04b80020301233004004052405380406c2040d07f40020301333004004054404055c0406f8040d4b080020401333004004056804058c04077a040e176c0'),
    (393619388768786744, 13675, 2, '\xc000020701023003004032404f80408998021b012330040040354058c040995040fb5460'),
    (393619388768786744, 1367, 3, '\x2000022201033004004058c0409a4c40fb8790'),
    (393619388768786744, 136, 4, '\x8000022201033004004058c0409a4c40fb8790'),
    (393619388768786744, 13, 5, '\x4000022201033004004058c0409a4c40fb8790'),
    (393619388768786744, 1, 6, '\x0800022201033004004058c0409a4c40fb8790'),
    (393619388768786744, 0, 7, '\x0200022201033004004058c0409a4c40fb8790'),
    (3355906538803584067, 136756, 1, '\x0003020301222003003ff0401c40284050800204012220030040244033404d408bb0'),
    (3355906538803584067, 136757, 1, '\xff00020301223003004036403c4052c0409d9402040123300300403f40428040598040ab3c02040123300300404440488040664040bf1e02030122300400404a404d4064a040c1c28002030133200300404e804050c0406840c809020401333004004051804053c04072a040d5b980020301323004004054804056406fe040d52f40020301333004004056c04058404071a040d9e780'),
    (3355906538803584067, 13675, 2, '\xc000020701223003003ff04033405180408dc0021a0123300400403640584040982c40f9af90'),
    (3355906538803584067, 1367, 3, '\x2000022101233004003ff040584040994440f9eb10'),
    (3355906538803584067, 136, 4, '\x8000022101233004003ff040584040994440f9eb10'),
    (3355906538803584067, 13, 5, '\x4000022101233004003ff040584040994440f9eb10'),
    (3355906538803584067, 1, 6, '\x0800022101233004003ff040584040994440f9eb10'),
    (3355906538803584067, 0, 7, '\x0200022101233004003ff040584040994440f9eb10'),
    (5172422133924380486, 0, 7, '\x020002210113300400404058804099c840fab740')
) n(series, node, level, block);
INSERT INTO powertree_log (tree, series, leaf, key, delta) SELECT id, n.* FROM id, (VALUES
    (3355906538803584067, 1367568, '\x020000007331'::bytea, '\x010000000000001e40'::bytea),
    (3355906538803584067, 1367580, '\x020000007331', '\x010000000000002140')
) n(series, leaf, key, delta);
UPDATE powertree_state SET format = 1 WHERE tree = (SELECT id FROM id);
CREATE FUNCTION wrong() RETURNS TABLE (what text) LANGUAGE sql AS $$
    SELECT format('%s from %s: %s', k, a, t) FROM (VALUES ('s0'), ('s1'), ('s2')) s(k), (VALUES (NULL::timestamptz), ('2026-01-01 00:10Z'), ('2026-01-01 00:33Z')) r(a),
        powertree_tally('old', 'x', a, NULL, k) t
    WHERE t <> (SELECT tally(x) FROM old WHERE s = k AND at >= coalesce(a, '-infinity'))
    UNION ALL
    SELECT format('series %s', t) FROM powertree_series('old') t, LATERAL (SELECT count(*), min(at)::text, max(at)::text FROM old WHERE s = series[1]) r
    WHERE (num_rows, first, last) <> (count, min, max)
    UNION ALL
    SELECT format('tallies %s', t) FROM powertree_tallies('old', 'x', NULL::timestamptz, NULL) t WHERE tally <> (SELECT tally(x) FROM old WHERE s = series[1])
$$;
SELECT * FROM wrong();
SELECT series, num_rows FROM powertree_series('old') ORDER BY series;
INSERT INTO old VALUES ('2026-01-01 00:07Z', 's0', NULL), ('2026-01-01 03:07Z', 's3', NULL), ('2026-01-01 03:07Z', 's2', 1);
DELETE FROM old WHERE at = '2026-01-01 00:20Z';
SELECT * FROM wrong();
SELECT powertree_rebuild('old');
SELECT * FROM wrong();
CALL powertree_compact('old');
SELECT format FROM powertree_state WHERE tree = (SELECT id FROM id);
SELECT * FROM wrong();
SELECT series, num_rows FROM powertree_series('old') ORDER BY series;
-- What a session of the old library logs afterwards has the leaf read from the table.
INSERT INTO powertree_log (tree, series, leaf, key, delta) SELECT id, 3355906538803584067, 1367568, '\x020000007331', '\x010000000000001e40' FROM id;
SELECT * FROM wrong();
CALL powertree_compact('old');
SELECT * FROM wrong();
SELECT state, num_vals FROM powertrees WHERE name = 'old';
-- Nodes of it are corrupted ones here.
UPDATE powertree_node SET block = '\x0400010000000000000840' WHERE tree = (SELECT id FROM id) AND level = 7;
\set VERBOSITY sqlstate
SELECT powertree_tally('old', 'x', NULL::timestamptz, NULL, 's1');
DROP FUNCTION wrong;
DROP TABLE old, id;
