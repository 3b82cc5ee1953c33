// How a model file is asked about an image by itself, and how its answer is read.
import type { Answer, Head } from "../autodiff/head.ts";
import type { Graph, ValueInfo } from "../onnx/graph.ts";

/** How a file is asked about an image, and how its answer is read. */
export interface Question {
  readonly image: ValueInfo;
  /** How many copies of the image one question takes: the batch that the file states, or needs at least. */
  readonly copies: number;
  /** The file's further inputs, which nothing of the answer is made of. */
  readonly others: readonly ValueInfo[];
  /** A value that the file makes; it need not declare it. */
  readonly output: string;
  readonly answer: Answer;
}

export function questionOf(graph: Graph, name: string, head: Head): Question {
  const { inputs, nodes } = graph;
  const image = inputs.find((input) => input.name === name)!;
  const [batch] = image.dims;
  // A Squeeze without axes drops the batch as well where that is 1.
  const drops = nodes.some(
    ({ op, inputs: [, axes], attributes }) => op === "Squeeze" && !axes && !attributes.has("axes"),
  );
  return {
    image,
    copies: typeof batch === "number" && batch > 0 ? batch : drops ? 2 : 1,
    others: inputs.filter((input) => input !== image),
    output: head.output,
    answer: head.answer,
  };
}
