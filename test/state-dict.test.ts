// The weights back to PyTorch: the format by an independent reader, names, turned matrices, copies, and refusals.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openModel } from "../src/engine/model.ts";
import { stateDict } from "../src/engine/state-dict.ts";
import type { Tensor } from "../src/onnx/graph.ts";
import { writeSafetensors } from "../src/onnx/safetensors.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { graph, node, tensor } from "./helpers/graph-builder.ts";
import { floatsOf, readSafetensors } from "./helpers/safetensors.ts";

const ramp = (...dims: number[]): Tensor => {
  const count = dims.reduce((a, b) => a * b, 1);
  return tensor(
    dims,
    Array.from({ length: count }, (_, i) => Math.fround(i / 7 - 1)),
  );
};

/** What PyTorch writes of Linear on two axes and on three, of a matrix of one's own, and of equal biases. */
const file = writeGraph(
  graph({
    inputs: { image: ["n", 4] },
    initializers: {
      "0.weight": ramp(6, 4),
      "0.bias": ramp(6),
      "onnx::MatMul_9": ramp(6, 2),
      "kept.weight": ramp(5, 2),
      W: ramp(5, 6),
    },
    nodes: [
      node("Identity", ["0.bias"], ["same.bias"]),
      node("Gemm", ["image", "0.weight", "0.bias"], ["/a"], { transB: 1 }),
      node("MatMul", ["/a", "onnx::MatMul_9"], ["/b"]),
      node("Transpose", ["kept.weight"], ["/t"], { perm: [1, 0] }),
      node("MatMul", ["/b", "/t"], ["/c"]),
      node("MatMul", ["/c", "W"], ["/d"]),
      node("Add", ["/d", "same.bias"], ["logits"]),
    ],
    outputs: ["logits"],
  }),
);
const model = await openModel(file);

describe("writeSafetensors", () => {
  it("is read back by an independent reader, whatever the names, types and sizes", () => {
    const name = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom("", "7", "__proto__", "constructor", 'a"b\\', "\0", "\u2028"),
    );
    const of = (type: Tensor["type"]) =>
      fc
        .array(fc.double({ min: -9, max: 9, noNaN: true }), { maxLength: 5 })
        .map((values) => tensor([values.length], values, type));
    const any = fc.oneof(of("float16"), of("float32"), of("float64"));
    const many = fc.uniqueArray(fc.tuple(name, any), { selector: ([one]) => one });
    fc.assert(
      fc.property(many, (entries) => {
        const read = readSafetensors(writeSafetensors(new Map(entries)));
        expect([...read.keys()].toSorted()).toEqual(entries.map(([one]) => one).toSorted());
        for (const [one, { dims, values }] of entries) {
          const { buffer, byteOffset, byteLength } = values;
          expect(read.get(one)).toMatchObject({
            shape: dims,
            bytes: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
          });
        }
      }),
    );
  });

  it.each([["__metadata__"], ["\ud800"], ["a\udc00b"]])("refuses the name %j", (name) => {
    const write = () => writeSafetensors(new Map([[name, ramp(2)]]));
    expect(write).toThrow(expect.objectContaining({ code: "bad-option" }));
  });
});

describe("stateDict", () => {
  it("keeps PyTorch's names and shapes, and turns what the exporter turned", () => {
    const { bytes, tensors, notes } = stateDict(model);
    const read = readSafetensors(bytes);
    const shapes = Object.fromEntries([...read].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toEqual({
      "0.weight": [6, 4],
      "0.bias": [6],
      "same.bias": [6],
      "onnx::MatMul_9": [2, 6],
      "kept.weight": [5, 2],
      W: [5, 6],
    });
    const turned = ramp(6, 2).values as Float32Array;
    expect(floatsOf(read.get("onnx::MatMul_9")!)).toEqual(
      Array.from({ length: 12 }, (_, i) => turned[(i % 6) * 2 + Math.floor(i / 6)]),
    );
    expect(tensors.filter((one) => one.turned).map(({ name }) => name)).toEqual(["onnx::MatMul_9"]);
    expect(notes).toEqual([expect.stringMatching(/^1 of 5 tensors .*\(onnx::MatMul_9\)/)]);
  });

  it("takes other names from the caller, and has no more to say", () => {
    const { bytes, notes } = stateDict(model, { names: { "onnx::MatMul_9": "1.weight" } });
    expect([...readSafetensors(bytes).keys()]).toContain("1.weight");
    expect(notes).toEqual([]);
  });

  it("holds theta as it is, the copies of a tensor included", async () => {
    const theta = model.theta().map((value) => value + 1);
    const moved = await model.withParameters(theta);
    const read = readSafetensors(stateDict(moved).bytes);
    const biases = [...theta.subarray(24, 30)];
    expect(floatsOf(read.get("0.bias")!)).toEqual(biases);
    expect(floatsOf(read.get("same.bias")!)).toEqual(biases);
  });

  it("says that a BatchNorm may be in a convolution whose names are gone, given or not", async () => {
    const convolved = graph({
      inputs: { image: ["n", 1, 3, 3] },
      initializers: { "onnx::Conv_1": ramp(2, 1, 3, 3), "onnx::Conv_2": ramp(2) },
      nodes: [
        node("Conv", ["image", "onnx::Conv_1", "onnx::Conv_2"], ["/c"]),
        node("Flatten", ["/c"], ["y"]),
      ],
      outputs: ["y"],
    });
    const folded = await openModel(writeGraph(convolved));
    const names = { "onnx::Conv_1": "conv.weight", "onnx::Conv_2": "conv.bias" };
    expect(stateDict(folded, { names }).notes).toEqual([expect.stringMatching("BatchNorm")]);
    expect(stateDict(folded).notes).toHaveLength(2);
  });

  it("keeps the type of the file", async () => {
    const half = graph({
      inputs: { image: { type: "float16", dims: ["n", 2] } },
      initializers: { w: tensor([2, 2], [1, 2, 3, 4], "float16") },
      nodes: [node("MatMul", ["image", "w"], ["y"])],
      outputs: { y: { type: "float16", dims: ["n", 2] } },
    });
    const { dtype, bytes } = readSafetensors(
      stateDict(await openModel(writeGraph(half))).bytes,
    ).get("w")!;
    expect(dtype).toBe("F16");
    expect([...new Uint16Array(bytes.buffer)]).toEqual([0x3c00, 0x4000, 0x4200, 0x4400]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["a name that the model has not", { "onnx::MatMul_8": "a" }, /did you mean "onnx::MatMul_9"\?/],
    ["a name like none", { something: "a" }, /known are 0.weight, 0.bias, onnx::MatMul_9/],
    ["the name of another tensor", { W: "0.bias" }, /"0.bias" and "W" would both be named/],
    ["one name twice", { W: "a", "0.bias": "a" }, /"0.bias" and "W" would both be named "a"/],
    ["no name", { W: "" }, /expected a name/],
    ["a number", { W: 3 }, /"W" is to be 3: expected a name/],
    ["the format's own", { W: "__metadata__" }, /reserved/],
  ])("refuses %s", (_, names, message) => {
    const write = () => stateDict(model, { names: names as Record<string, string> });
    expect(write).toThrow(expect.objectContaining({ code: "bad-option" }));
    expect(write).toThrow(message);
  });
});

describe.concurrent("temper export", () => {
  const folder = newFolder();
  const at = join(folder, "model.onnx");
  writeFileSync(at, file);
  const names = join(folder, "names.json");
  writeFileSync(names, '{"onnx::MatMul_9": "1.weight"}');
  const out = join(folder, "theta.safetensors");

  it("writes the tensors, and shows them", async () => {
    const { code, stdout, stderr } = await temper([
      ...["export", at, "--safetensors", out, "--names", names, "--json"],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const read = readSafetensors(readFileSync(out));
    expect(
      JSON.parse(stdout)
        .tensors.map(({ name }: { name: string }) => name)
        .toSorted(),
    ).toEqual([...read.keys()].toSorted());
  });

  it("says on stderr what has no name", async () => {
    const other = join(folder, "other.safetensors");
    const { code, stderr } = await temper(["export", at, "--safetensors", other]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^note: 1 of 5 tensors/);
  });

  it.each([
    ["another ending", ["--safetensors", "theta.pt"], /ends in \.safetensors/],
    ["no output", [], /--safetensors/],
    ["no file of names", ["--safetensors", "t.safetensors", "--names", "no.json"], /no\.json/],
    ["names that are none", ["--safetensors", "t.safetensors", "--names", at], /no JSON object/],
  ])("refuses %s", async (_, flags, message) => {
    const { code, stdout, stderr } = await temper(["export", at, ...flags]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });
});
