// The end of a classifier: which output holds the logits, what is cut off behind them, and what is said about it.
import { describe, expect, it } from "vitest";
import { fileLogits } from "../src/engine/ask-file.ts";
import { type Model, networkOf, openModel } from "../src/engine/model.ts";
import { demandTheta } from "../src/engine/programs.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { noise } from "./helpers/closed-networks.ts";
import { int64s, node, tensor } from "./helpers/graph-builder.ts";
import { dense, type Sketch, sketch } from "./helpers/sketch.ts";

const PIXELS = 12;
const LABELS = 4;
const IMAGES = 24;

type Build = (s: Sketch, logits: string, image: string) => string | readonly string[];

/** A linear classifier and what is done with its logits. */
function ending(build: Build, { labels = LABELS, opset = 13 } = {}): Graph {
  const graph = sketch({ shape: [PIXELS], opset }, (s, x) =>
    build(s, dense(s, x, PIXELS, labels), x),
  );
  return { ...graph, outputs: graph.outputs.map(({ name }) => ({ name, type: null, dims: [] })) };
}

async function withModel<R>(
  graph: Graph,
  use: (model: Model) => Promise<R>,
  output?: string,
): Promise<R> {
  const model = await openModel(writeGraph(graph), { output });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

const argmax = (rows: Float32Array, labels: number): number[] =>
  Array.from({ length: rows.length / labels }, (_, i) => {
    const row = rows.subarray(i * labels, (i + 1) * labels);
    return row.indexOf(Math.max(...row));
  });

/** The logits are those of the plain classifier, and the file itself gives every image the same label. */
async function readsAs(graph: Graph, plain: Graph, expected: object): Promise<void> {
  const x = noise([PIXELS], IMAGES);
  const logits = await withModel(plain, (model) => model.logits(x, IMAGES));
  await withModel(graph, async (model) => {
    expect(networkOf(model)).toMatchObject(expected);
    const ours = await model.logits(x, IMAGES);
    expect(ours.length).toBe(logits.length);
    for (const [i, f] of ours.entries()) expect(f).toBeCloseTo(logits[i], 5);
    const asked = await fileLogits(networkOf(model), networkOf(model), x, IMAGES);
    expect(argmax(asked, model.labels)).toEqual(argmax(ours, model.labels));
    expect(new Set(argmax(ours, model.labels)).size).toBeGreaterThan(1);
    demandTheta(networkOf(model));
  });
}

const number = (s: Sketch, value: number): string => s.constant(tensor([], [value]));

const plain = ending((_, f) => f);

const cuts: readonly (readonly [string, string, Build])[] = [
  ["Softmax", "Softmax", (s, f) => s.op("Softmax", [f])],
  [
    "LogSoftmax behind an Identity",
    "LogSoftmax",
    (s, f) => s.op("Identity", [s.op("LogSoftmax", [f])]),
  ],
  [
    "Softmax and a factor of 100",
    "Softmax",
    (s, f) => s.op("Mul", [s.op("Softmax", [f]), number(s, 100)]),
  ],
  [
    "Softmax, Clip and Log",
    "Softmax",
    (s, f) => s.op("Log", [s.op("Clip", [s.op("Softmax", [f]), number(s, 1e-7), number(s, 1)])]),
  ],
  [
    "Softmax behind a Cast back from float16",
    "Softmax",
    (s, f) => s.op("Cast", [s.op("Softmax", [s.op("Cast", [f], { to: 10 })])], { to: 1 }),
  ],
  ["Softmax, reshaped", "Softmax", (s, f) => s.op("Flatten", [s.op("Softmax", [f])])],
  [
    "Softmax over the channels of one pixel",
    "Softmax",
    (s, f) => s.op("Softmax", [s.op("Reshape", [f, s.ints(0, LABELS, 1, 1)])], { axis: 1 }),
  ],
  [
    "Softmax, written out",
    "Exp",
    (s, f) => {
      const powers = s.op("Exp", [f]);
      return s.op("Div", [powers, s.op("ReduceSum", [powers, s.ints(1)])]);
    },
  ],
  ["Sigmoid", "Sigmoid", (s, f) => s.op("Sigmoid", [f])],
  ["Tanh", "Tanh", (s, f) => s.op("Tanh", [f])],
  ["the logarithm of a Sigmoid", "Sigmoid", (s, f) => s.op("Log", [s.op("Sigmoid", [f])])],
  [
    "the same, written with Softplus",
    "Softplus",
    (s, f) => s.op("Neg", [s.op("Softplus", [s.op("Neg", [f])])]),
  ],
  [
    "1 - Sigmoid(-f)",
    "Sigmoid",
    (s, f) => s.op("Sub", [number(s, 1), s.op("Sigmoid", [s.op("Neg", [f])])]),
  ],
];

describe("what keeps the order of the labels is cut off", () => {
  it.each(cuts)("%s", async (_, op, build) => {
    const cut = expect.stringContaining(`${op} "`);
    await readsAs(ending(build), plain, {
      ending: { cut, note: undefined },
      notes: [],
    });
  });

  it("a Softmax of opset 12, which flattens first", async () => {
    const old = ending((s, f) => s.op("Softmax", [f], { axis: 1 }), { opset: 12 });
    await readsAs(
      old,
      ending((_, f) => f, { opset: 12 }),
      { labels: LABELS, notes: [] },
    );
  });

  it("what comes before the Softmax stays: a temperature is the network's own", async () => {
    const cold = ending((s, f) => s.op("Softmax", [s.op("Div", [f, number(s, 0.5)])]));
    await readsAs(
      cold,
      ending((s, f) => s.op("Div", [f, number(s, 0.5)])),
      { notes: [] },
    );
  });
});

describe("what is not known to keep it stays, and is said", () => {
  it.each<readonly [string, string, Build]>([
    ["Relu", "Relu", (s, f) => s.op("Relu", [f])],
    ["a Softmax over the batch", "Softmax", (s, f) => s.op("Softmax", [f], { axis: 0 })],
    ["a falling step", "Neg", (s, f) => s.op("Neg", [s.op("Sigmoid", [f])])],
    [
      "a factor for each label",
      "Sigmoid",
      (s, f) => s.op("Mul", [s.op("Sigmoid", [f]), s.weight([LABELS])]),
    ],
  ])("%s", async (_, op, build) => {
    await withModel(ending(build), async (model) => {
      const network = networkOf(model);
      expect(network.ending.cut).toBeUndefined();
      expect(network.ending.note).toMatch(RegExp(`ends in ${op} .*taken as logits`));
      expect(network.notes).toContain(network.ending.note);
    });
  });

  it("nothing is said of plain scores", async () => {
    for (const build of [
      (s, f) => s.op("Mul", [f, s.weight([LABELS])]),
      (s, f) => s.op("Identity", [f]),
      (s, f) => s.op("Cast", [s.op("Identity", [f])], { to: 1 }),
      (s, f) => s.op("Concat", [f, f], { axis: 1 }),
      (s, f) => {
        const [scale, zero] = [number(s, 0.01), s.constant(tensor([], [0], "int8"))];
        const whole = s.op("QuantizeLinear", [f, scale, zero]);
        return s.op("DequantizeLinear", [whole, scale, zero]);
      },
    ] satisfies Build[]) {
      await withModel(ending(build), async (model) => expect(networkOf(model).notes).toEqual([]));
    }
  });
});

describe("the shape of the output", () => {
  it.each<readonly [string, Build]>([
    ["[n, labels, 1, 1]", (s, f) => s.op("Reshape", [f, s.ints(0, LABELS, 1, 1)])],
    ["[n, 1, labels]", (s, f) => s.op("Reshape", [f, s.ints(0, 1, LABELS)])],
  ])("%s is [n, labels]", async (_, build) => {
    await readsAs(ending(build), plain, { labels: LABELS, notes: [] });
  });

  it.each<readonly [string, Build]>([
    ["a number for every place", (s, f) => s.op("Reshape", [f, s.ints(0, 2, 2)])],
  ])("%s is refused with the shape", async (_, build) => {
    await expect(openModel(writeGraph(ending(build)))).rejects.toThrow(
      /^no output holds one number a label for each of n images: ".*" is \[n, 2, 2\]/,
    );
  });
});

describe("one number for two labels", () => {
  const two = ending((_, f) => f, { labels: 1 });
  const logit = { labels: 2, ending: { note: expect.stringContaining("which wins above 0,") } };

  /** z as (0, z). */
  async function standsFor(build: Build, expected: object): Promise<void> {
    const graph = ending(build, { labels: 1 });
    const x = noise([PIXELS], IMAGES);
    await withModel(graph, async (model) => {
      expect(networkOf(model)).toMatchObject(expected);
      const rows = await model.logits(x, IMAGES);
      const asked = await fileLogits(networkOf(model), networkOf(model), x, IMAGES);
      expect(argmax(asked, 2)).toEqual(argmax(rows, 2));
      expect(new Set(argmax(rows, 2)).size).toBe(2);
      const plainRows = await withModel(two, (other) => other.logits(x, IMAGES));
      expect(rows).toEqual(plainRows);
      expect(rows.filter((_, i) => i % 2 === 0).every((f) => f === 0)).toBe(true);
      const y = Int32Array.from({ length: IMAGES }, (_, i) => i % 2);
      const { gradient } = await model.lossGradient(x, y);
      expect(gradient.some((g) => g !== 0)).toBe(true);
      expect(model.parameters.map(({ shape }) => shape)).toEqual([[1, PIXELS], [1]]);
    });
  }

  it("as a logit", () => standsFor((_, f) => f, logit));
  it("as a list of logits", () => standsFor((s, f) => s.op("Squeeze", [f, s.ints(1)]), logit));
  it("behind a Sigmoid, which is cut off", () =>
    standsFor((s, f) => s.op("Sigmoid", [f]), {
      labels: 2,
      ending: {
        cut: expect.stringContaining("Sigmoid"),
        note: expect.stringContaining("which wins above 0.5,"),
      },
    }));
});

describe("several outputs", () => {
  it("the same one twice, or the logits beside their Softmax, are one", async () => {
    await readsAs(
      ending((_, f) => [f, f]),
      plain,
      { labels: LABELS },
    );
    await readsAs(
      ending((s, f) => [f, s.op("Softmax", [f])]),
      plain,
      { labels: LABELS },
    );
  });

  it("the only one that can be the logits is", async () => {
    const map: Build = (s, f) => [s.op("Reshape", [f, s.ints(0, 2, 2)]), f];
    await readsAs(ending(map), plain, { labels: LABELS });
    const label: Build = (s, f) => [s.op("ArgMax", [f], { axis: 1 }), f];
    await readsAs(ending(label), plain, { labels: LABELS });
    const top = ending((_, f) => f);
    const [f] = top.outputs;
    const best = node("TopK", [f.name, "k"], ["best", "indices"]);
    const sorted = {
      ...top,
      initializers: new Map([...top.initializers, ["k", int64s(2)]]),
      nodes: [...top.nodes, best],
      outputs: [{ ...f, name: "best" }, { ...f, name: "indices" }, f],
    };
    await readsAs(sorted, plain, { labels: LABELS });
  });

  it("two that can be need a name; any value of the graph may be named", async () => {
    const both: Build = (s, f, x) => [f, dense(s, x, PIXELS, 7)];
    const graph = ending(both);
    const [first, second] = graph.outputs.map(({ name }) => name);
    await expect(openModel(writeGraph(graph))).rejects.toThrow(
      RegExp(`several outputs .* "${first}" of 4 labels, "${second}" of 7 labels\\n.*--output`),
    );
    await withModel(graph, async ({ labels }) => expect(labels).toBe(7), second);
    await expect(openModel(writeGraph(graph), { output: "no" })).rejects.toThrow('not "no"');
    const inner = ending((s, f) => s.op("ReduceMean", [f], { axes: [0] }));
    const name = inner.nodes[0].outputs[0];
    await withModel(
      inner,
      async (model) => {
        const x = noise([PIXELS], IMAGES);
        const ours = await model.logits(x, IMAGES);
        const asked = await fileLogits(networkOf(model), networkOf(model), x, IMAGES);
        for (const [i, f] of asked.entries()) expect(f).toBeCloseTo(ours[i], 5);
      },
      name,
    );
  });

  it("made of more than the image name the one that is made of it alone", async () => {
    const answer = ending((s, f) => s.op("Softmax", [f]));
    const [{ name }] = answer.outputs;
    const training = {
      ...answer,
      inputs: [...answer.inputs, { name: "labels", type: "float32" as const, dims: ["n", LABELS] }],
      nodes: [...answer.nodes, node("Sub", [name, "labels"], ["error"])],
      outputs: [{ name: "error", type: null, dims: [] }],
    };
    await expect(openModel(writeGraph(training))).rejects.toThrow(
      `made of the inputs "image" and "labels"; a classifier has one, the image\n` +
        `a value that is made of the image alone can be named with output (--output ${name})`,
    );
    await withModel(training, async ({ labels }) => expect(labels).toBe(LABELS), name);
    // The file itself is asked with something for its other inputs.
    await withModel(
      training,
      async (model) => {
        const x = noise([PIXELS], IMAGES);
        const asked = await fileLogits(networkOf(model), networkOf(model), x, IMAGES);
        expect(argmax(asked, LABELS)).toEqual(argmax(await model.logits(x, IMAGES), LABELS));
      },
      name,
    );
  });

  it("made of more than the image are left out beside one that is not, as the loss of a training graph", async () => {
    const answer = ending((s, f) => s.op("Softmax", [f]));
    const [{ name }] = answer.outputs;
    const training = {
      ...answer,
      inputs: [...answer.inputs, { name: "labels", type: "float32" as const, dims: ["n", LABELS] }],
      nodes: [...answer.nodes, node("Sub", [name, "labels"], ["error"])],
      outputs: [{ name: "error", type: null, dims: [] }, ...answer.outputs],
    };
    await readsAs(training, plain, { labels: LABELS, question: { output: name } });
  });

  it("an answer that is the label itself has the logits that it is the largest of", async () => {
    const label = ending((s, f) =>
      s.op("ArgMax", [s.op("Softmax", [f])], { axis: 1, keepdims: 0 }),
    );
    await readsAs(label, plain, {
      labels: LABELS,
      ending: { cut: expect.stringContaining("ArgMax") },
    });
    const among = (...labels: readonly number[]): Graph => {
      const graph = ending((s, f) => {
        const index = s.op("ArgMax", [f], { axis: 1, keepdims: 0 });
        return s.op("Identity", [s.op("Gather", [s.ints(...labels), index])]);
      });
      return { ...graph, outputs: graph.outputs.map((output) => ({ ...output, type: "int64" })) };
    };
    const own = Array.from({ length: LABELS }, (_, l) => l);
    await readsAs(among(...own), plain, { labels: LABELS });
    await expect(openModel(writeGraph(among(...own.toReversed())))).rejects.toThrow(
      /^no output holds one number a label/,
    );
  });
});
