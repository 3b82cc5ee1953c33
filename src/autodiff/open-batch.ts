// Opens the batch of a graph that was made for a fixed number of images, where the images do not mix.
//
// The place of the images in each value is followed from the input to the outputs (open-rules.ts). Whether the
// opened graph is the same function is not believed but measured, by whoever calls this.

import { int } from "../onnx/attributes.ts";
import { type Graph, intTensor, type Node, type Tensor } from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";
import { type Dims, openNode, type Place } from "./open-rules.ts";

export interface Known {
  /** The shape of every value. */
  readonly shapes: ReadonlyMap<string, Dims>;
  /** The numbers of computed inputs that say where to cut, along which axes, and of what size. */
  readonly settings: ReadonlyMap<string, Dims>;
}

// Wrong turns show within a few nodes; a graph that needs more tries than this is run image by image.
const MOST_TRIES = 1000;

/** Remembers which of several places each walk took, so that the next one takes the last free turn otherwise. */
function createTurns() {
  let turns: { taken: number; of: number }[] = [];
  let next = 0;
  return {
    choose: <T>(ways: readonly T[]): T | undefined => {
      if (ways.length < 2) return ways[0];
      if (next === turns.length) turns.push({ taken: 0, of: ways.length });
      return ways[turns[next++].taken];
    },
    /** Turns to the next walk, and tells whether there is one. */
    again: (): boolean => {
      next = 0;
      const last = turns.findLastIndex(({ taken, of }) => taken + 1 < of);
      if (last < 0) return false;
      turns = turns.slice(0, last + 1);
      turns[last].taken++;
      return true;
    },
  };
}

/**
 * Makes the same function of any number of images, or returns the node at which it cannot be opened.
 *
 * @param known what was measured of the graph with `images` images
 * @param images how many images the graph was made for
 * @param added whether the graph takes one image without an axis for images; it gets one in front
 */
export function openBatch(graph: Graph, known: Known, images: number, added = false): Graph | Node {
  const turns = createTurns();
  const first = walk(graph, { ...known, images, added, choose: turns.choose });
  for (let tries = 1; !("nodes" in first) && tries < MOST_TRIES && turns.again(); tries++) {
    const other = walk(graph, { ...known, images, added, choose: turns.choose });
    if ("nodes" in other) return other;
  }
  return first;
}

interface Way extends Known {
  readonly images: number;
  readonly added: boolean;
  choose(places: readonly Place[]): Place | undefined;
}

function walk(graph: Graph, { shapes, settings, images, added, choose }: Way): Graph | Node {
  const [image] = graph.inputs;
  const initializers = new Map(graph.initializers);
  const places = new Map<string, Place>([[image.name, { axis: 0, outer: 1, added }]]);
  const nodes: Node[] = [];
  const constant = (name: string, tensor: Tensor): string => {
    initializers.set(name, tensor);
    return name;
  };
  const emit = (op: string, inputs: readonly string[], name: string, axis?: number): string => {
    const attributes = new Map(axis === undefined ? [] : [["axis", int(axis)]]);
    nodes.push({ op, name, inputs, outputs: [name], attributes });
    return name;
  };
  let size: string | undefined;
  const batchSize = (): string => {
    if (size !== undefined) return size;
    const shape = emit("Shape", [image.name], `${OWN_NAMES}batch/shape`);
    const first = constant(`${OWN_NAMES}batch/first`, intTensor([0]));
    size = emit("Gather", [shape, first], `${OWN_NAMES}batch/size`, 0);
    return size;
  };
  for (const node of graph.nodes) {
    const named = (part: string): string => `${OWN_NAMES}${node.outputs[0]}/open/${part}`;
    const opened = openNode(node, {
      images,
      placeOf: (name = "") => places.get(name),
      dimsOf: (name = "") => shapes.get(name) ?? initializers.get(name)?.dims ?? [],
      intsOf: (name = "") => {
        const tensor = graph.initializers.get(name);
        return tensor === undefined ? settings.get(name) : Array.from(tensor.values, Number);
      },
      ints: (part, values) => constant(named(part), intTensor(values)),
      emit: (op, inputs, part, axis) => emit(op, inputs, named(part), axis),
      batchSize,
      choose,
    });
    if (opened === undefined) return node;
    nodes.push(opened.node);
    if (opened.place === undefined) continue;
    for (const output of node.outputs) if (output !== "") places.set(output, opened.place);
  }
  const dims = ["batch", ...(added ? image.dims : image.dims.slice(1))];
  return { ...graph, inputs: [{ ...image, dims }], initializers, nodes };
}
