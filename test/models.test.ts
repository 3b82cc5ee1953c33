// Networks nobody developed Temper on, corrected end to end: gradients, the record and the file against onnxruntime.
import { describe, expect, it } from "vitest";
import { attackBatch } from "../src/attack/attack-batch.ts";
import { attackOptions } from "../src/attack/options.ts";
import type { Dataset } from "../src/data/dataset.ts";
import { correct, evaluate, type Model, openModel, type Run } from "../src/index.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { dot, norm } from "../src/tensor/vector.ts";
import { type DiverseNetwork, diverseNetworks } from "./helpers/diverse-networks.ts";
import { tensor } from "./helpers/graph-builder.ts";
import { runOnnxruntime } from "./helpers/onnxruntime.ts";
import { dense, sketch } from "./helpers/sketch.ts";
import { classifierOfModel } from "./helpers/trained.ts";

const MARGIN = 0.1;
const IMAGES = 24;
const POINTS = 3;

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, c) => a * c, 1);

/** Labels of n rows of logits by rank: 0 for the largest, 1 for the second. */
function ranked(logits: ArrayLike<number>, n: number, rank: number): Int32Array {
  const labels = logits.length / n;
  return Int32Array.from({ length: n }, (_, i) => {
    const row = Array.from({ length: labels }, (_, l) => logits[i * labels + l]);
    const order = [...row.keys()].sort((a, b) => row[b] - row[a]);
    return order[rank];
  });
}

/** Noise that the model gets right, and a few images of it that it is told to call by their second label. */
async function materialOf(model: Model): Promise<{ data: Dataset; points: Dataset }> {
  const { inputShape: shape } = model;
  const size = sizeOf(shape);
  const random = randomStream(3, size);
  const x = Float32Array.from({ length: IMAGES * size }, () => random.uniform());
  const logits = await model.logits(x, IMAGES);
  const part = (name: string, from: number, to: number, rank: number): Dataset => ({
    name,
    shape,
    count: to - from,
    pixels: x.subarray(from * size, to * size),
    labels: ranked(logits, IMAGES, rank).subarray(from, to),
  });
  return { data: part("data", POINTS, IMAGES, 0), points: part("points", 0, POINTS, 1) };
}

/** What onnxruntime says of a file, unlifted, in float64 logits up to a constant an image. */
async function ask(
  file: Uint8Array,
  { options = {}, ending }: DiverseNetwork,
  { pixels, shape, count }: Dataset,
): Promise<Float64Array> {
  const graph = readGraph(file);
  const plane = sizeOf(shape.slice(1));
  const { mean, std } = options;
  const data = Float64Array.from(pixels, (v, i) => {
    const channel = Math.floor(i / plane) % shape[0];
    return mean && std ? (v - mean[channel]) / std[channel] : v;
  });
  const open = graph.inputs.map((input) => ({ ...input, dims: ["n", ...shape] }));
  const feeds = new Map([
    [graph.inputs[0].name, { dims: [count, ...shape], data, integer: false }],
  ]);
  const outputs = graph.outputs.map((output) => ({ ...output, dims: [] }));
  const answers = await runOnnxruntime({ ...graph, inputs: open, outputs }, feeds);
  const answer = answers.get(options.output ?? graph.outputs[0].name)!;
  return ending === "softmax" ? answer.data.map(Math.log) : answer.data;
}

/** (10) with the margin, points right, mean cross-entropy: written out again from logits. */
function measure(logits: Float64Array, y: Int32Array) {
  const labels = logits.length / y.length;
  let [violation, corrected, loss] = [0, 0, 0];
  for (const [i, label] of y.entries()) {
    const gaps = Array.from({ length: labels }, (_, l) => logits[i * labels + l])
      .map((f, _, row) => f - row[label])
      .filter((_, l) => l !== label);
    violation += gaps.reduce((sum, gap) => sum + Math.max(0, gap + MARGIN), 0);
    loss += Math.log(1 + gaps.reduce((sum, gap) => sum + Math.exp(gap), 0)) / y.length;
    if (gaps.every((gap) => gap < 0)) corrected++;
  }
  return { violation, corrected, loss };
}

describe.each(diverseNetworks)("$name", (network) => {
  const file = writeGraph(network.graph);
  const opened = openModel(file, network.options);

  it("has the gradients that differences of its loss show", async () => {
    const model = await opened;
    const { data } = await materialOf(model);
    const x = data.pixels as Float32Array;
    const random = randomStream(4, 1);
    // Half the gradient's direction, half chance, so that the difference is well above float32's noise.
    const along = (g: Float64Array | Float32Array): Float64Array => {
      const scale = norm(Float64Array.from(g));
      expect(scale).toBeGreaterThan(0);
      return Float64Array.from(g, (v) => v / scale + random.normal() / Math.sqrt(g.length));
    };
    const slope = async (f: (h: number) => Promise<number>, h: number): Promise<number> =>
      ((await f(h)) - (await f(-h))) / (2 * h);

    const { loss, gradient } = await model.lossGradient(x, data.labels);
    expect(loss).toBeCloseTo(await model.loss(x, data.labels), 6);
    const theta = model.theta();
    for (const { name, offset, size } of model.parameters) {
      const part = gradient.subarray(offset, offset + size);
      const u = along(part);
      const measured = await slope(async (h) => {
        const moved = theta.slice();
        for (let i = 0; i < size; i++) moved[offset + i] += h * u[i];
        const other = await model.withParameters(moved);
        const value = await other.loss(x, data.labels);
        await other.close();
        return value;
      }, 1e-3);
      const expected = dot(part, u);
      expect(Math.abs(measured - expected), name).toBeLessThan(0.05 * Math.abs(expected) + 2e-4);
    }
    const inX = await model.inputGradient(x, data.labels);
    const u = along(inX);
    const measured = await slope(
      (h) =>
        model.loss(
          x.map((v, i) => v + h * u[i]),
          data.labels,
        ),
      1e-2,
    );
    const expected = dot(Float64Array.from(inX), u) / data.count;
    expect(Math.abs(measured - expected)).toBeLessThan(0.05 * Math.abs(expected) + 2e-4);
  });

  it("says of one image what it says of it among others", async () => {
    const model = await opened;
    const { data } = await materialOf(model);
    const x = data.pixels as Float32Array;
    const together = await model.logits(x, data.count);
    const alone = await model.logits(x.slice(0, x.length / data.count), 1);
    for (const [l, f] of alone.entries()) expect(f).toBeCloseTo(together[l], 4);
  });

  it("is corrected, in a file that differs in weights only and does what the record says", async () => {
    const model = await opened;
    const { data, points } = await materialOf(model);
    const run: Run = await correct(model, { data, points, iterations: 6, alphas: 2, threads: 0 });
    const corrected = run.bytes(run.choice);
    const read = await openModel(corrected, network.options);
    expect(corrected.length).toBe(file.length);
    expect((await read.withParameters(model.theta())).bytes()).toEqual(Uint8Array.from(file));

    const onPoints = measure(await ask(corrected, network, points), points.labels);
    const onData = measure(await ask(corrected, network, data), data.labels);
    expect(run.after.violation).toBeCloseTo(onPoints.violation, 4);
    expect(run.after.corrected).toBe(onPoints.corrected);
    expect(run.after.loss).toBeCloseTo(onData.loss, 4);
    expect(run.before.corrected).toBe(0);
    expect(run.after.corrected).toBe(POINTS);
    expect(run.after.violation).toBeLessThan(0.05 * run.before.violation);
    await read.close();
    await model.close();
  });
});

describe("a model that cannot be served is refused in words", () => {
  const open = (graph: Graph) => openModel(writeGraph(graph));
  const refusal = (text: RegExp) =>
    expect.objectContaining({ code: "model-unsupported", message: expect.stringMatching(text) });
  const linear = (last: string): Graph => {
    const drawn = sketch({ shape: [4, 4], opset: 13 }, (s, x) =>
      dense(s, s.op("Flatten", [x]), 16, 3),
    );
    const [{ name }] = drawn.outputs;
    const rename = (value: string): string => (value === name ? last : value);
    return {
      ...drawn,
      nodes: drawn.nodes.map((node) => ({ ...node, outputs: node.outputs.map(rename) })),
      outputs: [{ ...drawn.outputs[0], name: last }],
    };
  };

  it("where a value has a name that Temper or JavaScript keeps for itself", async () => {
    for (const name of ["temper/Sub_0", "__proto__"]) {
      await expect(open(linear(name))).rejects.toThrow(refusal(RegExp(`"${name}"`)));
    }
    expect((await open(linear("constructor"))).labels).toBe(3);
  });

  it("where nothing of it could be changed, though it may be measured and attacked", async () => {
    const codes = Array.from({ length: 48 }, (_, i) => ((i * 37) % 255) - 127);
    const quantised = sketch({ shape: [16], opset: 13 }, (s, x) => {
      const zero = s.constant(tensor([], [0], "int8"));
      const scale = s.constant(tensor([], [0.01]));
      const w = s.constant(tensor([16, 3], codes, "int8"));
      return s.op("MatMul", [x, s.op("DequantizeLinear", [w, scale, zero])]);
    });
    const model = await open(quantised);
    const { data, points } = await materialOf(model);
    const { clean } = await evaluate(model, { data, attacks: [{ eps: 0.1 }], threads: 0 });
    expect(clean.accuracy).toBe(1);
    await expect(correct(model, { data, points, threads: 0 })).rejects.toThrow(
      refusal(/no float weights that could be changed: export it in float32/),
    );
  });

  it("where its gradient is not a number", async () => {
    const model = await open(
      sketch({ shape: [16], opset: 13 }, (s, x) =>
        s.op("MatMul", [s.op("MatMul", [x, s.weight([16, 9], 1e30)]), s.weight([9, 3], 1e30)]),
      ),
    );
    const images = {
      x: new Float32Array(16).fill(0.5),
      shape: [16],
      y: Int32Array.of(0),
      ids: Int32Array.of(7),
    };
    await expect(
      attackBatch(classifierOfModel(model), images, attackOptions({ eps: 0.1 })),
    ).rejects.toThrow(/gradient at image 7 is not a number/);
  });
});
