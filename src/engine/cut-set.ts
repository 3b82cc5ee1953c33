// The engine's cuts: gradients of logit sums, dense layers as outer-product factors, the rest as plain rows.
//
// The gradient of f_l - f_y at one image in a dense weight is delta a' (method.md, "Structure worth
// knowing"), so for two rows <grad_r, grad_s> = sum over dense layers (delta_r . delta_s)(a_r . a_s) + the
// dot product of what is left (convolutions, biases). a depends on image and anchor only: the rows of
// one image at one anchor, a *site*, share it. Rows over several images and given rows are stored whole.
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { imageSize } from "../data/dataset.ts";
import { throwIfAborted } from "../errors.ts";
import { addScaled, dot, dotFloat32, dotMixed } from "../tensor/vector.ts";
import { thetaGradientOfAll } from "./batches.ts";
import { addOuter, type DenseLayer, timesActivations } from "./dense-factors.ts";
import type { Network } from "./network.ts";
import { type Programs, programOf } from "./programs.ts";

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
      layers.push({ offset, inputs, outputs, ...pair });
    } else if (gradient !== undefined) {
      plains.push({ offset, size, at: width, gradient });
      width += size;
    }
  }
  return { layers, plains, width };
}

/** What the set needs of the engine: the images of the points and the programs at a theta. */
export interface CutSource {
  readonly network: Network;
  /** All points that there are by now, row-major [n, ...inputShape]. */
  readonly points: () => Float32Array;
  programsAt(theta: Float32Array): Promise<Programs>;
  readonly signal?: AbortSignal | undefined;
}

/** An empty, growing set of cuts. */
export function createCutSet({ network, points, programsAt, signal }: CutSource): CutSet {
  const { layers, plains, width } = layoutOf(network);
  const { labels } = network;
  const p = network.theta0.length;
  const size = imageSize(network.inputShape);
  const rows: Row[] = [];
  const sites: Site[] = [];

  const image = (point: number): Float32Array =>
    points().subarray(point * size, (point + 1) * size);

  /** The entries of a vector over theta that the plain rows hold, in their order. */
  const plainPart = (v: Float64Array): Float64Array => {
    const part = new Float64Array(width);
    for (const t of plains) part.set(v.subarray(t.offset, t.offset + t.size), t.at);
    return part;
  };

  const times: CutSet["times"] = (v) => {
    const plain = plainPart(v);
    /** W a, by layer, of the sites met so far: rows of one site share it. */
    const images = new Map<number, readonly Float64Array[]>();
    const see = (chosen: Int32Array): void => {
      const unseen = new Set<number>();
      for (const r of chosen) {
        const row = rows[r];
        if (!isWhole(row) && !images.has(row.site)) unseen.add(row.site);
      }
      const fresh = [...unseen];
      const byLayer = layers.map((layer, t) =>
        timesActivations(
          layer,
          v,
          fresh.map((site) => sites[site][t]),
        ),
      );
      for (const [k, site] of fresh.entries()) {
        images.set(
          site,
          byLayer.map((values) => values[k]),
        );
      }
    };
    return (chosen) => {
      see(chosen);
      return Float64Array.from(chosen, (r) => {
        const row = rows[r];
        if (isWhole(row)) return dot(row, v);
        const image = images.get(row.site)!;
        return row.deltas.reduce(
          (sum, delta, t) => sum + dotMixed(delta, image[t]),
          dotMixed(row.plain, plain),
        );
      });
    };
  };

  /** A a_s for each whole row s that was asked for; what is shared by the rows of a site is kept. */
  const timesWhole = new Map<number, ReturnType<CutSet["times"]>>();
  const wholeColumn = (wanted: Int32Array, s: number): Float64Array => {
    const known = timesWhole.get(s) ?? times(rows[s] as Float64Array);
    timesWhole.set(s, known);
    return known(wanted);
  };

  /** One column of the Gram matrix for a factored row s. */
  const factoredColumn = (wanted: Int32Array, s: number): Float64Array => {
    const column = rows[s] as FactoredRow;
    const seen = new Map<number, readonly number[]>();
    return Float64Array.from(wanted, (r) => {
      const row = rows[r];
      // The same call as makes the entry (s, r), so that the matrix is symmetric to the bit.
      if (isWhole(row)) return wholeColumn(Int32Array.of(s), r)[0];
      const known = seen.get(row.site);
      const overlaps = known ?? sites[row.site].map((a, t) => dotFloat32(a, sites[column.site][t]));
      if (known === undefined) seen.set(row.site, overlaps);
      return row.deltas.reduce(
        (sum, delta, t) => sum + dotFloat32(delta, column.deltas[t]) * overlaps[t],
        dotFloat32(row.plain, column.plain),
      );
    });
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
    count: () => rows.length,
    addLogitSums: async (theta, sums) => {
      const programs = await programsAt(theta);
      const siteOf = new Map<number, number>();
      const values = new Float64Array(sums.length);
      for (const [r, sum] of sums.entries()) {
        throwIfAborted(signal);
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
        const column = isWhole(row) ? wholeColumn(wanted, s) : factoredColumn(wanted, s);
        for (let r = 0; r < wanted.length; r++) block[r * columns.length + c] = column[r];
      }
      return block;
    },
    times,
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
