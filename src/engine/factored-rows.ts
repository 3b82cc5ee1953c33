// Gradients of logit sums at one image each: dense layers as outer-product factors, the rest as plain entries, but for
// convolutions that are kept in parts (short-cuts.ts), of which nothing is computed here.
//
// A dense layer z = W a has, at one image, the gradient delta a' in W, where delta is the gradient in z. For two rows
// <grad_r, grad_s> is then the sum over dense layers of (delta_r . delta_s)(a_r . a_s), and the dot product of what
// is left (convolutions, biases). a depends on image and anchor only: the rows of one image at one anchor, a
// *site*, share it.
import type { Convolution } from "../autodiff/rule.ts";
import { elementCount } from "../onnx/graph.ts";
import { addScaled, dot, dotFloat32, dotMixed } from "../tensor/vector.ts";
import { addOuter, type DenseLayer, timesActivations } from "./dense-factors.ts";
import { logitSum } from "./loss.ts";
import type { Network } from "./network.ts";
import { type Programs, programOf } from "./programs.ts";
import type { Derivative } from "./runs.ts";

/** The derivative that rows are made of. */
export const inFactors = (convolved: ReadonlySet<string> = new Set()): Derivative => ({
  ...{ of: logitSum, in: "theta in factors" },
  ...(convolved.size > 0 && { convolved }),
});

/** A tensor kept as plain entries, at `at` in the plain row. */
interface PlainTensor {
  readonly offset: number;
  readonly size: number;
  readonly at: number;
  readonly gradient: string;
}

/** A convolution's weight in theta and where its parts are found. */
export interface ConvLayer {
  readonly offset: number;
  readonly image: string;
  readonly delta: string;
  readonly convolution: Convolution;
}

/** One image at one anchor: the activations that enter each dense layer. */
type Site = readonly Float32Array[];

interface Row {
  readonly site: number;
  readonly deltas: readonly Float32Array[];
  readonly plain: Float32Array;
  /** The gradient in the output of each convolution that is kept in parts. */
  readonly shorts: readonly Float32Array[];
  readonly forgotten?: true;
}

/** The rows, and how theta's tensors are laid out in them. */
export interface FactoredRows {
  readonly layers: readonly DenseLayer[];
  readonly plains: readonly PlainTensor[];
  /** The convolutions that are kept in parts. */
  readonly convs: readonly ConvLayer[];
  readonly derivative: Derivative;
  /** Entries of a plain row. */
  readonly width: number;
  readonly rows: Row[];
  readonly sites: Site[];
  /** The images that enter the convolutions of `convs`, by site. */
  readonly images: (readonly Float32Array[])[];
}

/**
 * A store without rows, for gradients in theta of one network.
 *
 * @param convolved the convolutions' weights to keep in parts
 * @throws TemperError `model-unsupported` as `programOf`
 */
export function createFactoredRows(
  network: Network,
  convolved?: ReadonlySet<string>,
): FactoredRows {
  const derivative = inFactors(convolved);
  const program = programOf(network, derivative);
  const convs: ConvLayer[] = [];
  const layers: DenseLayer[] = [];
  const plains: PlainTensor[] = [];
  let width = 0;
  for (const { name, shape, offset, size } of network.parameters) {
    const pair = program.factors.get(name);
    const gradient = program.gradients.get(name);
    const conv = program.convolved.get(name);
    if (conv !== undefined) convs.push({ offset, ...conv });
    if (pair !== undefined) {
      const [outputs, inputs] = pair.deltaFirst ? shape : shape.toReversed();
      layers.push({ offset, inputs, outputs, ...pair });
    } else if (gradient !== undefined) {
      plains.push({ offset, size, at: width, gradient });
      width += size;
    }
  }
  return { layers, plains, convs, derivative, width, rows: [], sites: [], images: [] };
}

/**
 * Appends the gradient at one image of the sum of its logits, weighted by `covector` [labels], and returns the
 * sum's value. A batch of one gives the gradient per sample, and its factors.
 *
 * @param site the place of the image at this anchor, where it has one already; else one is made
 */
export async function addGradient(
  { layers, plains, convs, derivative, width, rows, sites, images }: FactoredRows,
  programs: Programs,
  {
    x,
    covector,
    site = sites.length,
  }: {
    readonly x: Float32Array;
    readonly covector: Float32Array;
    readonly site: number | undefined;
  },
): Promise<{ readonly value: number; readonly site: number }> {
  const { program, outputs } = await programs.gradient(derivative, x, covector, 1);
  const copy = (name: string): Float32Array => outputs.get(name)!.data.slice();
  if (site === sites.length) {
    sites.push(layers.map(({ activation }) => copy(activation)));
    images.push(convs.map(({ image }) => copy(image)));
  }
  const plain = new Float32Array(width);
  for (const t of plains) plain.set(outputs.get(t.gradient)!.data, t.at);
  const shorts = convs.map(({ delta }) => copy(delta));
  rows.push({ site, deltas: layers.map(({ delta }) => copy(delta)), plain, shorts });
  return { value: dot(outputs.get(program.logits)!.data, covector), site };
}

/** Products of rows with a vector over theta; what the rows of a site share is made once and kept. */
export function timesVector(
  { layers, plains, width, rows, sites }: FactoredRows,
  v: Float64Array,
): (chosen: readonly number[]) => Float64Array {
  const plain = new Float64Array(width);
  for (const t of plains) plain.set(v.subarray(t.offset, t.offset + t.size), t.at);
  /** W a of each layer, by site. */
  const products = new Map<number, readonly Float64Array[]>();
  const meet = (chosen: readonly number[]): void => {
    const fresh = [...new Set(chosen.map((r) => rows[r].site))].filter((s) => !products.has(s));
    const byLayer = layers.map((layer, t) => {
      const activations = fresh.map((site) => sites[site][t]);
      return timesActivations(layer, v, activations);
    });
    for (const [k, site] of fresh.entries()) {
      const own = byLayer.map((values) => values[k]);
      products.set(site, own);
    }
  };
  return (chosen) => {
    meet(chosen);
    return Float64Array.from(chosen, (r) => {
      const row = rows[r];
      const product = products.get(row.site)!;
      return row.deltas.reduce(
        (sum, delta, t) => sum + dotMixed(delta, product[t]),
        dotMixed(row.plain, plain),
      );
    });
  };
}

/** Products of the chosen rows with row s: a column of the Gram matrix. */
export function timesRow(
  { rows, sites }: FactoredRows,
  s: number,
  chosen: readonly number[],
): Float64Array {
  const column = rows[s];
  /** a_r . a_s of each layer, by site. */
  const overlaps = new Map<number, readonly number[]>();
  return Float64Array.from(chosen, (r) => {
    const row = rows[r];
    const known = overlaps.get(row.site);
    const overlap = known ?? sites[row.site].map((a, t) => dotFloat32(a, sites[column.site][t]));
    if (known === undefined) overlaps.set(row.site, overlap);
    return row.deltas.reduce(
      (sum, delta, t) => sum + dotFloat32(delta, column.deltas[t]) * overlap[t],
      dotFloat32(row.plain, column.plain),
    );
  });
}

/** A weighted sum of rows that grows in `total` [p]. `end` adds what is left: the plain entries, summed apart. */
export function sumInto(
  { layers, plains, width, rows, sites }: FactoredRows,
  total: Float64Array,
): { add(weight: number, r: number): void; end(): void } {
  const plain = new Float64Array(width);
  return {
    add: (weight, r) => {
      const row = rows[r];
      addScaled(plain, weight, row.plain);
      for (const [t, layer] of layers.entries()) {
        addOuter(layer, total, weight, row.deltas[t], sites[row.site][t]);
      }
    },
    end: () => {
      for (const t of plains) addScaled(total, 1, plain, t.size, t.offset, t.at);
    },
  };
}

/** Lets go of what a row holds, and of what its site does with the last of its rows; nothing may be asked of it. */
export function forget({ rows, sites, images }: FactoredRows, r: number): void {
  const { site } = rows[r];
  rows[r] = { site, deltas: [], plain: new Float32Array(0), shorts: [], forgotten: true };
  if (rows.some((row) => row.site === site && row.forgotten !== true)) return;
  sites[site] = [];
  images[site] = [];
}

/** Bytes that the rows hold. */
export function bytesOf({ rows, sites, images }: FactoredRows): number {
  const arrays = [
    ...rows.flatMap(({ plain, deltas, shorts }) => [plain, ...deltas, ...shorts]),
    ...[...sites, ...images].flat(),
  ];
  return arrays.reduce((total, { byteLength }) => total + byteLength, 0);
}

/** Bytes that so many more rows hold, which are made at so many images: of a dense layer that is used once. */
export const bytesOfMore = (
  { layers, convs, width }: FactoredRows,
  { rows, sites }: { readonly rows: number; readonly sites: number },
): number => {
  const sum = (sizes: readonly number[]): number => sizes.reduce((total, size) => total + size, 0);
  const outputs = sum([
    ...layers.map((layer) => layer.outputs),
    ...convs.map(({ convolution }) => sizesOf(convolution).delta),
  ]);
  const inputs = sum([
    ...layers.map((layer) => layer.inputs),
    ...convs.map(({ convolution }) => sizesOf(convolution).image),
  ]);
  return 4 * (rows * (width + outputs) + sites * inputs);
};

/** Numbers that a convolution's weight, its image and the gradient in its output have. */
export function sizesOf({ group, filters, channels, kernel, input, output }: Convolution) {
  return {
    weight: filters * channels * elementCount(kernel),
    image: group * channels * elementCount(input),
    delta: filters * elementCount(output),
  };
}
