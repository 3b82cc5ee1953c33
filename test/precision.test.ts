// float16 and float64 models: computed in float32, saved in their own type, each number of theta where the file has it.
import { describe, expect, it } from "vitest";
import { fileLogits } from "../src/engine/ask-file.ts";
import { networkOf, openModel } from "../src/engine/model.ts";
import { patchedModel, roundTheta } from "../src/engine/network.ts";
import type { ElementType, Graph, Tensor } from "../src/onnx/graph.ts";
import { patchWeights } from "../src/onnx/patch.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { halvesToFloats, numberToHalf, roundToHalves } from "../src/tensor/half.ts";
import { noise } from "./helpers/closed-networks.ts";
import { tensor } from "./helpers/graph-builder.ts";
import { field, modelFile } from "./helpers/model-file.ts";
import { conv, dense, relu, sketch } from "./helpers/sketch.ts";

const IMAGES = 6;

const convolutional = sketch({ shape: [1, 6, 6] }, (s, x) => {
  const h = relu(s, conv(s, x, [3, 1, 3, 3]));
  return dense(s, s.op("Clip", [s.op("Flatten", [h]), s.constant(tensor([], [-6]))]), 48, 4);
});
const layers = sketch({ shape: [10] }, (s, x) => dense(s, relu(s, dense(s, x, 10, 8)), 8, 3));

/** The graph with its weights, input and output of another float type; float64 weights have digits beyond float32. */
function retyped(graph: Graph, type: "float16" | "float64"): Graph {
  const beyond = (v: number): number => (type === "float64" ? v * (1 + 1e-12) : v);
  const convert = (value: Tensor): Tensor =>
    value.type === "float32"
      ? tensor(value.dims, Array.from(value.values as Float32Array, beyond), type)
      : value;
  const typed = <T extends { readonly type: ElementType | null }>(value: T): T => ({
    ...value,
    type,
  });
  return {
    ...graph,
    inputs: graph.inputs.map(typed),
    outputs: graph.outputs.map(typed),
    initializers: new Map([...graph.initializers].map(([name, value]) => [name, convert(value)])),
    nodes: graph.nodes.map((node) => ({
      ...node,
      attributes: new Map(
        [...node.attributes].map(([name, a]) => [
          name,
          a.kind === "tensor" ? { kind: "tensor" as const, value: convert(a.value) } : a,
        ]),
      ),
    })),
  };
}

const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

describe("a float16 model", () => {
  const file = writeGraph(retyped(convolutional, "float16"));

  it("is the float32 model with weights rounded to float16", async () => {
    const [plain, half] = [await openModel(writeGraph(convolutional)), await openModel(file)];
    expect(half.parameters.map(({ type }) => type)).toEqual(Array(4).fill("float16"));
    expect(half.theta()).toEqual(roundToHalves(plain.theta()));
    expect(networkOf(half).notes).toEqual([expect.stringContaining("is float16")]);
    const x = noise(half.inputShape, IMAGES);
    const rounded = await plain.withParameters(half.theta());
    expect(apart(await half.logits(x, IMAGES), await rounded.logits(x, IMAGES))).toBeLessThan(1e-6);
    const y = Int32Array.from({ length: IMAGES }, (_, i) => i % 4);
    expect(await half.lossGradient(x, y)).toEqual(await rounded.lossGradient(x, y));
  });

  it("is saved as float16, at the theta it can hold, and answers so by itself", async () => {
    const model = await openModel(file);
    const wanted = model.theta().map((v, i) => v + Math.sin(i) / 16);
    const theta = roundTheta(networkOf(model), wanted);
    expect(theta).toEqual(roundToHalves(wanted));
    const moved = await model.withParameters(theta);
    expect(moved.bytes().length).toBe(file.length);
    const again = await openModel(moved.bytes());
    expect(again.theta()).toEqual(theta);
    expect(readGraph(moved.bytes()).inputs[0].type).toBe("float16");
    const x = noise(model.inputShape, IMAGES);
    const asked = await fileLogits(networkOf(again), networkOf(again), x, IMAGES);
    expect(apart(asked, await again.logits(x, IMAGES))).toBeLessThan(0.01);
    expect((await again.withParameters(model.theta())).bytes()).toEqual(Uint8Array.from(file));
  });

  it("may store its numbers as varints, of which only the moved ones change their length", () => {
    const numbers = (values: readonly number[]): number[] => values.map(numberToHalf);
    const [before, after] = [
      [1, 0, -2, 2 ** -20],
      [0, 1.5, -2, 2 ** -20],
    ];
    const build = (values: readonly number[]): Uint8Array =>
      modelFile({
        initializer: [
          { name: "w", dims: [4n], dataType: 10, int32Data: numbers(values), docString: "kept" },
          { name: "v", dims: [2n], dataType: 10, int32Data: numbers([1, 2]) },
        ],
      });
    const future = field(1000, "kept too");
    const file16 = new Uint8Array([...build(before), ...future]);
    const patched = patchWeights(file16, new Map([["w", Float32Array.from(after)]]));
    const { initializers } = readGraph(patched);
    expect(halvesToFloats(initializers.get("w")!.values as Uint16Array)).toEqual(
      Float32Array.from(after),
    );
    // The field of the numbers moves to the end of its tensor; nothing else differs.
    const sorted = (bytes: Uint8Array): string => String(bytes.toSorted());
    expect(sorted(patched)).toBe(sorted(new Uint8Array([...build(after), ...future])));
    expect(patched.slice(-future.length)).toEqual(future);
  });
});

describe("a float64 model", () => {
  it("keeps the digits of what does not move", async () => {
    const file = writeGraph(retyped(layers, "float64"));
    const model = await openModel(file);
    expect(networkOf(model).notes).toEqual([
      "the model is float64: gradients and losses are computed in float32",
    ]);
    const theta = model.theta();
    expect((await model.withParameters(theta)).bytes()).toEqual(Uint8Array.from(file));
    theta[0] = 0.25;
    const moved = await model.withParameters(theta);
    const [{ name }] = model.parameters;
    const values = (bytes: Uint8Array) =>
      readGraph(bytes).initializers.get(name)!.values as Float64Array;
    const expected = values(file).slice();
    expected[0] = 0.25;
    expect(values(moved.bytes())).toEqual(expected);
    expect(Math.fround(expected[1])).not.toBe(expected[1]);
    const x = noise(model.inputShape, IMAGES);
    const patched = patchedModel(networkOf(model), theta);
    const asked = await fileLogits(networkOf(model), patched, x, IMAGES);
    expect(apart(asked, await moved.logits(x, IMAGES))).toBeLessThan(1e-5);
  });

  it("with operators that onnxruntime has no float64 for is computed in float32, which is said", async () => {
    const model = await openModel(writeGraph(retyped(convolutional, "float64")));
    expect(networkOf(model).notes).toEqual([
      expect.stringMatching(/is float64, which .* holds of that reading/),
    ]);
    const plain = await openModel(writeGraph(convolutional));
    const x = noise(model.inputShape, IMAGES);
    expect(apart(await model.logits(x, IMAGES), await plain.logits(x, IMAGES))).toBeLessThan(1e-6);
    await expect(fileLogits(networkOf(model), networkOf(model), x, IMAGES)).rejects.toThrow(
      /has no Conv/,
    );
  });
});

describe("float types in part of a model", () => {
  it("behind Casts are float32 too", async () => {
    const mixed = sketch({ shape: [10] }, (s, x) => {
      const half = s.op("Cast", [x], { to: 10 });
      const w = s.constant(
        tensor(
          [10, 3],
          Array.from({ length: 30 }, (_, i) => Math.sin(i)),
          "float16",
        ),
      );
      return s.op("Cast", [s.op("MatMul", [half, w])], { to: 1 });
    });
    const model = await openModel(writeGraph(mixed));
    expect(model.parameters.map(({ size, type }) => [size, type])).toEqual([[30, "float16"]]);
    const x = noise(model.inputShape, IMAGES);
    const asked = await fileLogits(networkOf(model), networkOf(model), x, IMAGES);
    expect(apart(asked, await model.logits(x, IMAGES))).toBeLessThan(0.01);
  });

  it("do not matter where the image alone has one", async () => {
    const cast = sketch({ shape: [10] }, (s, x) => dense(s, s.op("Cast", [x], { to: 1 }), 10, 3));
    const taking = {
      ...cast,
      inputs: cast.inputs.map((input) => ({ ...input, type: "float64" as const })),
    };
    const model = await openModel(writeGraph(taking));
    expect(networkOf(model).notes).toEqual([]);
    const x = noise(model.inputShape, IMAGES);
    const asked = await fileLogits(networkOf(model), networkOf(model), x, IMAGES);
    expect(apart(asked, await model.logits(x, IMAGES))).toBeLessThan(1e-6);
  });
});
