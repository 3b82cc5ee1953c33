// Every gradient rule over shapes and attributes: against central differences, and as onnxruntime runs it.
import { describe, expect, test } from "vitest";
import { rules } from "../src/autodiff/rules.ts";
import { randomStream } from "../src/tensor/random.ts";
import { checkCase, compareCase, factoredGradient } from "./helpers/gradient-case.ts";
import { int64s, node } from "./helpers/graph-builder.ts";
import { one, type RuleCase } from "./helpers/rule-cases/case.ts";
import { attention, einsum, gemm, matMul } from "./helpers/rule-cases/dense.ts";
import {
  activations,
  arithmetic,
  choices,
  functions,
  meetingMany,
  powers,
} from "./helpers/rule-cases/elementwise.ts";
import { rearrangements } from "./helpers/rule-cases/moves.ts";
import {
  batchNormalization,
  neighbours,
  ownStatistics,
  reductions,
} from "./helpers/rule-cases/normalize.ts";
import { means, meetings, moves } from "./helpers/rule-cases/shapes.ts";
import { standIns } from "./helpers/rule-cases/stand-ins.ts";
import { convolution, pools, transposedConvolution } from "./helpers/rule-cases/windows.ts";

const random = randomStream(2);
const cases: readonly RuleCase[] = [
  ...arithmetic(),
  ...powers(),
  ...functions(),
  ...choices(),
  ...meetingMany(),
  ...activations(),
  ...batchNormalization(random),
  ...ownStatistics(),
  ...neighbours(),
  ...reductions(),
  ...standIns(),
  ...gemm(),
  ...matMul(),
  ...einsum(),
  ...attention(),
  ...convolution(random),
  ...transposedConvolution(random),
  ...pools(random),
  ...means(),
  ...moves(),
  ...rearrangements(),
  ...meetings(),
];

/** A convolution, a pool and a dense layer. */
const network: RuleCase = {
  op: "network",
  image: [2, 5, 5],
  parameters: { w: [3, 2, 3, 3], b: [3], flat: int64s(0, -1), v: [4, 12], c: [4] },
  nodes: [
    node("Conv", ["x", "w", "b"], ["conv"], { pads: [1, 1, 1, 1] }),
    node("Tanh", ["conv"], ["tanh"]),
    node("AveragePool", ["tanh"], ["pool"], { kernel_shape: [2, 2], strides: [2, 2] }),
    node("Reshape", ["pool", "flat"], ["features"]),
    node("Gemm", ["features", "v", "c"], ["y"], { transB: 1 }),
  ],
};

/** Names the case that failed: its image, parameters and attributes. */
function told(c: RuleCase, cause: unknown): Error {
  const nodes = c.nodes.map(
    ({ op, inputs, attributes }) =>
      `${op}(${inputs}) ${JSON.stringify(Object.fromEntries([...attributes].map(([k, v]) => [k, v.value])))}`,
  );
  const shapes = JSON.stringify({ x: c.image, ...c.parameters }, (_, v) =>
    ArrayBuffer.isView(v) ? String(v).slice(0, 80) : v,
  );
  return new Error(`${nodes.join("; ")} of ${shapes}\n${(cause as Error).message}`, { cause });
}

for (const [op, { straightThrough = false }] of rules) {
  const own = cases.filter((c) => c.op === op);
  // A stand-in is no derivative: test/rules-stand-ins.test.ts has its definition.
  test.skipIf(straightThrough)(`${op}: the gradient is that of the definition`, () => {
    for (const [i, c] of own.entries()) {
      try {
        checkCase(c, i);
      } catch (cause) {
        throw told(c, cause);
      }
    }
  });

  test(`${op}: onnxruntime runs the gradient graph`, async () => {
    expect(own.length).toBeGreaterThan(0);
    for (const [i, c] of own.entries()) {
      try {
        await compareCase(c, i);
      } catch (cause) {
        throw told(c, cause);
      }
    }
  });
}

test("seed labels gives the gradient of the summed cross-entropy, in the image and every parameter", () => {
  for (const loss of ["cross-entropy", "brier"] as const) {
    for (const seed of [0, 1, 2]) checkCase(network, seed, loss);
  }
});

test("the gradients of a small network run in onnxruntime", () => compareCase(network, 3));

describe("factors of a dense weight", () => {
  const k = 4;
  const dense = [
    one("Gemm", [k], { w: [k, 3], b: [3] }),
    one("Gemm", [k], { w: [3, k], b: [3] }, { transB: 1, alpha: -0.5, beta: 2 }),
    one("MatMul", [k], { w: [k, 3] }),
  ];
  const hidden = dense.map((c) => ({
    ...c,
    nodes: [
      node("Tanh", ["x"], ["h"]),
      { ...c.nodes[0], inputs: ["h", ...c.nodes[0].inputs.slice(1)], outputs: ["z"] },
      node("Sigmoid", ["z"], ["y"]),
    ],
  }));

  test.each([...dense, ...hidden])("multiply out to its gradient ($op)", (c) => {
    const { plain, product } = factoredGradient(c, 1);
    expect(product!.dims).toEqual(plain.dims);
    for (const [i, v] of product!.data.entries()) expect(v).toBeCloseTo(plain.data[i], 12);
  });

  test("are not made where one product an image is not the gradient", () => {
    const others = [
      ...meetings().filter((c) => c.op === "Gemm"), // a weight used twice
      ...gemm().filter((c) => c.nodes[0].op === "Transpose"), // the batch on the second axis
      one("MatMul", [2, k], { w: [k, 3] }), // several rows an image
      one("MatMul", [k], { w: [2, k, 3] }), // a stack of matrices
      one("Gemm", [k], { w: [2, k] }, { transB: 1 }, ["w", "x"]), // the weight on the left
    ];
    for (const c of others) {
      const { product } = factoredGradient(c, 2);
      if (product !== null) throw told(c, new Error("it has factors"));
    }
  });
});
