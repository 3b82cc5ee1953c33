// Runs before every test file: the properties of fast-check draw from one seed, and repeat from run to run; what
// runs keep for the next one goes into a folder of this file's own.
//
// TEMPER_SEED=17 npm test draws others. A property that fails prints the seed it was drawn from.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { clearRarely } from "../../src/engine/heap.ts";

clearRarely();

const seed = Number(process.env.TEMPER_SEED ?? 0);
if (!Number.isInteger(seed)) throw new Error("TEMPER_SEED: a whole number is expected");
fc.configureGlobal({ seed });

const kept = mkdtempSync(join(tmpdir(), "temper-kept-"));
process.env.TEMPER_CACHE = kept;
process.on("exit", () => rmSync(kept, { recursive: true, force: true }));
