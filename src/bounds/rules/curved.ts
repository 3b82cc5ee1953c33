// Activations and maxima: of the values in an interval the extremes lie at its ends, or at a bend between them.
import { scalar } from "../../autodiff/builder.ts";
import { windowAttributes } from "../../autodiff/rules/window.ts";
import { floatOf } from "../../onnx/attributes.ts";
import { between, type Interval, magnitude } from "../interval.ts";
import { again, type BoundCall, type CurvedRule, refuseBound } from "../rule.ts";

/** The node at other values than its first input. */
const at = (call: BoundCall, value: string): string =>
  again(call, [value, ...call.node.inputs.slice(1)]);

function refuseOthers({ node, of }: BoundCall): void {
  if (of.slice(1).some((x) => x !== undefined)) {
    refuseBound(node, "an input behind the first depends on the image");
  }
}

/** What rounding may do to values that are not exactly computed: a share of the input's size, and so much beside. */
type Rounded = (call: BoundCall) => { readonly share: number; readonly absolute: number };

const exact: Rounded = () => ({ share: 0, absolute: 0 });

function loosened(
  call: BoundCall,
  x: Interval,
  [lower, upper]: readonly [string, string],
  rounded: Rounded,
): Interval {
  const { b, widen } = call;
  const { share, absolute } = rounded(call);
  if (!widen || share + absolute === 0) return between(b, lower, upper);
  const part = b.op("Mul", [magnitude(b, x), scalar(b, share)]);
  const by = b.op("Add", [part, scalar(b, absolute)]);
  return between(b, b.op("Sub", [lower, by]), b.op("Add", [upper, by]));
}

/** A function that never falls. Where it is one rounding of an exact value, the rounded ends are bounds as well. */
const rising = (attributes: readonly string[] = [], rounded: Rounded = exact): CurvedRule => ({
  kind: "curved",
  attributes,
  interval: (call, x) => {
    refuseOthers(call);
    return loosened(call, x, [at(call, x.lower()), at(call, x.upper())], rounded);
  },
});

/** A function that rises or falls between its bends: the extremes are at the ends or at the bends inside. */
const bent = (
  bends: readonly number[],
  attributes: readonly string[] = [],
  rounded: Rounded = exact,
): CurvedRule => ({
  kind: "curved",
  attributes,
  interval: (call, x) => {
    refuseOthers(call);
    const { b } = call;
    const inside = bends.map((bend) =>
      b.op("Max", [x.lower(), b.op("Min", [x.upper(), scalar(b, bend)])]),
    );
    const values = [x.lower(), x.upper(), ...inside].map((value) => at(call, value));
    return loosened(call, x, [b.op("Min", values), b.op("Max", values)], rounded);
  },
});

export const Relu = rising();
export const Clip = rising();
/** Either slope may be below 0. */
export const LeakyRelu = bent([0], ["alpha"]);
export const PRelu = bent([0]);
export const MaxPool = rising([...windowAttributes, "ceil_mode", "storage_order"]);

/** A few roundings, fused or not. */
const FEW = 2 ** -21;

/** The slope may be below 0. */
export const HardSigmoid = bent([], ["alpha", "beta"], ({ node }) => ({
  share: FEW * Math.abs(floatOf(node, "alpha", 0.2)),
  absolute: FEW * (1 + Math.abs(floatOf(node, "beta", 0.5))),
}));

/** x h has its minimum at -3/2. */
export const HardSwish = bent([-1.5], [], () => ({ share: FEW, absolute: 0 }));

// An assumption: four times the largest difference from the exact value that was measured (docs/guarantees.md).
const APPROXIMATION = 2 ** -20;
const approximate: Rounded = () => ({ share: 0, absolute: APPROXIMATION });
export const Sigmoid = rising([], approximate);
export const Tanh = rising([], approximate);
