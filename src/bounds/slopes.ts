// Optimised slopes (alpha-CROWN; Xu et al., arXiv 2011.13824): any slope of a Relu's lower line gives a sound bound, so
// a few steps along the bound's gradient find better ones.
//
// Each pair of a box and a sum of logits has slopes of its own and is a row of one graph, packed: the box, the ends of
// what each activation is given, the weights of the sum, and the slopes.
import { type Builder, createBuilder, reshape } from "../autodiff/builder.ts";
import { gradientProgram } from "../autodiff/programs.ts";
import { COVECTOR } from "../autodiff/seeds.ts";
import type { Network } from "../engine/network.ts";
import { measuredShapes } from "../engine/open.ts";
import { Session } from "../engine/session.ts";
import { int } from "../onnx/attributes.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import { withTheta } from "../onnx/theta.ts";
import { upperBound } from "./backward.ts";
import type { Ends } from "./box.ts";
import type { WeightedLabels } from "./crown.ts";
import { between, type Interval } from "./interval.ts";
import { intervals } from "./intervals.ts";
import { type Stage, sizeOf } from "./stages.ts";

/** A box and a weighted sum of logits: whether it stays below a number in the box. */
export interface Pair {
  readonly box: Ends;
  /** Of what each activation is given. */
  readonly ends: readonly Ends[];
  /** Labels and their weights, which are float32. */
  readonly row: WeightedLabels;
  /** Default 0. */
  readonly below?: number | undefined;
}

export interface SlopeSearch {
  /** The least upper bound that was found of each pair; one that stays below its number is left there. */
  optimise(pairs: readonly Pair[]): Promise<Float32Array>;
  release(): Promise<void>;
}

const PAIRS = "temper/pairs";

/** Steps along the gradient, the length of the first as a share of the range of slopes, and what is left of it each. */
const STEPS = 20;
const FIRST_STEP = 0.3;
const SHORTER = 0.9;

/** Pairs of a run. */
const PAIRS_AT_ONCE = 16;

export async function openSlopeSearch(
  network: Network,
  stages: readonly Stage[],
): Promise<SlopeSearch> {
  const sizes = stages.map(sizeOf);
  const { graph, slopes } = pairsGraph(network, stages);
  const width = graph.inputs[0].dims[1] as number;
  const program = gradientProgram(graph, {
    shapes: await measuredShapes(graph, [width]),
    seed: "weights",
    wrt: slopes,
  });
  const { device } = network.options;
  const whole = withTheta(program.graph, network.parameters, network.theta0);
  const session = await Session.create(whole, { device });
  const total = sizes.reduce((a, c) => a + c, 0);

  const descend = async (pairs: readonly Pair[]): Promise<Float32Array> => {
    const least = new Float32Array(pairs.length).fill(Number.POSITIVE_INFINITY);
    const rows = pairs.map((pair) => packed(pair, network.labels, total));
    let step = FIRST_STEP;
    for (let k = 0; k <= STEPS; k++, step *= SHORTER) {
      const open = [...pairs.keys()].filter((p) => !(least[p] < (pairs[p].below ?? 0)));
      if (open.length === 0) break;
      const data = new Float32Array(open.length * width);
      for (const [i, p] of open.entries()) data.set(rows[p], i * width);
      const covector = new Float32Array(open.length).fill(1);
      const outputs = await session.run({
        [PAIRS]: { dims: [open.length, width], data },
        [COVECTOR]: { dims: [open.length, 1], data: covector },
      });
      const bounds = outputs.get(program.logits)!.data;
      for (const [i, p] of open.entries()) least[p] = Math.min(least[p], bounds[i]);
      for (const [s, name] of slopes.entries()) {
        const gradient = program.gradients.get(name);
        if (gradient === undefined) continue;
        const from = width - total + sizes.slice(0, s).reduce((a, c) => a + c, 0);
        stepSlopes(
          open.map((p) => rows[p].subarray(from, from + sizes[s])),
          outputs.get(gradient)!.data,
          step,
        );
      }
    }
    return least;
  };

  return {
    optimise: async (pairs) => {
      const least = new Float32Array(pairs.length);
      for (let from = 0; from < pairs.length; from += PAIRS_AT_ONCE) {
        least.set(await descend(pairs.slice(from, from + PAIRS_AT_ONCE)), from);
      }
      return least;
    },
    release: () => session.release(),
  };
}

/** Moves every slope by `step` against the sign of its gradient, and keeps it in [0, 1]. */
function stepSlopes(rows: readonly Float32Array[], gradient: Float32Array, step: number): void {
  for (const [i, row] of rows.entries()) {
    const own = gradient.subarray(i * row.length, (i + 1) * row.length);
    for (let j = 0; j < row.length; j++) {
      row[j] = Math.min(1, Math.max(0, row[j] - step * Math.sign(own[j])));
    }
  }
}

/** A pair as a row; slopes begin where CROWN has them. */
function packed({ box, ends, row: sum }: Pair, labels: number, total: number): Float32Array {
  const weights = new Float32Array(labels);
  for (const [label, weight] of sum) weights[label] += weight;
  const slopes = new Float32Array(total);
  let at = 0;
  for (const { lower, upper } of ends) {
    for (const [j, l] of lower.entries()) slopes[at++] = upper[j] > -l ? 1 : 0;
  }
  const parts = [box.lower, box.upper, ...ends.flatMap((e) => [e.lower, e.upper]), weights, slopes];
  const row = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let from = 0;
  for (const part of parts) {
    row.set(part, from);
    from += part.length;
  }
  return row;
}

/** The graph of the bounds of pairs, [n, 1], and the names of the slopes of each stage in it. */
function pairsGraph(
  { graph, shapes, inputShape, labels }: Network,
  stages: readonly Stage[],
): { readonly graph: Graph; readonly slopes: readonly string[] } {
  const b: Builder = createBuilder(graph, shapes, "temper/bounds/");
  const boxes = [{ value: graph.inputs[0].name, dims: inputShape }, ...stages];
  const dims = [
    ...boxes.flatMap((one) => [one.dims, one.dims]),
    [labels],
    ...stages.map((s) => s.dims),
  ];
  const sizes = dims.map((each) => elementCount(each));
  const split = b.ops("Split", [PAIRS, b.ints(sizes)], sizes.length, { axis: int(1) });
  const parts = split.map((name, i) => reshape(b, name, [-1, ...dims[i]]));
  const known = new Map(
    boxes.map(({ value }, i): [string, Interval] => [
      value,
      between(b, parts[2 * i], parts[2 * i + 1]),
    ]),
  );
  const rows = parts[2 * boxes.length];
  const slopes = parts.slice(2 * boxes.length + 1);
  const bound = upperBound({
    ...{ graph, b, rows, widen: true, through: true, of: graph.outputs[0].name },
    bounds: intervals(graph, b, known, true),
    slopes: new Map(stages.map(({ value }, s) => [value, slopes[s]])),
  });
  const width = sizes.reduce((a, c) => a + c, 0);
  return {
    slopes,
    graph: {
      ...graph,
      inputs: [{ name: PAIRS, type: "float32", dims: ["batch", width] }],
      outputs: [{ name: bound, type: "float32", dims: ["batch", 1] }],
      initializers: new Map([...graph.initializers, ...b.initializers]),
      nodes: b.nodes,
    },
  };
}
