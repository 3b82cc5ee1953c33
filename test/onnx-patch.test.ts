// Patching weights: the new file is what the exporter would have written with the new values, byte for byte.
import { describe, expect, test } from "vitest";
import type { Tensor } from "../src/onnx/graph.ts";
import { constantValue } from "../src/onnx/lift.ts";
import { patchWeights } from "../src/onnx/patch.ts";
import { readGraph } from "../src/onnx/read.ts";
import { randomStream } from "../src/tensor/random.ts";
import {
  field,
  joined,
  modelFile,
  rawFloats,
  unpackedInitializer,
  withGraphBytes,
} from "./helpers/model-file.ts";

const names = ["raw", "packed", "unpacked", "constant", "listed"] as const;
type Values = Readonly<Record<(typeof names)[number], readonly number[]>>;

const random = randomStream(5);
const draw = (): number[] => Array.from({ length: 6 }, () => Math.fround(random.normal()));
const drawAll = (): Values => ({
  raw: draw(),
  packed: draw(),
  unpacked: draw(),
  constant: draw(),
  listed: draw(),
});
const before = drawAll();
const after = drawAll();

const weight = (name: string) => ({ name, dims: [2n, 3n], dataType: 1 });

/** A file with a tensor in every storage, and fields that no version of ONNX knows, at every level. */
function fileOf({ raw, packed, unpacked, constant, listed }: Values): Uint8Array {
  const attribute = (name: string, value: object) => ({ name, type: 4, t: value });
  const file = modelFile({
    initializer: [
      { ...weight("raw"), rawData: rawFloats(raw), docString: "kept" },
      { ...weight("packed"), floatData: [...packed] },
      { name: "same bytes", dims: [6n], dataType: 1, rawData: rawFloats(before.raw) },
    ],
    node: [
      { opType: "Neg", input: ["x"], output: ["y"], docString: "kept too" },
      {
        opType: "Constant",
        output: ["constant"],
        attribute: [attribute("value", { ...weight("inner"), rawData: rawFloats(constant) })],
      },
      {
        opType: "Constant",
        output: ["listed"],
        attribute: [attribute("value", { ...weight(""), floatData: [...listed] })],
      },
    ],
  });
  const unknown = field(1000, "a field of the future");
  return joined(
    unknown,
    withGraphBytes(file, field(2000, "in the graph")),
    withGraphBytes(new Uint8Array(), unpackedInitializer(weight("unpacked"), { floats: unpacked })),
    field(1001, "the last"),
  );
}

const file = fileOf(before);

const replaced = (...which: readonly (typeof names)[number][]): Map<string, Float32Array> =>
  new Map(which.map((name) => [name, Float32Array.from(after[name])]));

describe("patchWeights", () => {
  test.each(names)("replaces %s alone, and no other byte", (name) => {
    const patched = patchWeights(file, replaced(name));
    expect(patched).toEqual(fileOf({ ...before, [name]: after[name] }));
  });

  test("replaces all at once, leaves its input alone, and what it wrote is read", () => {
    const copy = file.slice();
    const patched = patchWeights(file, replaced(...names));
    expect(patched).toEqual(fileOf(after));
    expect(file).toEqual(copy);
    expect(patchWeights(file, new Map())).toEqual(file);
    const { initializers, nodes } = readGraph(patched);
    const constants = nodes
      .filter(({ op }) => op === "Constant")
      .map((node): [string, Tensor] => [node.outputs[0], constantValue(node)]);
    const tensors = new Map([...initializers, ...constants]);
    for (const name of names) {
      expect(tensors.get(name)!.values).toEqual(Float32Array.from(after[name]));
    }
  });

  test("reads a Buffer that lies inside another", () => {
    const inside = Buffer.concat([Buffer.from("front"), file, Buffer.from("back")]).subarray(5, -4);
    expect(patchWeights(inside, replaced("raw"))).toEqual(fileOf({ ...before, raw: after.raw }));
  });

  test("refuses a tensor that the file does not hold as its full list of floats", () => {
    const refused = /does not store "(\w+)" as a list of floats\nsave the model again/;
    for (const [name, length] of [
      ["missing", 6],
      ["raw", 5],
      ["unpacked", 7],
    ] as const) {
      expect(() => patchWeights(file, new Map([[name, new Float32Array(length)]]))).toThrow(
        refused,
      );
    }
    const scalars = modelFile({
      node: [
        { opType: "Neg", input: ["x"], output: ["y"] },
        {
          opType: "Constant",
          output: ["c"],
          attribute: [{ name: "value_floats", type: 6, floats: [1, 2] }],
        },
      ],
    });
    expect(() => patchWeights(scalars, new Map([["c", new Float32Array(2)]]))).toThrow(refused);
  });
});
