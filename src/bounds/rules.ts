// Collects the rules of bounds in one table, from the standard's name of an operator to its rule.
import type { BoundRule } from "./rule.ts";
import * as affine from "./rules/affine.ts";
import * as curved from "./rules/curved.ts";
import * as moving from "./rules/moving.ts";
import * as pooling from "./rules/pooling.ts";

/** Everything that these files export is a rule under the name of its operator. */
const families: readonly Readonly<Record<string, BoundRule>>[] = [affine, curved, moving, pooling];

/** The rules in alphabetical order. */
export const boundRules: ReadonlyMap<string, BoundRule> = new Map(
  families.flatMap((family) => Object.entries(family)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
);
