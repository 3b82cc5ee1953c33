// The groups of convolutions that are kept in parts (short-cuts.ts), each a convolution by itself.
import { elementCount } from "../onnx/graph.ts";
import type { Columns } from "./column-products.ts";
import { type FactoredRows, inFactors, sizesOf } from "./factored-rows.ts";
import type { Network } from "./network.ts";
import { programOf } from "./programs.ts";
import { shardsOf } from "./shards.ts";

/** One group of a convolution, whose weight, image and gradients lie in one piece each. */
export interface Slice {
  /** Which of the convolutions. */
  readonly layer: number;
  readonly group: number;
  /** Of the group's weights in theta. */
  readonly offset: number;
  readonly size: number;
  /** Filters of one group. */
  readonly filters: number;
  /** Pixels of the output. */
  readonly pixels: number;
}

/** The groups of all convolutions that are kept in parts. */
export const slicesOf = ({ convs }: FactoredRows): Slice[] =>
  convs.flatMap(({ offset, convolution }, layer) => {
    const { group } = convolution;
    const size = sizesOf(convolution).weight / group;
    const filters = convolution.filters / group;
    return Array.from({ length: group }, (_, g) => ({
      ...{ layer, group: g, size, filters, pixels: elementCount(convolution.output) },
      offset: offset + g * size,
    }));
  });

/**
 * Multiplications that Gram entries of a slice take, of `fresh` rows at `own` sites with `all` rows at `sites`: without
 * writing out a gradient, and by gradients that are written out.
 */
export function gramWork(
  { size, filters, pixels }: Pick<Slice, "size" | "filters" | "pixels">,
  rows: Readonly<Record<"fresh" | "all" | "own" | "sites", number>>,
): { readonly bySites: number; readonly written: number } {
  const { fresh, all, own, sites } = rows;
  const inner = size / filters;
  return {
    bySites: sites * pixels ** 2 * (own * inner + fresh * filters) + fresh * all * filters * pixels,
    written: all * size * (fresh + pixels),
  };
}

/** What enters one group of a convolution at a site. */
export function columnsAt(
  { convs, images }: FactoredRows,
  site: number,
  { layer, group }: Slice,
): Columns {
  const { convolution } = convs[layer];
  const image = images[site][layer];
  const size = image.length / convolution.group;
  return { convolution, image: image.subarray(group * size, (group + 1) * size) };
}

/** A row's gradient in the output of one group of a convolution, [filters, pixels]. */
export function deltaOf(
  { rows }: FactoredRows,
  row: number,
  { layer, group, filters, pixels }: Slice,
  from = 0,
  to = filters,
): Float32Array {
  const delta = rows[row].shorts[layer];
  return delta.subarray((group * filters + from) * pixels, (group * filters + to) * pixels);
}

/** Bytes of columns and gradients that are laid out at once. */
const TOGETHER = 16e6;

/** Some sites at a time, as many as are laid out at once: what a weight weighs is then read once for all of them. */
export function* sitesTogether<T>(
  { size, filters, pixels }: Slice,
  sites: readonly T[],
): Generator<readonly T[]> {
  const bytes = 8 * pixels * (size / filters + filters);
  for (const { from, to } of shardsOf(sites.length, Math.max(1, Math.floor(TOGETHER / bytes))))
    yield sites.slice(from, to);
}

/** The positions of rows by the site that they belong to. */
export function bySite({ rows }: FactoredRows, chosen: readonly number[]): Map<number, number[]> {
  const sites = new Map<number, number[]>();
  for (const [k, row] of chosen.entries()) {
    const own = sites.get(rows[row].site) ?? [];
    own.push(k);
    sites.set(rows[row].site, own);
  }
  return sites;
}

/**
 * The convolutions' weights that are shorter in parts: the gradient that comes back and a row's share of the image that
 * enters have fewer numbers than the weight. None where there is nothing to save.
 *
 * @param rows that share an image at an anchor
 */
export function shortConvolutions(network: Network, rows: number): Set<string> {
  const names = new Set(network.parameters.map(({ name }) => name));
  const { convolved } = programOf(network, inFactors(names));
  const isShort = (name: string): boolean => {
    const { weight, image, delta } = sizesOf(convolved.get(name)!.convolution);
    return delta + image / rows < weight;
  };
  return new Set([...convolved.keys()].filter(isShort));
}
