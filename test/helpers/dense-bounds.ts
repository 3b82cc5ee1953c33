// Interval bounds from their definition: every operator a dense matrix in float64, loops over its entries.
//
// Nothing of src/bounds is used, nor its rules: the matrix of an affine operator is what the evaluator makes of unit
// vectors.
import type { Graph, Node } from "../../src/onnx/graph.ts";
import { build, type NDArray, size } from "./evaluate/array.ts";
import { evaluateGraph } from "./evaluate/evaluate.ts";

export interface Ends {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** y = sum of matrix x over the values it is made of + offset; a matrix is row-major [y, x]. */
export interface Form {
  readonly parts: ReadonlyMap<string, Float64Array>;
  readonly offset: Float64Array;
}

export interface Dense {
  readonly ends: ReadonlyMap<string, Ends>;
  /** Of each value in those that no affine operator makes: the image, and what activations make. */
  readonly forms: ReadonlyMap<string, Form>;
  readonly dims: ReadonlyMap<string, readonly number[]>;
  /** What curved operators are made of. */
  readonly curved: ReadonlyMap<string, Node>;
}

/** Where the curve of each operator turns or bends, its ends apart; it rises or falls between. */
const curvedOperators: ReadonlyMap<string, readonly number[]> = new Map([
  ["Relu", [0]],
  ["LeakyRelu", [0]],
  ["PRelu", [0]],
  ["Clip", []],
  ["HardSigmoid", []],
  ["HardSwish", [-3, -1.5, 3]],
  ["Sigmoid", []],
  ["Tanh", []],
  ["MaxPool", []],
]);

/** What one node makes of values, the constants of the graph at hand. */
function run(graph: Graph, node: Node, values: ReadonlyMap<string, NDArray>): NDArray[] {
  const feeds = new Map([...values].filter(([name]) => node.inputs.includes(name)));
  const inputs = [...feeds].map(([name, { dims }]) => ({ name, type: "float32" as const, dims }));
  const alone = { ...graph, inputs, nodes: [node] };
  return [...evaluateGraph(alone, feeds, node.outputs).values()];
}

/** The bounds of every value of a graph for one image, [1, ...]. */
export function denseBounds(graph: Graph, image: Ends): Dense {
  const [{ name: input, dims: inputDims }] = graph.inputs;
  const shape = [1, ...(inputDims.slice(1) as number[])];
  const ends = new Map<string, Ends>([[input, image]]);
  const forms = new Map<string, Form>([[input, unit(input, image.lower.length)]]);
  const dims = new Map<string, readonly number[]>([[input, shape]]);
  const curved = new Map<string, Node>();
  const fixed = { ...graph, initializers: new Map(graph.initializers) };
  for (const node of graph.nodes) {
    const of = node.inputs.filter((name) => ends.has(name));
    const zeros = new Map(of.map((name) => [name, build(dims.get(name)!, false, () => 0)]));
    const offsets = run(fixed, node, zeros);
    for (const [k, name] of node.outputs.entries()) {
      const { dims: made, data: offset } = offsets[k];
      if (of.length === 0) {
        const values = Float32Array.from(offset);
        fixed.initializers.set(name, { type: "float32", dims: made, values });
        continue;
      }
      dims.set(name, made);
      const bends = curvedOperators.get(node.op);
      if (bends !== undefined) {
        ends.set(name, curvedEnds(fixed, node, dims.get(of[0])!, ends.get(of[0])!, bends));
        forms.set(name, unit(name, offset.length));
        curved.set(name, node);
        continue;
      }
      const matrices = new Map(
        of.map((from) => [from, matrixOf(fixed, node, { from, k, zeros, offset })]),
      );
      ends.set(name, affineEnds(matrices, offset, ends));
      forms.set(name, composed(matrices, offset, forms));
    }
  }
  return { ends, forms, dims, curved };
}

function unit(name: string, n: number): Form {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return { parts: new Map([[name, matrix]]), offset: new Float64Array(n) };
}

/** What the node makes of each unit vector in one input, without what it makes of 0. */
function matrixOf(
  graph: Graph,
  node: Node,
  call: {
    readonly from: string;
    readonly k: number;
    readonly zeros: ReadonlyMap<string, NDArray>;
    readonly offset: Float64Array;
  },
): Float64Array {
  const { from, k, zeros, offset } = call;
  const { dims } = zeros.get(from)!;
  const n = size(dims);
  const matrix = new Float64Array(offset.length * n);
  for (let j = 0; j < n; j++) {
    const basis = new Map(zeros).set(
      from,
      build(dims, false, (_, flat) => (flat === j ? 1 : 0)),
    );
    const { data } = run(graph, node, basis)[k];
    for (let i = 0; i < data.length; i++) matrix[i * n + j] = data[i] - offset[i];
  }
  return matrix;
}

function affineEnds(
  matrices: ReadonlyMap<string, Float64Array>,
  offset: Float64Array,
  ends: ReadonlyMap<string, Ends>,
): Ends {
  const [lower, upper] = [offset.slice(), offset.slice()];
  for (const [name, matrix] of matrices) {
    const x = ends.get(name)!;
    const n = x.lower.length;
    for (let i = 0; i < offset.length; i++) {
      for (let j = 0; j < n; j++) {
        const w = matrix[i * n + j];
        lower[i] += w * (w > 0 ? x.lower[j] : x.upper[j]);
        upper[i] += w * (w > 0 ? x.upper[j] : x.lower[j]);
      }
    }
  }
  return { lower, upper };
}

/** The extremes of a curve over each interval: at its ends, or where it bends in between. */
function curvedEnds(
  graph: Graph,
  node: Node,
  dims: readonly number[],
  x: Ends,
  bends: readonly number[],
): Ends {
  const at = (value: (i: number) => number): Float64Array => {
    const values = new Map([[node.inputs[0], build(dims, false, (_, i) => value(i))]]);
    return run(graph, node, values)[0].data;
  };
  const inside = bends.map((bend) => at((i) => Math.min(Math.max(bend, x.lower[i]), x.upper[i])));
  const all = [at((i) => x.lower[i]), at((i) => x.upper[i]), ...inside];
  return {
    lower: all[0].map((_, i) => Math.min(...all.map((values) => values[i]))),
    upper: all[0].map((_, i) => Math.max(...all.map((values) => values[i]))),
  };
}

function composed(
  matrices: ReadonlyMap<string, Float64Array>,
  own: Float64Array,
  forms: ReadonlyMap<string, Form>,
): Form {
  const offset = own.slice();
  const parts = new Map<string, Float64Array>();
  for (const [name, matrix] of matrices) {
    const form = forms.get(name)!;
    for (const [i, v] of product(matrix, form.offset, 1).entries()) offset[i] += v;
    for (const [base, inner] of form.parts) {
      const sum = product(matrix, inner, (inner.length / form.offset.length) | 0);
      const known = parts.get(base);
      parts.set(base, known === undefined ? sum : sum.map((v, i) => v + known[i]));
    }
  }
  return { parts, offset };
}

/** A B of row-major matrices, B with so many columns. */
export function product(a: Float64Array, b: Float64Array, columns: number): Float64Array {
  const inner = b.length / columns;
  const rows = a.length / inner;
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const v = a[i * inner + k];
      if (v !== 0) for (let j = 0; j < columns; j++) c[i * columns + j] += v * b[k * columns + j];
    }
  }
  return c;
}

/** Upper bounds of f_l - f_y, by the intervals of what the last affine operators are made of. */
export function denseDifferences({ forms, ends }: Dense, logits: string, y: number): Float64Array {
  const { parts, offset } = forms.get(logits)!;
  return offset.map((d, l) => {
    let bound = d - offset[y];
    for (const [base, matrix] of parts) {
      const x = ends.get(base)!;
      const n = x.lower.length;
      for (let j = 0; j < n; j++) {
        const w = matrix[l * n + j] - matrix[y * n + j];
        bound += w * (w > 0 ? x.upper[j] : x.lower[j]);
      }
    }
    return bound;
  });
}

/** The slopes of the two lines at a kink at 0, below which the slope is s, and the offset of the upper line. */
function linesOf(s: number, l: number, u: number): readonly [low: number, up: number, at: number] {
  if (l >= 0) return [1, 1, 0];
  if (u <= 0) return [s, s, 0];
  const chord = (u - s * l) / (u - l);
  return [u > -l ? 1 : s, chord, u - chord * u];
}

/** The lines of an entry of a curve: in which entry of what it is given, their slopes, the offset of the upper one. */
interface Lines {
  readonly of: number;
  readonly low: number;
  readonly up: number;
  readonly at: number;
}

function kinkLines(s: number, { lower, upper }: Ends): Lines[] {
  return [...lower.keys()].map((j) => {
    const [low, up, at] = linesOf(s, lower[j], upper[j]);
    return { of: j, low, up, at };
  });
}

/**
 * Of the entries in a window the one whose lower end is the largest, x; the maximum lies above it, and below the chord
 * of max(x, m), where m is the most that the others can be.
 */
function windowLines({ graph, dims }: Windowed, node: Node, { lower, upper }: Ends): Lines[] {
  const [x] = node.inputs;
  // Whatever the window's geometry: it holds the entries that are its maximum where all others are 0.
  const holds = [...lower.keys()].map((j) => {
    const one = build(dims.get(x)!, false, (_, i) => (i === j ? 1 : 0));
    return run(graph, node, new Map([[x, one]]))[0].data;
  });
  return [...holds[0].keys()].map((i) => {
    const inside = [...lower.keys()].filter((j) => holds[j][i] === 1);
    const of = inside.reduce((best, j) => (lower[j] > lower[best] ? j : best));
    const others = inside.filter((j) => j !== of).map((j) => upper[j]);
    const [m, l, u] = [Math.max(Number.NEGATIVE_INFINITY, ...others), lower[of], upper[of]];
    if (m <= l) return { of, low: 1, up: 1, at: 0 };
    if (m >= u) return { of, low: 1, up: 0, at: m };
    const up = (u - m) / (u - l);
    return { of, low: 1, up, at: m - up * l };
  });
}

type Windowed = Pick<Dense, "dims"> & { readonly graph: Graph };

/**
 * Upper bounds of f_l - f_y by lines from the logits back to the image (Zhang et al. 2018, theorem 3.2), for networks
 * of Relu, LeakyRelu and MaxPool; at any other curve they end in its interval.
 */
export function denseLinear(dense: Dense, graph: Graph, y: number): Float64Array {
  const { forms, ends, curved, dims } = dense;
  const lines = new Map(
    [...curved].map(([name, node]) => {
      const x = ends.get(node.inputs[0])!;
      const s = slopeBelow(node);
      if (node.op === "MaxPool") return [name, windowLines({ graph, dims }, node, x)] as const;
      return [name, s === undefined ? undefined : kinkLines(s, x)] as const;
    }),
  );
  const logits = forms.get(graph.outputs[0].name)!;
  return logits.offset.map((d, l) => {
    let bound = d - logits.offset[y];
    const rows = new Map<string, Float64Array>();
    const add = (base: string, matrix: Float64Array, weights: Float64Array): void => {
      const n = matrix.length / weights.length;
      const row = product(weights, matrix, n);
      const known = rows.get(base);
      rows.set(base, known === undefined ? row : row.map((v, j) => v + known[j]));
    };
    const difference = logits.offset.map((_, k) => Number(k === l) - Number(k === y));
    for (const [base, matrix] of logits.parts) add(base, matrix, difference);
    for (const [base, node] of [...curved].toReversed()) {
      const row = rows.get(base);
      const own = lines.get(base);
      if (row === undefined || own === undefined) continue;
      const inner = forms.get(node.inputs[0])!;
      const passed = new Float64Array(inner.offset.length);
      for (const [i, { of, low, up, at }] of own.entries()) {
        if (row[i] > 0) bound += row[i] * at;
        passed[of] += row[i] * (row[i] > 0 ? up : low);
      }
      bound += passed.reduce((sum, a, j) => sum + a * inner.offset[j], 0);
      for (const [from, matrix] of inner.parts) add(from, matrix, passed);
      rows.delete(base);
    }
    for (const [base, row] of rows) {
      const x = ends.get(base)!;
      for (const [j, a] of row.entries()) bound += a * (a > 0 ? x.upper[j] : x.lower[j]);
    }
    return bound;
  });
}

function slopeBelow({ op, attributes }: Node): number | undefined {
  if (op === "Relu") return 0;
  const alpha = attributes.get("alpha");
  return op === "LeakyRelu" ? (alpha?.kind === "float" ? alpha.value : 0.01) : undefined;
}
