// Runs a graph to see the shapes of all its values, so that no operator's shape rule is written twice.
import type { Graph, Node } from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";
import { type FloatArray, Session } from "./session.ts";

/** What one run shows. */
export interface Reading {
  /** The shape of every value that a node makes. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The graph's own outputs. */
  readonly outputs: ReadonlyMap<string, FloatArray>;
  /** The whole numbers by which nodes are told where to cut, along which axes, and of what size. */
  readonly settings: ReadonlyMap<string, readonly number[]>;
}

export interface Meter {
  /** @param images values of any number of images, row-major [batch, ...image] */
  read(images: FloatArray): Promise<Reading>;
  release(): Promise<void>;
}

/** The further inputs of these operators are such settings. Exporters may compute them from the shapes of others. */
const set = /^(Expand|Gather|Reduce\w+|Resize|Slice|Tile)$/;

/** Lists the settings of a graph that are computed, whatever they are computed of. */
function settingsOf({ nodes, initializers }: Graph): string[] {
  const names = nodes
    .filter(({ op }) => set.test(op))
    .flatMap(({ inputs }) => inputs.slice(1))
    .filter((name) => name !== "" && !initializers.has(name));
  return [...new Set(names)];
}

const shapeName = (i: number): string => `${OWN_NAMES}shape/${i}`;

/**
 * Makes a graph of one input runnable with the shape of each value as a further output. A shape lets its value
 * go where an output would keep it, as long as it is asked for in time: onnxruntime works from the last node
 * without a successor to the first, and so the shapes are asked for in the reverse order of the values.
 */
export async function openMeter(graph: Graph): Promise<Meter> {
  const values = graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ""));
  const shapes = values.map(
    (value, i): Node => ({
      op: "Shape",
      name: shapeName(i),
      inputs: [value],
      outputs: [shapeName(i)],
      attributes: new Map(),
    }),
  );
  const own = [...new Set(graph.outputs.map(({ name }) => name))];
  const settings = settingsOf(graph);
  const outputs = new Set([...shapes.map((node) => node.outputs[0]), ...own, ...settings]);
  const session = await Session.create(
    {
      ...graph,
      outputs: [...outputs].map((name) => ({ name, type: null, dims: [] })),
      nodes: [...graph.nodes, ...shapes.toReversed()],
    },
    // What shapes there are, and whether images mix, does not depend on where the graph runs.
    { device: "cpu", optimize: false, pack: false },
  );
  const image = graph.inputs[0].name;
  return {
    read: async (images) => {
      const results = await session.run({ [image]: images });
      const numbers = (name: string): number[] => Array.from(results.get(name)!.data, Number);
      return {
        shapes: new Map(values.map((value, i) => [value, numbers(shapeName(i))])),
        outputs: new Map(own.map((name) => [name, results.get(name)!])),
        settings: new Map(settings.map((name) => [name, numbers(name)])),
      };
    },
    release: () => session.release(),
  };
}
