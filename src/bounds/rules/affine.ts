// Operators that are affine in the image: layers, sums, scales, averages.
//
// Of y = W x + b and |x - c| <= r follows |y - (W c + b)| <= |W| r (Gowal et al., arXiv 1810.12715, section 3).

import { scalar } from "../../autodiff/builder.ts";
import { BatchNormalization as gradient } from "../../autodiff/rules/normalization.ts";
import { windowAttributes } from "../../autodiff/rules/window.ts";
import { float, floatOf, intsOf } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { type AffineRule, again, type BoundCall, refuseBound } from "../rule.ts";

/** The absolute values of a constant, times a share. */
function absolute({ b }: BoundCall, name: string, share = 1): string {
  if (name === "") return "";
  const size = b.op("Abs", [name]);
  return share === 1 ? size : b.op("Mul", [size, scalar(b, share)]);
}

interface Form {
  readonly attributes?: readonly string[];
  /** Inputs that are multiplied by others, and those that are added. An image may stand for either. */
  readonly weights?: readonly number[];
  readonly offsets?: readonly number[];
  /** The operator and attributes of the absolute values, where they are others. */
  readonly op?: string;
  readonly scales?: readonly string[];
  readonly roundings: AffineRule["roundings"];
  readonly passedRoundings?: AffineRule["passedRoundings"];
}

/** Makes the rule of an operator that multiplies what is bounded by weights and adds offsets. */
function affine({
  attributes = [],
  weights = [],
  offsets = [],
  op,
  scales = [],
  roundings,
  passedRoundings = roundings,
}: Form): AffineRule {
  return {
    kind: "affine",
    attributes,
    roundings: (call) => {
      if (weights.filter((i) => call.of[i] !== undefined).length > 1) {
        refuseBound(call.node, "it multiplies two values that depend on the image");
      }
      return roundings(call);
    },
    passedRoundings,
    hasOffset: ({ node, of }) => offsets.some((i) => node.inputs[i] && of[i] === undefined),
    apply: again,
    magnify: (call, values, share) => {
      const { b, node, of } = call;
      const inputs = values.map((name, i) => {
        if (of[i] !== undefined) return name;
        if (weights.includes(i)) return absolute(call, name);
        if (!offsets.includes(i)) return name;
        // What may be left out is, where nothing is left of it.
        return i >= 2 && share === 0 ? "" : absolute(call, name, share);
      });
      const sizes = scales.map((name) => [name, float(Math.abs(floatOf(node, name, 1)))] as const);
      return b.op(op ?? node.op, inputs, {
        ...Object.fromEntries(node.attributes),
        ...Object.fromEntries(sizes),
      });
    },
  };
}

/** An entry has a few roundings more than the sums that were made of it before. */
const entrywise = ({ of }: BoundCall): number => Math.max(...of.map((x) => x?.roundings ?? 0)) + 4;

const entries = ({ b }: BoundCall, name: string): number =>
  elementCount(b.shapeOf(name).map(Math.abs));

/** Coefficients of entries that were copied are added. */
const copies = (call: BoundCall): number => {
  const made = entries(call, call.node.outputs[0]);
  const bounded = call.node.inputs.filter((_, i) => call.of[i] !== undefined);
  return Math.max(...bounded.map((name) => made / entries(call, name))) + 4;
};

const each = { roundings: entrywise, passedRoundings: copies };

const layer = {
  weights: [0, 1],
  offsets: [2],
};

export const Conv = affine({
  ...layer,
  attributes: [...windowAttributes, "group"],
  roundings: ({ b, node }) => elementCount(b.shapeOf(node.inputs[1]).slice(1)) + 1,
  passedRoundings: ({ b, node }) => {
    const [filters, , ...kernel] = b.shapeOf(node.inputs[1]);
    return filters * elementCount(kernel);
  },
});

export const ConvTranspose = affine({
  ...layer,
  attributes: [...windowAttributes, "group", "output_padding", "output_shape"],
  roundings: ({ b, node }) => {
    const [channels, , ...kernel] = b.shapeOf(node.inputs[1]);
    return channels * elementCount(kernel) + 1;
  },
  passedRoundings: ({ b, node }) => elementCount(b.shapeOf(node.inputs[1]).slice(1)),
});

export const Gemm = affine({
  ...layer,
  attributes: ["alpha", "beta", "transA", "transB"],
  scales: ["alpha", "beta"],
  roundings: ({ b, node, of }) => {
    const weight = b.shapeOf(node.inputs[of[0] === undefined ? 0 : 1]);
    return Math.max(...weight) + 3;
  },
});

export const MatMul = affine({
  weights: [0, 1],
  roundings: ({ b, node, of }) => {
    const weight = b.shapeOf(node.inputs[of[0] === undefined ? 0 : 1]);
    return Math.max(...weight.slice(-2)) + 1;
  },
});

export const Add = affine({ offsets: [0, 1], ...each });
export const Sub = affine({ offsets: [0, 1], op: "Add", ...each });
export const Mul = affine({ weights: [0, 1], ...each });
export const Neg: AffineRule = {
  ...affine(each),
  magnify: ({ b }, values) => b.op("Identity", [values[0]]),
};
export const Div = affine({
  weights: [0, 1],
  roundings: (call) => {
    if (call.of[1] !== undefined) refuseBound(call.node, "it divides by a value of the image");
    return entrywise(call);
  },
  passedRoundings: copies,
});

/** Its weights and offsets are made of the statistics: |scale| (r + share |mean|) / deviation + share |bias|. */
export const BatchNormalization: AffineRule = {
  ...affine({
    attributes: gradient.attributes,
    roundings: (call) => entrywise(call) + 4,
    passedRoundings: (call) => copies(call) + 4,
  }),
  hasOffset: () => true,
  magnify: (call, values, share) => {
    const [x, scale, bias, mean, variance] = values;
    const less = call.b.op("Neg", [absolute(call, mean, share)]);
    return again(call, [x, absolute(call, scale), absolute(call, bias, share), less, variance]);
  },
};

/** What it pads with is added to what is not there. */
export const Pad = affine({
  attributes: ["mode"],
  offsets: [2],
  roundings: (call) => {
    if (call.of.slice(1).some((x) => x !== undefined)) {
      refuseBound(call.node, "what it pads with depends on the image");
    }
    return entrywise(call);
  },
});

export const AveragePool = affine({
  attributes: [...windowAttributes, "ceil_mode", "count_include_pad"],
  roundings: ({ node }) => elementCount(intsOf(node, "kernel_shape") ?? []) + 1,
});

/** Averages and sums over whole axes have as many summands as entries of x make one of y. */
const over = (...attributes: string[]): AffineRule =>
  affine({
    attributes,
    roundings: (call) =>
      entries(call, call.node.inputs[0]) / entries(call, call.node.outputs[0]) + 1,
  });
export const GlobalAveragePool = over();
export const ReduceMean = over("keepdims", "noop_with_empty_axes");
export const ReduceSum = over("keepdims", "noop_with_empty_axes");
