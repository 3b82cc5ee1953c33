// What onnxruntime refuses is said in words about the model, with its own text in the cause only.
import { describe, expect, it } from "vitest";
import { Session } from "../src/engine/session.ts";
import { TemperError } from "../src/errors.ts";
import type { Graph, Node, Tensor } from "../src/onnx/graph.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";

const drawn = (
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>> = {},
  opset = 18,
): Graph => graph({ opset, inputs: { x: ["n", 1, 4] }, nodes, initializers, outputs: ["y"] });

const double = tensor([1, 1, 1], [1], "float64");

const refused: readonly (readonly [string, Graph, RegExp])[] = [
  [
    "a type without an implementation",
    drawn([node("Cast", ["x"], ["d"], { to: 11 }), node("Conv", ["d", "w"], ["y"], {}, "c")], {
      w: double,
    }),
    /^onnxruntime has no Conv "c" for the type of its numbers\nexport the model in float32$/,
  ],
  [
    "an operator that came later",
    drawn([node("Gelu", ["x"], ["y"])], {}, 13),
    /^there is no operator Gelu in operator set 13\nexport .* newer opset/,
  ],
  [
    "an operator of one's own",
    { ...drawn([node("my.ops.Foo", ["x"], ["y"])]), domains: new Map([["my.ops", 1]]) },
    /^the operator Foo is of the set "my.ops"/,
  ],
  [
    "an attribute that does not exist",
    drawn([node("Relu", ["x"], ["y"], { alpha: 1 })]),
    /^Relu has no attribute alpha/,
  ],
  [
    "shapes that cannot be",
    drawn([node("Concat", ["x", "x"], ["y"], { axis: 5 }, "join")]),
    /^the shapes at Concat "join" do not fit/,
  ],
  [
    "shapes that do not come out",
    drawn([node("Reshape", ["x", "s"], ["y"], {}, "view")], { s: int64s(3, 5) }),
    /^onnxruntime stops at Reshape "view": its inputs do not fit/,
  ],
  [
    "types that do not fit",
    drawn([node("Add", ["x", "w"], ["y"], {}, "sum")], { w: int64s(1, 2, 3, 4) }),
    /^the types of numbers at "sum" do not fit/,
  ],
];

describe("onnxruntime refuses", () => {
  it.each(refused)("%s", async (_, of, message) => {
    const run = async (): Promise<unknown> => {
      const session = await Session.create(of, { device: "cpu" });
      return session.run({ x: { dims: [2, 1, 4], data: new Float32Array(8) } });
    };
    const error = await run().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TemperError);
    const { code, message: said, cause } = error as TemperError;
    expect(code).toBe("model-unsupported");
    expect(said).toMatch(message);
    expect(said.split("\n").length).toBe(2);
    expect(said).not.toContain("onnxruntime_src");
    expect((cause as Error).message.length).toBeGreaterThan(10);
  });
});
