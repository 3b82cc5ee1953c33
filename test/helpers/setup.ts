// Runs before every test file: the properties of fast-check draw from one seed, and repeat from run to run.
//
// TEMPER_SEED=17 npm test draws others. A property that fails prints the seed it was drawn from.
import fc from "fast-check";

const seed = Number(process.env.TEMPER_SEED ?? 0);
if (!Number.isInteger(seed)) throw new Error("TEMPER_SEED: a whole number is expected");
fc.configureGlobal({ seed });
