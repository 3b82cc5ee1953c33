// The parts of a network that it makes sense to correct alone: everything from one of its blocks to the end.
//
// Blocks are what exporters call by one name (`layer4.0.conv1.weight` lies in `layer4`, or in `layer4.0`), taken where
// that gives a handful; else each layer is one. A part is named by the pattern that selects it.
import type { Graph } from "../onnx/graph.ts";
import { copied, lastLayer, linear } from "./selection.ts";

/** Tensors that may move together, and what selects them; the pattern is undefined for all. */
export interface Part {
  readonly pattern: string | undefined;
  readonly names: ReadonlySet<string>;
}

/** Parts that are told at most, `last` and all of them apart. */
const MOST = 6;
/** Fewer blocks than this leave too little to choose from where their names can be read further. */
const FEWEST = 4;

/** One layer: the tensors that first serve in it, and what it is called, outermost name first. */
interface Layer {
  readonly tensors: string[];
  readonly path: readonly string[];
}

/** The names around a tensor or a node, without its own. */
const pathOf = (name: string, separator: string): string[] =>
  name.split(separator).filter(Boolean).slice(0, -1);

/** The layers that have a tensor of `names`, in the order in which the image meets them. */
function layersOf({ nodes }: Graph, names: ReadonlySet<string>): Layer[] {
  const layers: Layer[] = [];
  const seen = new Set<string>();
  for (const node of nodes) {
    const own = node.inputs
      .flatMap((name) => copied(name, nodes).at(-1)!)
      .filter((name) => names.has(name) && !seen.has(name));
    for (const name of own) seen.add(name);
    const last = layers.at(-1);
    // What scales or shifts a layer's output belongs to the layer.
    if (last !== undefined && !linear.has(node.op)) last.tensors.push(...own);
    else if (own.length > 0) {
      const path = pathOf(own[0], ".");
      layers.push({ tensors: own, path: path.length > 0 ? path : pathOf(node.name, "/") });
    }
  }
  return layers;
}

/** Joins neighbours whose first `depth` names are the same. */
function joined(layers: readonly Layer[], depth: number): string[][] {
  const keyOf = ({ path }: Layer): string => path.slice(0, depth).join("/");
  const blocks: { key: string; tensors: string[] }[] = [];
  for (const layer of layers) {
    const key = keyOf(layer);
    const before = blocks.at(-1);
    if (before !== undefined && key !== "" && before.key === key) {
      before.tensors.push(...layer.tensors);
    } else blocks.push({ key, tensors: [...layer.tensors] });
  }
  return blocks.map(({ tensors }) => tensors);
}

/** The coarsest blocks that leave a choice. */
function blocksOf(layers: readonly Layer[]): string[][] {
  const deepest = Math.max(...layers.map(({ path }) => path.length), 1);
  for (let depth = 1; depth < deepest; depth++) {
    const blocks = joined(layers, depth);
    if (blocks.length >= FEWEST) return blocks;
  }
  return joined(layers, deepest);
}

/** Leaves out the parts that differ least from the next larger one, until few enough are left. */
function thinned(parts: Set<string>[], sizeOf: (names: ReadonlySet<string>) => number): void {
  while (parts.length > MOST) {
    const growth = parts.map((part, i) =>
      i + 1 < parts.length ? sizeOf(parts[i + 1]) / sizeOf(part) : Number.POSITIVE_INFINITY,
    );
    parts.splice(growth.indexOf(Math.min(...growth)), 1);
  }
}

/**
 * Lists the parts of theta from the last layer to all of it, each with those before it.
 *
 * @param sizes of theta's tensors, by name
 */
export function partsToEnd(graph: Graph, sizes: ReadonlyMap<string, number>): Part[] {
  const all = new Set(sizes.keys());
  const sizeOf = (names: ReadonlySet<string>): number =>
    [...names].reduce((sum, name) => sum + sizes.get(name)!, 0);
  const last = new Set([...lastLayer(graph.nodes, all)].filter((name) => all.has(name)));
  const suffixes: Set<string>[] = [];
  for (const block of blocksOf(layersOf(graph, all)).toReversed()) {
    suffixes.push(new Set([...block, ...(suffixes.at(-1) ?? [])]));
  }
  const between = suffixes.filter(({ size }) => size > last.size && size < all.size);
  thinned(between, sizeOf);
  const parts: Part[] = between.map((names) => ({ pattern: patternFor(names, all), names }));
  const whole: Part = { pattern: undefined, names: all };
  const ends = last.size > 0 && last.size < all.size;
  return [...(ends ? [{ pattern: "last", names: last }] : []), ...parts, whole];
}

/**
 * The pattern of `selectTrainable` that selects `wanted` among `all`: beginnings and `*`, up to a separator where that
 * is enough, or whole names.
 */
export function patternFor(wanted: ReadonlySet<string>, all: ReadonlySet<string>): string {
  const others = [...all].filter((name) => !wanted.has(name));
  const patterns: string[] = [];
  for (const name of wanted) {
    if (patterns.some((p) => p.endsWith("*") && plain(name).startsWith(p.slice(0, -1)))) continue;
    const separators = [...name.matchAll(/[./:_]+/g)];
    const ends = separators.flatMap(({ index, 0: { length } }) => [index, index + length]);
    const from = ends.at(-1) ?? 0;
    const letters = Array.from({ length: name.length - from }, (_, i) => from + i);
    const beginning = [...ends, ...letters]
      .map((end) => name.slice(0, end))
      .find((start) => start !== "" && !others.some((other) => other.startsWith(start)));
    patterns.push(beginning === undefined ? plain(name) : `${plain(beginning)}*`);
  }
  return patterns.join(",");
}

/** A name without the letters that mean something in a pattern: one letter stands in for each. */
const plain = (name: string): string => name.replace(/[*,]/g, "?");
