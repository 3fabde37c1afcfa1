// Lines of TAP: one for each thing that is tested.

let count = 0;
let failures = 0;

/**
 * Tests one thing; what goes wrong is told below its line.
 * @param {string} name
 * @param {() => Promise<void> | void} story
 */
export async function test(name, story) {
  count += 1;
  try {
    await story();
    console.log(`ok ${count} - ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`not ok ${count} - ${name}`);
    console.log(String(error instanceof Error ? error.stack : error).replace(/^/gm, "# "));
  }
}

/** Prints the plan; returns whether all went well. */
export function end() {
  console.log(`1..${count}`);
  return failures === 0;
}
