// Interval bounds against dense loops in float64, and against what networks answer to images of the box.
import { expect, test } from "vitest";
import { gradientProgram } from "../src/autodiff/programs.ts";
import { COVECTOR } from "../src/autodiff/seeds.ts";
import { trainableParameters } from "../src/autodiff/trainable.ts";
import { certifiedNetwork, packBoxes } from "../src/bounds/certified.ts";
import { BOXES, type DifferencesOptions, differencesGraph } from "../src/bounds/differences.ts";
import { logitsOf } from "../src/engine/batches.ts";
import { loadNetwork, type Network } from "../src/engine/network.ts";
import { Session } from "../src/engine/session.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { type BoundCase, boundCases } from "./helpers/bound-cases.ts";
import { checkGradient } from "./helpers/check-gradient.ts";
import { denseBounds, denseDifferences, denseLinear } from "./helpers/dense-bounds.ts";
import { evaluateGraph } from "./helpers/evaluate/evaluate.ts";
import { measureShapes } from "./helpers/measure-shapes.ts";
import { dense, sketch } from "./helpers/sketch.ts";

const EPS = 0.05;

/** The network of a case, an image's box in [0, 1] and its label. */
async function caseOf({ graph }: BoundCase, seed: number) {
  const network = await loadNetwork(writeGraph(graph));
  const size = network.inputShape.reduce((a, c) => a * c, 1);
  const random = randomStream(seed);
  const x = Float32Array.from({ length: size }, () => random.uniform());
  const lower = x.map((v) => Math.max(0, v - EPS));
  const upper = x.map((v) => Math.min(1, v + EPS));
  const y = random.below(network.labels);
  return { network, lower, upper, y, random };
}

async function boundsOf(
  network: Network,
  { lower, upper, y }: { lower: Float32Array; upper: Float32Array; y: number },
  options: DifferencesOptions,
): Promise<Float32Array> {
  const session = await Session.create(differencesGraph(network, options), { device: "cpu" });
  const data = packBoxes({ lower, upper, labels: Int32Array.of(y) }, network.labels);
  const [bounds] = (await session.run({ [BOXES]: { dims: [1, data.length], data } })).values();
  await session.release();
  return bounds.data;
}

/** Lines that the literature fixes. */
const isKinked = ({ graph, name }: BoundCase): boolean =>
  !/below 0/.test(name) && graph.nodes.every(({ op }) => !/Sigmoid|Tanh|Swish|PRelu|Clip/.test(op));

test.each(boundCases)("$name: bounds are those of dense loops", async (one) => {
  const { network, lower, upper, y } = await caseOf(one, 1);
  const { graph } = network;
  const image = { lower: Float64Array.from(lower), upper: Float64Array.from(upper) };
  const bounds64 = denseBounds(graph, image);
  const check = (bounds: Float32Array, expected: Float64Array): void => {
    const scale = Math.max(...expected.map(Math.abs));
    const error = Math.max(...bounds.map((bound, l) => Math.abs(bound - expected[l])));
    expect(error / scale).toBeLessThan(2e-6);
  };
  const intervals = await boundsOf(network, { lower, upper, y }, { widen: false });
  check(intervals, denseDifferences(bounds64, graph.outputs[0].name, y));
  if (!isKinked(one)) return;
  const options = { method: "crown-ibp", widen: false } as const;
  const linear = await boundsOf(network, { lower, upper, y }, options);
  check(linear, denseLinear(bounds64, graph, y));
});

test.each(boundCases)("$name: widened, they hold what onnxruntime answers", async (one) => {
  const { network, lower, upper, y, random } = await caseOf(one, 2);
  const bounds = await boundsOf(network, { lower, upper, y }, { widen: true });
  const linear = await boundsOf(network, { lower, upper, y }, { method: "crown-ibp", widen: true });
  const n = 300;
  const size = lower.length;
  // Corners, where extremes are, and points between.
  const x = Float32Array.from({ length: n * size }, (_, i) => {
    const t = i < (n / 2) * size ? random.below(2) : random.uniform();
    return Math.fround(lower[i % size] + t * (upper[i % size] - lower[i % size]));
  });
  const logits = await logitsOf(network, x, n);
  const { labels } = network;
  const over = (of: Float32Array): number =>
    logits.reduce((worst, f, k) => {
      const [i, l] = [Math.floor(k / labels), k % labels];
      return Math.max(worst, f - logits[i * labels + y] - of[l]);
    }, Number.NEGATIVE_INFINITY);
  expect(over(bounds)).toBeLessThanOrEqual(0);
  expect(over(linear)).toBeLessThanOrEqual(0);
});

/** Roundings of four layers, each of at most 2 (116 + 16) roundings of some ten times the logits' size. */
const ROOM = 4 * 2 * 132 * 2 ** -24 * 20;

const smooth = ["Relu", "Sigmoid", "Tanh", "HardSwish", "Clip"].flatMap((name) =>
  (["ibp", "crown-ibp"] as const).map((method) => [name, method] as const),
);

test.each(smooth)("%s, %s: at eps 0 no wider than what float32 may round", async (name, method) => {
  const one = boundCases.find((each) => each.name === name)!;
  const { network, lower, y } = await caseOf(one, 3);
  const bounds = await boundsOf(network, { lower, upper: lower, y }, { method, widen: true });
  const logits = await logitsOf(network, lower, 1);
  const size = Math.max(1, ...logits.map(Math.abs));
  for (const [l, bound] of bounds.entries()) {
    const over = bound - (logits[l] - logits[y]);
    expect(over).toBeGreaterThanOrEqual(0);
    expect(over).toBeLessThan(ROOM * size);
  }
});

test.each([
  ["a residual block", "ibp"],
  ["PRelu", "ibp"],
  ["MaxPool of windows that overlap, padded", "crown-ibp"],
] as const)("%s, %s: gradients in theta are central differences", (name, method) => {
  const { graph } = boundCases.find((one) => one.name === name)!;
  const [input] = graph.inputs;
  const shapes = measureShapes(graph);
  const certified = differencesGraph({ graph, shapes }, { method, widen: false });
  const theta = trainableParameters(graph, new Map(), graph.outputs[0].name).map((p) => p.name);
  const program = gradientProgram(certified, {
    shapes: measureShapes(certified),
    seed: "weights",
    wrt: theta,
  });
  const random = randomStream(4);
  const size = input.dims.slice(1).reduce<number>((a, c) => a * (c as number), 1);
  const row = Float64Array.from({ length: 2 * size + 4 }, (_, i) =>
    i < size ? 0.4 + 0.2 * random.uniform() : 0,
  );
  for (let i = 0; i < size; i++) row[size + i] = row[i] + 0.03;
  row[2 * size] = 1;
  const feeds = (w: string, values: Float64Array) =>
    new Map([
      [BOXES, { dims: [1, row.length], data: row }],
      [w, { dims: graph.initializers.get(w)!.dims, data: values }],
    ]);
  // Of a network's layers a few stand for all: their weights, a scale, a bias.
  for (const w of theta.filter((_, i) => i % 4 === 0)) {
    const output = certified.outputs[0].name;
    checkGradient({
      f: (values) => evaluateGraph(certified, feeds(w, values), [output]).get(output)!.data,
      gradient: (values, covector) => {
        const asked = new Map(feeds(w, values)).set(COVECTOR, { dims: [1, 4], data: covector });
        const gradient = program.gradients.get(w)!;
        return evaluateGraph(program.graph, asked, [gradient]).get(gradient)!.data;
      },
      x: Float64Array.from(graph.initializers.get(w)!.values as Float32Array),
      random,
    });
  }
});

test("an operator without a rule is refused by name", async () => {
  const graph = sketch({ shape: [3], opset: 18 }, (s, x) =>
    dense(s, s.op("Softplus", [s.op("Sin", [dense(s, x, 3, 3)])]), 3, 2),
  );
  const network = await loadNetwork(writeGraph(graph));
  await expect(certifiedNetwork(network, { widen: true })).rejects.toThrow(
    /no bound is known for Sin .*, Softplus/,
  );
});
