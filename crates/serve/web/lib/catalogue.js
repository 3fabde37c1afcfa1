// What the database has, as its user may see it: for completion, and for queries of the page's own.
//
// These run as the user, so that they name PostgreSQL's functions and operators: others may have made some that look the same.

import { post } from "./api.js";

/**
 * @param {string} sql
 * @param {string[]} [params]
 * @returns {Promise<string[][]>}
 */
async function rows(sql, params) {
  const answer = await post("/query", { sql, ...(params ? { params } : {}), limit: 100_000 });
  return (await answer.json()).rows;
}

/** @type {Promise<string> | null} */
let schema = null;

/** Returns the schema of the extension, quoted for SQL. */
export function extensionSchema() {
  schema ??= rows("SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_tally'")
    .then((found) => found[0]?.[0] ?? "public");
  schema.catch(() => (schema = null));
  return schema;
}

/** @typedef {{name: string, arguments: string, result: string, comment: string | null}} KnownFunction */

/**
 * Returns tables with their columns, as `schema.table` where the schema is not searched.
 * @returns {Promise<Record<string, string[]>>}
 */
export async function tables() {
  const found = await rows(`SELECT pg_catalog.concat(CASE WHEN NOT pg_catalog.pg_table_is_visible(c.oid) THEN pg_catalog.concat(n.nspname, '.') END, c.relname), a.attname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_t')
  AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY 1, a.attnum`);
  /** @type {Record<string, string[]>} */
  const byTable = {};
  for (const [table, column] of found) (byTable[table] ??= []).push(column);
  return byTable;
}

/**
 * Returns the functions that people call: those of extensions and of users, and the usual ones of PostgreSQL.
 * @returns {Promise<KnownFunction[]>}
 */
export async function functions() {
  const found = await rows(`SELECT p.proname, pg_catalog.min(pg_catalog.pg_get_function_arguments(p.oid)), pg_catalog.min(pg_catalog.pg_get_function_result(p.oid)), pg_catalog.min(pg_catalog.obj_description(p.oid, 'pg_proc'))
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'a', 'w') AND pg_catalog.pg_function_is_visible(p.oid) AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
  AND (n.nspname <> 'pg_catalog' OR p.proname = ANY ('{abs,age,array_agg,avg,ceil,coalesce,count,cume_dist,date_bin,date_trunc,dense_rank,exp,extract,first_value,floor,format,generate_series,greatest,jsonb_agg,lag,last_value,lead,least,left,length,ln,lower,max,min,now,ntile,percent_rank,percentile_cont,random,rank,regexp_replace,right,round,row_number,split_part,sqrt,stddev,string_agg,substring,sum,to_char,to_timestamp,trim,unnest,upper,variance,width_bucket}'))
  AND p.prorettype OPERATOR(pg_catalog.<>) ALL ('{internal,trigger,event_trigger,cstring}'::pg_catalog.regtype[])
  AND 'internal'::pg_catalog.regtype OPERATOR(pg_catalog.<>) ALL (p.proargtypes)
GROUP BY p.proname ORDER BY p.proname`);
  return found.map(([name, args, result, comment]) => ({ name, arguments: args, result, comment }));
}
