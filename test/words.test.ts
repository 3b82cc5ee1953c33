// Files that answer in words, as Azure's Custom Vision and scikit-learn export them: names of labels, and maps.
import { expect, test } from "vitest";
import { fileLogits } from "../src/engine/ask-file.ts";
import { networkOf } from "../src/engine/model.ts";
import { openModel } from "../src/index.ts";
import { withFileOutput } from "../src/onnx/stored.ts";
import { floatInfo, type GraphInit, modelFile } from "./helpers/model-file.ts";

const NAMES = ["cat", "dog", "owl"];
const IMAGES = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1];
const WEIGHTS = [0, 2, 1, 0, 0, 3, 1, 0, 0, 0, 1, 0];

const utf8 = new TextEncoder();
const ml = "ai.onnx.ml";
const tensorOf = (elemType: number) => ({ value: { case: "tensorType", value: { elemType } } });
const map = { case: "mapType", value: { keyType: 8, valueType: tensorOf(1) } };
const wordInfo = { name: "label", type: tensorOf(8) };
const mapInfo = {
  name: "named",
  type: { value: { case: "sequenceType", value: { elemType: { value: map } } } },
};

/** Logits, their Softmax, the name of the largest, and the shares by their names. */
function worded(output: object[]): Uint8Array {
  const node = [
    { opType: "MatMul", input: ["x", "w"], output: ["f"] },
    { opType: "Softmax", input: ["f"], output: ["shares"] },
    { opType: "ArgMax", input: ["shares"], output: ["index"], attribute: [axis(1)] },
    { opType: "ArrayFeatureExtractor", domain: ml, input: ["names", "index"], output: ["label"] },
    { opType: "ZipMap", domain: ml, input: ["shares"], output: ["named"], attribute: [strings()] },
  ];
  const graph = {
    input: [floatInfo("x", "n", 4)],
    output,
    node,
    initializer: [
      { name: "w", dims: [4n, 3n], dataType: 1, floatData: WEIGHTS },
      { name: "names", dims: [3n], dataType: 8, stringData: NAMES.map((s) => utf8.encode(s)) },
    ],
  };
  const opsetImport = [
    { domain: "", version: 13n },
    { domain: ml, version: 1n },
  ];
  return modelFile(graph as GraphInit, { opsetImport });
}

const axis = (i: number): object => ({ name: "axis", type: 2, i: BigInt(i) });
const strings = (): object => ({
  ...{ name: "classlabels_strings", type: 8 },
  strings: NAMES.map((s) => utf8.encode(s)),
});

test.each([
  ["a name and a map", [wordInfo, mapInfo]],
  ["a map", [mapInfo]],
  ["a name beside numbers", [wordInfo, floatInfo("shares", "n", 3)]],
])("%s: the numbers behind the words are read, and asked of the file", async (_, output) => {
  const file = worded(output);
  const model = await openModel(file);
  const x = Float32Array.from(IMAGES);
  const logits = await model.logits(x, 3);
  expect([...logits]).toEqual([0, 2, 1, 0, 0, 3, 1, 1, 0]);
  expect(networkOf(model).ending.cut).toContain("Softmax");
  const network = networkOf(model);
  const asked = [...(await fileLogits(network, network, x, 3))];
  const shares = [0, 3, 6].flatMap((at) => {
    const row = [...logits.subarray(at, at + 3)].map(Math.exp);
    return row.map((v) => v / row.reduce((a, c) => a + c));
  });
  for (const [i, share] of shares.entries()) expect(asked[i]).toBeCloseTo(share, 5);
  expect(model.bytes()).toEqual(file);
  await model.close();
});

test("a file that declares an output is asked as it is", () => {
  const file = worded([floatInfo("shares", "n", 3)]);
  expect(withFileOutput(file, "shares")).toBe(file);
  expect(withFileOutput(file, "f").length).toBeGreaterThan(file.length);
});

test("a name alone is no number", async () => {
  await expect(openModel(worded([wordInfo]))).rejects.toThrow(/^initializer "names" holds strings/);
});
