// Checks the gradient graph of one case: against central differences in float64, and as onnxruntime runs it.
import { expect } from "vitest";
import { type GradientProgram, gradientProgram } from "../../src/autodiff/programs.ts";
import { COVECTOR, type Seed } from "../../src/autodiff/seeds.ts";
import { type LossName, lossOf } from "../../src/engine/losses.ts";
import type { Graph, Tensor } from "../../src/onnx/graph.ts";
import { type Random, randomStream } from "../../src/tensor/random.ts";
import { checkGradient } from "./check-gradient.ts";
import { build, type NDArray, size } from "./evaluate/array.ts";
import { evaluateGraph } from "./evaluate/evaluate.ts";
import { graph, int64s, node, tensor } from "./graph-builder.ts";
import { measureShapes } from "./measure-shapes.ts";
import { runOnnxruntime } from "./onnxruntime.ts";
import { randomArray } from "./random-array.ts";
import type { RuleCase, Value } from "./rule-cases/case.ts";

const LOGITS = "logits";

const isConstant = (value: Value): value is Tensor => "values" in value && "type" in value;

function draw(value: Exclude<Value, Tensor>, random: Random, batch: readonly number[]): NDArray {
  const { dims, draw: by } = "draw" in value ? value : { dims: value, draw: randomArray };
  const all = [...batch, ...dims];
  // Rounded to float32, so that both engines see the same numbers.
  return { dims: all, data: by(random, size(all)).map(Math.fround) };
}

/** The case as a classifier [batch, labels], whose logits are y in rows, and values for it. */
function openCase(c: RuleCase, random: Random, batch: number) {
  const x = draw(c.image, random, [batch]);
  const drawn = new Map<string, NDArray>();
  const initializers: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(c.parameters)) {
    if (isConstant(value)) initializers[name] = value;
    else {
      const { dims, data } = draw(value, random, []);
      drawn.set(name, { dims, data });
      initializers[name] = tensor(dims, data);
    }
  }
  const body = {
    inputs: { x: ["batch", ...x.dims.slice(1)] },
    nodes: c.nodes,
    initializers,
    ...(c.opset === undefined ? {} : { opset: c.opset }),
  };
  const y = c.nodes.at(-1)!.outputs[0];
  const [open] = [...evaluateGraph(graph({ ...body, outputs: [y] }), feed(x), [y]).values()];
  const labels = open.data.length / batch;
  const classifier = graph({
    ...body,
    initializers: { ...initializers, rows: int64s(-1, labels) },
    nodes: [...c.nodes, node("Reshape", [y, "rows"], [LOGITS])],
    outputs: { [LOGITS]: ["batch", labels] },
  });
  return { classifier, x, drawn, labels };
}

const feed = (x: NDArray): Map<string, NDArray> => new Map([["x", x]]);

/** Derives the gradient in x and in every drawn parameter. */
function derive(
  classifier: Graph,
  wrt: readonly string[],
  seed: Seed = "weights",
): GradientProgram {
  return gradientProgram(classifier, { shapes: measureShapes(classifier), seed, wrt });
}

/** A loss summed over rows, the label y of a row its number modulo the labels. */
function summedLoss(name: LossName, { dims: [n, labels], data }: NDArray): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const row = data.subarray(i * labels, (i + 1) * labels);
    const total = row.reduce((t, v) => t + Math.exp(v), 0);
    const p = row.map((v) => Math.exp(v) / total);
    const y = i % labels;
    sum +=
      name === "brier"
        ? p.reduce((t, v, l) => t + (v - (l === y ? 1 : 0)) ** 2, 0) // ||softmax(f) - onehot||^2
        : -Math.log(p[y]);
  }
  return sum;
}

/**
 * Throws unless the derived gradients in x and in each parameter are those of the definition: of the
 * logits, or of the summed loss that the seed names.
 */
export function checkCase(c: RuleCase, seed: number, of: "weights" | LossName = "weights"): void {
  const batch = 2;
  const random = randomStream(seed);
  const { classifier, x, drawn, labels } = openCase(c, random, batch);
  const values = new Map([...drawn, ["x", x]]);
  const program = derive(
    classifier,
    [...values.keys()],
    of === "weights" ? of : lossOf(of).gradient,
  );
  const oneHot = build([batch, labels], false, ([i, l]) => (l === i % labels ? 1 : 0));
  const measured = (logits: NDArray): Float64Array =>
    of === "weights" ? logits.data : Float64Array.of(summedLoss(of, logits));
  for (const [name, { dims, data }] of values) {
    const gradientName = program.gradients.get(name);
    if (gradientName === undefined) throw new Error(`no gradient in ${name}`);
    const at = (v: Float64Array): Map<string, NDArray> =>
      new Map([...values, [name, { dims, data: v }]]);
    try {
      checkGradient({
        f: (v) => measured(evaluateGraph(classifier, at(v), [LOGITS]).get(LOGITS)!),
        gradient: (v, covector) => {
          const fed = of === "weights" ? { dims: [batch, labels], data: covector } : oneHot;
          const feeds = at(v).set(COVECTOR, fed);
          const gradient = evaluateGraph(program.graph, feeds, [gradientName]).get(gradientName)!;
          if (String(gradient.dims) !== String(dims)) {
            throw new Error(`the gradient is [${gradient.dims}], the value [${dims}]`);
          }
          return of === "weights" ? gradient.data : gradient.data.map((g) => covector[0] * g);
        },
        x: data,
        random,
      });
    } catch (cause) {
      throw new Error(`in ${name}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** The gradient in x of the covector-weighted sum of y, as the evaluator computes it. */
export function gradientInImage(c: RuleCase, seed: number) {
  const batch = 2;
  const random = randomStream(seed);
  const { classifier, x, labels } = openCase(c, random, batch);
  const program = derive(classifier, ["x"]);
  const covector = draw([batch, labels], random, []);
  const name = program.gradients.get("x")!;
  const gradient = evaluateGraph(program.graph, feed(x).set(COVECTOR, covector), [name]).get(name)!;
  return { x, covector, gradient };
}

/**
 * The gradient in parameter `w`, once plain and once as factors multiplied out; null where the
 * program has no factors for it.
 */
export function factoredGradient(c: RuleCase, seed: number) {
  const batch = 3;
  const random = randomStream(seed);
  const { classifier, x, labels } = openCase(c, random, batch);
  const shapes = measureShapes(classifier);
  const request = { shapes, seed: "weights", wrt: ["w"] } as const;
  const feeds = feed(x).set(COVECTOR, draw([batch, labels], random, []));
  const valuesOf = (program: GradientProgram, names: readonly string[]): NDArray[] => [
    ...evaluateGraph(program.graph, feeds, names).values(),
  ];
  const whole = gradientProgram(classifier, request);
  const [plain] = valuesOf(whole, [whole.gradients.get("w")!]);

  const program = gradientProgram(classifier, { ...request, factored: new Set(["w"]) });
  const pair = program.factors.get("w");
  if (pair === undefined) {
    expect(valuesOf(program, [program.gradients.get("w")!])).toEqual([plain]);
    return { plain, product: null };
  }
  expect(program.gradients.has("w")).toBe(false);
  const [activation, delta] = valuesOf(program, [pair.activation, pair.delta]);
  const [rows, columns] = pair.deltaFirst ? [delta, activation] : [activation, delta];
  const product = build([rows.dims[1], columns.dims[1]], false, ([i, j]) => {
    let sum = 0;
    for (let n = 0; n < batch; n++) {
      sum += rows.data[n * rows.dims[1] + i] * columns.data[n * columns.dims[1] + j];
    }
    return sum;
  });
  return { plain, product };
}

/** Throws unless onnxruntime runs the gradient graph, and to the evaluator's results. */
export async function compareCase(c: RuleCase, seed: number): Promise<void> {
  // A batch at which no shape was measured.
  const batch = 4;
  const random = randomStream(seed);
  const { classifier, x, drawn, labels } = openCase(c, random, batch);
  const { graph: derived } = derive(classifier, ["x", ...drawn.keys()]);
  const covector = draw([batch, labels], random, []);
  const feeds = feed(x).set(COVECTOR, covector);
  const names = derived.outputs.map(({ name }) => name);
  const ours = evaluateGraph(derived, feeds, names);
  const theirs = await runOnnxruntime(derived, feeds);
  for (const name of names) {
    const [a, b] = [ours.get(name)!, theirs.get(name)!];
    if (String(a.dims) !== String(b.dims)) {
      throw new Error(`${name} is [${a.dims}], onnxruntime gives [${b.dims}]`);
    }
    const scale = a.data.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
    const far = a.data.findIndex((v, i) => !(Math.abs(v - b.data[i]) <= 1e-5 * scale));
    if (far >= 0) {
      throw new Error(`${name}[${far}] is ${a.data[far]}, onnxruntime gives ${b.data[far]}`);
    }
  }
}
