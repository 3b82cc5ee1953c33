// Shapes for the rules as the engine finds them, measured with the evaluator: two batch sizes, batch left open.
import { openShape, type Shapes } from "../../src/autodiff/shape.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { build } from "./evaluate/array.ts";
import { evaluateGraph } from "./evaluate/evaluate.ts";

/** The shape of every value of a graph whose one input is an image with the batch in front. */
export function measureShapes(graph: Graph): Shapes {
  const [image] = graph.inputs;
  const values = [
    image.name,
    ...graph.initializers.keys(),
    ...graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== "")),
  ];
  const [two, three] = [2, 3].map((batch) => {
    const dims = [batch, ...(image.dims.slice(1) as number[])];
    return evaluateGraph(graph, new Map([[image.name, build(dims, false, () => 0.5)]]), values);
  });
  return new Map(
    values.map((name) => {
      const shape = openShape(two.get(name)!.dims, three.get(name)!.dims, 2, 3);
      if (shape === undefined) throw new Error(`"${name}" has no shape for every batch`);
      return [name, shape];
    }),
  );
}
