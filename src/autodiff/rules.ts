// Collects the gradient rules in one table, from the standard's name of an operator to its derivative.
import type { Rule } from "./rule.ts";
import * as activations from "./rules/activations.ts";
import * as arithmetic from "./rules/arithmetic.ts";
import * as attention from "./rules/attention.ts";
import * as conv from "./rules/conv.ts";
import * as dense from "./rules/dense.ts";
import * as einsum from "./rules/einsum.ts";
import * as gather from "./rules/gather.ts";
import * as normalization from "./rules/normalization.ts";
import * as norms from "./rules/norms.ts";
import * as pad from "./rules/pad.ts";
import * as pieces from "./rules/pieces.ts";
import * as pooling from "./rules/pooling.ts";
import * as quantization from "./rules/quantization.ts";
import * as reduce from "./rules/reduce.ts";
import * as resize from "./rules/resize.ts";
import * as shape from "./rules/shape.ts";
import * as softmax from "./rules/softmax.ts";

/** Everything that these files export is a rule under the name of its operator. */
const families: readonly Readonly<Record<string, Rule>>[] = [
  activations,
  arithmetic,
  attention,
  conv,
  dense,
  einsum,
  gather,
  normalization,
  norms,
  pad,
  pieces,
  pooling,
  quantization,
  reduce,
  resize,
  shape,
  softmax,
];

/** The rules in alphabetical order. */
export const rules: ReadonlyMap<string, Rule> = new Map(
  families.flatMap((family) => Object.entries(family)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
);
