// Ten thousand broken files for every reader of data: read or refused, never a fall or a hang.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test } from "vitest";
import { readersOf, surviveMutations } from "../helpers/readers.ts";

const home = mkdtempSync(join(tmpdir(), "temper-fuzz-"));
afterAll(() => rmSync(home, { recursive: true }));

test.each(Object.entries(await readersOf()))("%s", async (name, reader) => {
  await surviveMutations([name, reader], home, { from: 0, n: 10_000 });
});
