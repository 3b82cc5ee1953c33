// One dense layer on 28 x 28 images, as a file that has something wrong with it.
import { writeGraph } from "../../src/onnx/write.ts";
import { graph, node, tensor } from "./graph-builder.ts";

/** `last` is the operator on the sums; `inputs` other than 784 do not fit the images. */
export function denseNetwork({ last = "Identity", inputs = 784 } = {}): Uint8Array {
  return writeGraph(
    graph({
      inputs: { x: ["batch", 1, 28, 28] },
      initializers: { w: tensor([inputs, 10], Array(10 * inputs).fill(0.01)) },
      nodes: [
        node("Flatten", ["x"], ["flat"], { axis: 1 }),
        node("Gemm", ["flat", "w"], ["sums"]),
        node(last, ["sums"], ["logits"]),
      ],
      outputs: { logits: ["batch", 10] },
    }),
  );
}
