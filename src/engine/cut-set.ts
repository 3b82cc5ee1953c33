// The engine's cuts: gradients of logit sums, dense layers as outer-product factors, the rest as plain rows.
//
// The gradient of f_l - f_y at one image in a dense weight is delta a' (method.md, "Structure worth
// knowing"), so for two rows <grad_r, grad_s> = sum over dense layers (delta_r . delta_s)(a_r . a_s) + the
// dot product of what is left (convolutions, biases). a depends on image and anchor only: the rows of
// one image at one anchor, a *site*, share it. Rows over several images and given rows are stored whole.
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { TemperError } from "../errors.ts";
import { rowsFrom } from "../qp/rows.ts";
import { addScaled, dot, dotFloat32 } from "../tensor/vector.ts";
import { thetaGradientOfAll } from "./batches.ts";
import type { Network } from "./network.ts";
import { type Programs, programOf } from "./programs.ts";

/** A dense weight in theta and where its factors are found. */
interface DenseLayer {
  readonly name: string;
  readonly offset: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly deltaFirst: boolean;
  readonly activation: string;
  readonly delta: string;
}

/** A tensor kept as plain entries, at `at` in the plain row. */
interface PlainTensor {
  readonly offset: number;
  readonly size: number;
  readonly at: number;
  readonly gradient: string;
}

/** One image at one anchor: the activations that enter each dense layer. */
type Site = readonly Float32Array[];

interface FactoredRow {
  readonly site: number;
  readonly deltas: readonly Float32Array[];
  readonly plain: Float32Array;
}

type Row = FactoredRow | Float64Array;

const isWhole = (row: Row): row is Float64Array => row instanceof Float64Array;

function layoutOf(network: Network): {
  layers: DenseLayer[];
  plains: PlainTensor[];
  width: number;
} {
  const program = programOf(network, "cuts");
  const layers: DenseLayer[] = [];
  const plains: PlainTensor[] = [];
  let width = 0;
  for (const { name, shape, offset, size } of network.parameters) {
    const pair = program.factors.get(name);
    const gradient = program.gradients.get(name);
    if (pair !== undefined) {
      const [outputs, inputs] = pair.deltaFirst ? shape : shape.toReversed();
      layers.push({ name, offset, inputs, outputs, ...pair });
    } else if (gradient !== undefined) {
      plains.push({ offset, size, at: width, gradient });
      width += size;
    }
  }
  return { layers, plains, width };
}

/** W a for a layer's slice of a vector over theta: [outputs], float64. */
function timesActivation(layer: DenseLayer, v: Float64Array, a: Float32Array): Float64Array {
  const { offset, inputs, outputs, deltaFirst } = layer;
  const product = new Float64Array(outputs);
  if (deltaFirst) {
    for (let o = 0; o < outputs; o++) product[o] = dot(v, a, inputs, offset + o * inputs);
  } else {
    for (let i = 0; i < inputs; i++) addScaled(product, a[i], v, outputs, 0, offset + i * outputs);
  }
  return product;
}

/** v += scale delta a' in a layer's slice of a vector over theta. */
function addOuter(
  layer: DenseLayer,
  v: Float64Array,
  scale: number,
  delta: Float32Array,
  a: Float32Array,
): void {
  const { offset, inputs, outputs, deltaFirst } = layer;
  if (deltaFirst) {
    for (let o = 0; o < outputs; o++)
      addScaled(v, scale * delta[o], a, inputs, offset + o * inputs);
  } else {
    for (let i = 0; i < inputs; i++)
      addScaled(v, scale * a[i], delta, outputs, offset + i * outputs);
  }
}

/** What the set needs of the engine: the images of the points and the programs at a theta. */
export interface CutSource {
  readonly network: Network;
  /** All points, row-major [n, ...inputShape]. */
  readonly points: Float32Array;
  programsAt(theta: Float32Array): Promise<Programs>;
}

/**
 * An empty, growing set of cuts.
 *
 * @throws TemperError `model-unsupported` where theta is empty: a quantised model can be asked, not moved
 */
export function createCutSet({ network, points, programsAt }: CutSource): CutSet {
  if (network.parameters.length === 0) {
    throw new TemperError(
      "model-unsupported",
      "the model has no float32 weights that could be changed\n" +
        '"temper inspect" lists its operators; quantised layers and layers without a gradient have none',
    );
  }
  const { layers, plains, width } = layoutOf(network);
  const { labels } = network;
  const p = network.theta0.length;
  const size = network.inputShape.reduce((a, c) => a * c, 1);
  const rows: Row[] = [];
  const sites: Site[] = [];

  const image = (point: number): Float32Array => points.subarray(point * size, (point + 1) * size);

  /** The entries of a vector over theta that the plain rows hold, in their order. */
  const plainPart = (v: Float64Array): Float64Array => {
    const part = new Float64Array(width);
    for (const t of plains) part.set(v.subarray(t.offset, t.offset + t.size), t.at);
    return part;
  };

  /** Row . v for every row of `wanted`; W a is computed once a site. */
  const productOf = (wanted: Iterable<number>, v: Float64Array): Float64Array => {
    const plain = plainPart(v);
    const seen = new Map<number, readonly Float64Array[]>();
    return Float64Array.from(wanted, (r) => {
      const row = rows[r];
      if (isWhole(row)) return dot(row, v);
      const known = seen.get(row.site);
      const images = known ?? layers.map((l, t) => timesActivation(l, v, sites[row.site][t]));
      if (known === undefined) seen.set(row.site, images);
      return row.deltas.reduce(
        (sum, delta, t) => sum + dot(delta, images[t]),
        dot(row.plain, plain),
      );
    });
  };

  /** One column of the Gram matrix for a factored row s. */
  const factoredColumn = (wanted: Int32Array, s: FactoredRow): Float64Array => {
    const seen = new Map<number, readonly number[]>();
    return Float64Array.from(wanted, (r) => {
      const row = rows[r];
      // The same call as productOf makes for (s, r), so that the matrix is symmetric to the bit.
      if (isWhole(row)) return wholeTimesFactored(row, s);
      const known = seen.get(row.site);
      const overlaps = known ?? sites[row.site].map((a, t) => dotFloat32(a, sites[s.site][t]));
      if (known === undefined) seen.set(row.site, overlaps);
      return row.deltas.reduce(
        (sum, delta, t) => sum + dotFloat32(delta, s.deltas[t]) * overlaps[t],
        dotFloat32(row.plain, s.plain),
      );
    });
  };
  const wholeTimesFactored = (whole: Float64Array, s: FactoredRow): number => {
    const plain = dot(s.plain, plainPart(whole));
    return s.deltas.reduce(
      (sum, delta, t) => sum + dot(delta, timesActivation(layers[t], whole, sites[s.site][t])),
      plain,
    );
  };

  /** One image: a batch of one gives the gradient per sample, and its factors. */
  const addFactored = async (
    programs: Programs,
    sum: LogitSum,
    siteOf: Map<number, number>,
  ): Promise<number> => {
    const point = sum[0].point;
    const covector = new Float32Array(labels);
    for (const { label, weight } of sum) covector[label] += weight;
    const { program, outputs } = await programs.gradient("cuts", image(point), covector, 1);
    const copy = (name: string): Float32Array => outputs.get(name)!.data.slice();
    if (!siteOf.has(point)) {
      siteOf.set(point, sites.length);
      sites.push(layers.map(({ activation }) => copy(activation)));
    }
    const plain = new Float32Array(width);
    for (const t of plains) plain.set(outputs.get(t.gradient)!.data, t.at);
    rows.push({ site: siteOf.get(point)!, deltas: layers.map(({ delta }) => copy(delta)), plain });
    return dot(outputs.get(program.logits)!.data, covector);
  };

  /** Several images: their gradients are summed, so no factors are left. */
  const addWhole = async (programs: Programs, sum: LogitSum): Promise<number> => {
    const images = [...new Set(sum.map(({ point }) => point))];
    const x = new Float32Array(images.length * size);
    for (const [i, point] of images.entries()) x.set(image(point), i * size);
    const covector = new Float32Array(images.length * labels);
    for (const { point, label, weight } of sum) {
      covector[images.indexOf(point) * labels + label] += weight;
    }
    const call = { name: "theta-of-logits", x, covector, n: images.length } as const;
    const { gradient, logits } = await thetaGradientOfAll(network, programs, call);
    rows.push(gradient);
    return dot(logits, covector);
  };

  return {
    get count() {
      return rows.length;
    },
    addLogitSums: async (theta, sums) => {
      const programs = await programsAt(theta);
      const siteOf = new Map<number, number>();
      const values = new Float64Array(sums.length);
      for (const [r, sum] of sums.entries()) {
        const single = sum.every(({ point }) => point === sum[0].point);
        values[r] = single
          ? await addFactored(programs, sum, siteOf)
          : await addWhole(programs, sum);
      }
      return values;
    },
    addRow: (row) => {
      rows.push(row.slice());
    },
    gram: (wanted, columns) => {
      const block = new Float64Array(wanted.length * columns.length);
      for (const [c, s] of columns.entries()) {
        const row = rows[s];
        const column = isWhole(row) ? productOf(wanted, row) : factoredColumn(wanted, row);
        for (let r = 0; r < wanted.length; r++) block[r * columns.length + c] = column[r];
      }
      return block;
    },
    product: (v, chosen = rowsFrom(0, rows.length)) => productOf(chosen, v),
    combine: (lambda) => {
      const total = new Float64Array(p);
      const plain = new Float64Array(width);
      for (const [r, row] of rows.entries()) {
        const scale = lambda[r];
        if (scale === 0) continue;
        if (isWhole(row)) {
          addScaled(total, scale, row);
          continue;
        }
        addScaled(plain, scale, row.plain);
        for (const [t, layer] of layers.entries()) {
          addOuter(layer, total, scale, row.deltas[t], sites[row.site][t]);
        }
      }
      for (const t of plains) addScaled(total, 1, plain, t.size, t.offset, t.at);
      return total;
    },
    bytes: () => {
      const sum = (arrays: readonly { byteLength: number }[]): number =>
        arrays.reduce((total, { byteLength }) => total + byteLength, 0);
      const ofRow = (row: Row): number =>
        isWhole(row) ? row.byteLength : sum([row.plain, ...row.deltas]);
      return rows.reduce((t, row) => t + ofRow(row), 0) + sites.reduce((t, s) => t + sum(s), 0);
    },
  };
}
