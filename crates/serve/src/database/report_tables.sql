-- The tables of stored reports: each belongs to the role that runs it, and row security holds others to what it lets them read.
CREATE SCHEMA IF NOT EXISTS serve;

CREATE TABLE IF NOT EXISTS serve.reports (
    name text PRIMARY KEY,
    owner regrole NOT NULL,
    readers regrole[] NOT NULL,
    schedule text NOT NULL,
    false_alarms float8 NOT NULL
);
COMMENT ON TABLE serve.reports IS 'reports that tally serve runs';
COMMENT ON COLUMN serve.reports.owner IS 'role as which it runs';
COMMENT ON COLUMN serve.reports.readers IS 'roles that may read it, beside the owner';

CREATE TABLE IF NOT EXISTS serve.report_runs (
    run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report text NOT NULL REFERENCES serve.reports ON DELETE CASCADE,
    due timestamptz NOT NULL,
    began timestamptz NOT NULL,
    ended timestamptz NOT NULL,
    attempts int NOT NULL,
    state text NOT NULL CHECK (state IN ('done', 'failed')),
    sqlstate text,
    error text,
    num_changes int NOT NULL,
    num_new int NOT NULL,
    expected_false_share float8,
    untold text[] NOT NULL,
    UNIQUE (report, due)
);
COMMENT ON TABLE serve.report_runs IS 'runs of reports, one for each time at which a report was due';
COMMENT ON COLUMN serve.report_runs.attempts IS 'number of times that it was tried';
COMMENT ON COLUMN serve.report_runs.untold IS 'what the webhook has still to be told of it';

CREATE TABLE IF NOT EXISTS serve.report_changes (
    change bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report text NOT NULL REFERENCES serve.reports ON DELETE CASCADE,
    first_run bigint NOT NULL,
    last_run bigint NOT NULL,
    sighting jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS report_changes_report ON serve.report_changes (report);
COMMENT ON TABLE serve.report_changes IS 'changes that reports have told, each once';
COMMENT ON COLUMN serve.report_changes.sighting IS 'the change as the last run saw it';

CREATE TABLE IF NOT EXISTS serve.report_findings (
    run bigint NOT NULL REFERENCES serve.report_runs ON DELETE CASCADE,
    place int NOT NULL,
    change bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('new', 'known', 'echo')),
    series text,
    at timestamptz,
    first_alerted_at timestamptz,
    ended_at timestamptz,
    kind text NOT NULL,
    probability float8,
    before float8,
    after float8,
    difference float8,
    difference_low float8,
    difference_high float8,
    effect_sd float8,
    importance float8,
    slices text[],
    slice_effects float8[],
    explanation text,
    PRIMARY KEY (run, place)
);
COMMENT ON TABLE serve.report_findings IS 'changes that each run found, most important first';
COMMENT ON COLUMN serve.report_findings.state IS 'new, told by an earlier run, or the echo of a change that was told';

-- Rights: all may ask, and row security says what for.
GRANT USAGE ON SCHEMA serve TO PUBLIC;
GRANT SELECT ON serve.reports, serve.report_runs, serve.report_changes, serve.report_findings TO PUBLIC;
ALTER TABLE serve.reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE serve.report_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE serve.report_changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE serve.report_findings ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS reading ON serve.reports;
CREATE POLICY reading ON serve.reports FOR SELECT USING (
    pg_catalog.pg_has_role(owner::pg_catalog.oid, 'USAGE')
    OR EXISTS (SELECT FROM pg_catalog.unnest(readers) reader WHERE pg_catalog.pg_has_role(reader::pg_catalog.oid, 'USAGE')));
DROP POLICY IF EXISTS writing ON serve.reports;
CREATE POLICY writing ON serve.reports USING (owner = pg_catalog.quote_ident(current_user)::pg_catalog.regrole);

DROP POLICY IF EXISTS reading ON serve.report_runs;
CREATE POLICY reading ON serve.report_runs FOR SELECT USING (EXISTS (SELECT FROM serve.reports r WHERE r.name = report));
DROP POLICY IF EXISTS writing ON serve.report_runs;
CREATE POLICY writing ON serve.report_runs USING (EXISTS (
    SELECT FROM serve.reports r WHERE r.name = report AND r.owner = pg_catalog.quote_ident(current_user)::pg_catalog.regrole));

DROP POLICY IF EXISTS reading ON serve.report_changes;
CREATE POLICY reading ON serve.report_changes FOR SELECT USING (EXISTS (SELECT FROM serve.reports r WHERE r.name = report));
DROP POLICY IF EXISTS writing ON serve.report_changes;
CREATE POLICY writing ON serve.report_changes USING (EXISTS (
    SELECT FROM serve.reports r WHERE r.name = report AND r.owner = pg_catalog.quote_ident(current_user)::pg_catalog.regrole));

DROP POLICY IF EXISTS reading ON serve.report_findings;
CREATE POLICY reading ON serve.report_findings FOR SELECT USING (EXISTS (SELECT FROM serve.report_runs r WHERE r.run = report_findings.run));
DROP POLICY IF EXISTS writing ON serve.report_findings;
CREATE POLICY writing ON serve.report_findings USING (EXISTS (
    SELECT FROM serve.report_runs r JOIN serve.reports o ON o.name = r.report
    WHERE r.run = report_findings.run AND o.owner = pg_catalog.quote_ident(current_user)::pg_catalog.regrole));
