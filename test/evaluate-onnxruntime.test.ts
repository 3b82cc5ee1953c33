// The evaluator against onnxruntime: every operator over shapes and attributes, to float32 accuracy.
import { expect, test } from "vitest";
import { randomStream } from "../src/tensor/random.ts";
import type { NDArray } from "./helpers/evaluate/array.ts";
import { fromTensor } from "./helpers/evaluate/call.ts";
import { evaluateGraph, operators } from "./helpers/evaluate/evaluate.ts";
import { graph, node } from "./helpers/graph-builder.ts";
import { runOnnxruntime } from "./helpers/onnxruntime.ts";
import { type Case, isTensor, normal } from "./helpers/operator-cases/case.ts";
import { activations, elementwise } from "./helpers/operator-cases/elementwise.ts";
import { normalizations } from "./helpers/operator-cases/normalize.ts";
import {
  attention,
  contractions,
  products,
  reductions,
} from "./helpers/operator-cases/products.ts";
import { quantization } from "./helpers/operator-cases/quantize.ts";
import { constants, resizing, shapes } from "./helpers/operator-cases/shapes.ts";
import { convolution, pooling } from "./helpers/operator-cases/windows.ts";

const random = randomStream(1);
const cases: readonly Case[] = [
  ...elementwise(random),
  ...activations(),
  ...convolution(random),
  ...pooling(random),
  ...products(random),
  ...contractions(),
  ...attention(),
  ...normalizations(random),
  ...reductions(),
  ...quantization(random),
  ...shapes(random),
  ...constants(),
  ...resizing(),
];

async function compare({ op, inputs, attributes, outputs = 1, opset = 18 }: Case) {
  const names = inputs.map((input, i) => (input === "" ? "" : `in${i}`));
  const tensors = inputs.map((input) =>
    input === "" || isTensor(input) ? input : normal(random, input),
  );
  const present = tensors.flatMap((value, i) => (value === "" ? [] : [[names[i], value] as const]));
  const outputNames = Array.from({ length: outputs }, (_, i) => `out${i}`);
  // Inputs are fed: onnxruntime folds constant nodes away, and its kernels are what we compare with.
  const built = graph({
    inputs: Object.fromEntries(present),
    nodes: [node(op, names, outputNames, attributes)],
    outputs: outputNames,
    opset,
  });
  const feeds = new Map<string, NDArray>(present.map(([name, value]) => [name, fromTensor(value)]));
  const ours = evaluateGraph(built, feeds, outputNames);
  const theirs = await runOnnxruntime(built, feeds);
  for (const name of outputNames) {
    const [a, b] = [ours.get(name)!, theirs.get(name)!];
    expect(a.dims).toEqual(b.dims);
    expect(a.integer ?? false).toBe(b.integer);
    const far = a.data.findIndex((v, i) => !(Math.abs(v - b.data[i]) <= 1e-5 * (1 + Math.abs(v))));
    expect(far, `${name}[${far}] is ${a.data[far]}, onnxruntime gives ${b.data[far]}`).toBe(-1);
  }
}

test("every operator of the evaluator is compared", () => {
  const compared = new Set(cases.map(({ op }) => op));
  expect([...operators.keys()].filter((op) => !compared.has(op))).toEqual([]);
});

for (const op of operators.keys()) {
  test(`${op} agrees with onnxruntime`, async () => {
    for (const one of cases.filter((c) => c.op === op)) {
      try {
        await compare(one);
      } catch (cause) {
        throw new Error(`${op} ${JSON.stringify(one.attributes)}: ${(cause as Error).message}`, {
          cause,
        });
      }
    }
  });
}
