// Files that are no model, are cut short or cannot be held: one per refusal, and properties over damaged bytes.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ErrorCode, TemperError } from "../src/errors.ts";
import { patchWeights } from "../src/onnx/patch.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import {
  field,
  floatInfo,
  type GraphInit,
  modelFile,
  rawFloats,
  withGraphBytes,
} from "./helpers/model-file.ts";
import { randomGraph } from "./helpers/random-graph.ts";

function refused(
  file: Uint8Array,
  code: ErrorCode,
  message: RegExp,
  data?: ReadonlyMap<string, Uint8Array>,
): void {
  let caught: unknown;
  try {
    readGraph(file, data);
  } catch (cause) {
    caught = cause;
  }
  expect(caught).toBeInstanceOf(TemperError);
  const error = caught as TemperError;
  expect({ code: error.code, message: error.message }).toEqual({
    code,
    message: expect.stringMatching(message),
  });
  expect(error.message.split("\n").length).toBeLessThanOrEqual(3);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const neg = (input: string, output: string, name = "n") => ({
  opType: "Neg",
  name,
  input: [input],
  output: [output],
});
const floats = (name: string, dims: readonly bigint[], values: readonly number[] = [1, 2]) => ({
  name,
  dims: [...dims],
  dataType: 1,
  rawData: rawFloats(values),
});
const withInitializer = (initializer: NonNullable<GraphInit["initializer"]>[number]): Uint8Array =>
  modelFile({ initializer: [initializer] });
const withAttribute = (attribute: object): Uint8Array =>
  modelFile({ node: [{ ...neg("x", "y"), attribute: [{ name: "a", ...attribute }] }] });

test("the file that the others differ from is read", () => {
  expect(readGraph(modelFile()).nodes).toHaveLength(1);
});

describe("not a model", () => {
  test.each([
    ["nothing", new Uint8Array(), /this is an empty file/],
    ["zeros", new Uint8Array(100), /100 bytes, .*\ndownload it again/],
    ["a string in the place of the graph", field(7, "hello"), /not an ONNX model/],
    ["another protobuf message", field(3, "\u0001\u0002"), /4 bytes, without a graph/],
    ["a graph without nodes", modelFile({ node: [] }), /without a graph of operators/],
    ["no operator set", modelFile({}, { opsetImport: [] }), /without a graph of operators/],
    ["a length beyond the end", Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x07), /cut short/],
    ["a length that never ends", new Uint8Array(64).fill(0xfe), /cut short/],
    ["a text", bytes("%PDF-1.7 and more text\n"), /this is a text\ngive the path/],
    [
      "a pointer of Git LFS",
      bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"),
      /this is a Git LFS pointer.*\n.*git lfs pull/,
    ],
    ["a page", bytes("\n<!DOCTYPE html>\n<html>"), /this is a web page.*\ndownload the file/],
    ["a zip", bytes("PK\u0003\u0004\0\0 model.onnx"), /this is a zip archive\nunpack/],
    [
      "a zip of PyTorch's",
      bytes("PK\u0003\u0004\0\0\b\b archive/data.pklFB"),
      /this is a PyTorch file .*\n.*torch.onnx.export/,
    ],
    ["a zip of Keras'", bytes("PK\u0003\u0004 config.json"), /this is a Keras file\n.*tf2onnx/],
    ["HDF5", Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10), /this is a Keras file/],
    ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0), /this is a gzip file\nunpack/],
    ["a pickle", Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c), /this is a pickled Python object/],
    ["safetensors", bytes('\u0010\0\0\0\0\0\0\0{"a":{"dtype"'), /this is a file of weights/],
    ["a model of TensorFlow Lite", bytes("\u001c\0\0\0TFL3\u0014\0"), /this is a TensorFlow Lite/],
    ["a model of onnxruntime's", bytes("\u0010\0\0\0ORTM\0\0"), /onnxruntime's own format/],
  ])("%s", (_, file, message) => refused(file, "model-unreadable", message));

  test("graphs nested thousands deep", () => {
    // Graph -> node -> attribute -> graph ...
    let nested: Uint8Array = new Uint8Array();
    for (let depth = 0; depth < 3000; depth++) nested = field(1, field(5, field(6, nested)));
    refused(withGraphBytes(modelFile(), nested), "model-unreadable", /not an ONNX model/);
  });
});

describe("damaged", () => {
  /** Reads and patches, or throws the one class of error. */
  const survives = (file: Uint8Array): void => {
    try {
      const { initializers } = readGraph(file);
      patchWeights(file, new Map());
      for (const [name, { type, values }] of initializers) {
        if (type === "float32")
          patchWeights(file, new Map([[name, new Float32Array(values.length)]]));
      }
    } catch (cause) {
      expect(cause).toBeInstanceOf(TemperError);
    }
  };

  test("cut short anywhere", () => {
    fc.assert(
      fc.property(randomGraph(), fc.nat(), (graph, at) => {
        const file = writeGraph(graph);
        survives(file.subarray(0, at % file.length));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("a byte changed anywhere", () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(randomGraph(), fc.array(change, { minLength: 1 }), (graph, changes) => {
        const file = writeGraph(graph);
        for (const [at, value] of changes) file[at % file.length] = value;
        survives(file);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe("what Temper does not hold", () => {
  const no = "model-unsupported" as const;

  test("operator sets too old or too new", () => {
    for (const version of [6n, 27n]) {
      const far = modelFile({}, { opsetImport: [{ domain: "", version }] });
      refused(far, no, RegExp(`operator set ${version}; Temper reads 7 to 26\nexport it again`));
    }
  });

  test.each([
    [16, "bfloat16"],
    [20, "float8"],
    [22, "int4"],
    [8, "strings"],
    [99, "element type 99"],
  ])("element type %i", (dataType, called) => {
    const words = new RegExp(`^initializer "w" holds ${called}, which .*: export .* in float32$`);
    refused(withInitializer({ ...floats("w", [1n]), dataType }), no, words);
  });

  test("an input of bfloat16, and one that is no tensor", () => {
    const input = (value: object) =>
      modelFile({ input: [{ name: "x", type: { value } }] } as GraphInit);
    refused(
      input({ case: "tensorType", value: { elemType: 16 } }),
      no,
      /^value "x" holds bfloat16/,
    );
    refused(input({ case: "sequenceType", value: {} }), no, /^value "x" is not a tensor.*\nexport/);
  });

  test("outputs that are no tensors, where there is no other", () => {
    const sequence = { name: "z", type: { value: { case: "sequenceType", value: {} } } } as const;
    const node = [neg("x", "y"), { ...neg("y", "z", "m"), opType: "SequenceConstruct" }];
    refused(modelFile({ node, output: [sequence] }), no, /^value "z" is not a tensor/);
    const both = readGraph(modelFile({ node, output: [sequence, floatInfo("y", 1, 2)] }));
    expect(both.outputs.map(({ name }) => name)).toEqual(["y"]);
  });

  test("values in another file: not given, cut short, not of the tensor's length", () => {
    const external = (...entries: readonly (readonly [key: string, value: string])[]) =>
      withInitializer({
        ...{ name: "w", dims: [2n], dataType: 1, dataLocation: 1 },
        externalData: entries.map(([key, value]) => ({ key, value })),
      });
    const location = ["location", "w.bin"] as const;
    const missing = /^initializer "w" is kept in the file "w.bin", which was not given\nput it/;
    refused(external(location), "file-missing", missing);
    const given = (length: number) => new Map([["w.bin", new Uint8Array(length)]]);
    const short = /^initializer "w" is bytes 4 to 12 of "w.bin", which has 11/;
    refused(external(location, ["offset", "4"]), "model-unreadable", short, given(11));
    expect(readGraph(external(location, ["offset", "4"]), given(12)).initializers.size).toBe(1);
    for (const entries of [
      [],
      [location, ["length", "7"]],
      [location, ["offset", "-1"]],
    ] as const) {
      refused(external(...entries), "model-unreadable", /needs 8 bytes of another/, given(99));
    }
  });

  test("sparse tensors, control flow, numbers beyond 2^53", () => {
    const sparse = modelFile({ sparseInitializer: [{ dims: [2n] }] });
    refused(sparse, no, /sparse initializers; save it dense/);
    refused(
      withAttribute({ type: 5, g: { name: "then" } }),
      no,
      /^Neg "n" holds a graph of its own \(control flow\), .*\nexport the model by tracing/,
    );
    refused(withAttribute({ type: 4 }), no, /^Neg "n": attribute a is of kind TENSOR/);
    refused(withAttribute({ type: 77 }), no, /attribute a is of kind UNDEFINED, .*\nexport/);
    const large = 2n ** 63n - 1n;
    refused(withAttribute({ type: 2, i: large }), no, /attribute a is 9223372036854775807, beyond/);
    refused(
      withAttribute({ type: 7, ints: [1n, -large] }),
      no,
      /attribute a is -9223372036854775807/,
    );
  });
});

describe("contradictions", () => {
  const no = "model-unreadable" as const;

  test("a value that nothing defines, or that is made of itself", () => {
    refused(modelFile({ node: [neg("z", "y")] }), no, /^Neg "n" reads "z", which nothing defines/);
    const circle = [neg("z", "y"), neg("w", "z", "m"), neg("z", "w", "l")];
    refused(modelFile({ node: circle }), no, /^Neg "m" reads a value that is made of its own/);
    refused(modelFile({ node: [neg("x", "z")] }), no, /^output "y" is not defined/);
  });

  test("a value defined twice", () => {
    const twice = [neg("x", "y"), neg("y", "y", "m")];
    refused(modelFile({ node: twice }), no, /^Neg "m" defines "y", which is already defined/);
    refused(modelFile({ node: [neg("x", "x")] }), no, /^Neg "n" defines "x"/);
    const y = floats("y", [2n]);
    refused(modelFile({ initializer: [y] }), no, /^Neg "n" defines "y"/);
    const input = {
      name: "x",
      type: { value: { case: "tensorType" as const, value: { elemType: 1 } } },
    };
    refused(modelFile({ input: [input, input] }), no, /^"x" is defined twice/);
  });

  test.each([
    ["too few", [3n], 3],
    ["too many", [1n], 1],
    ["none for a scalar's one", [], 1],
    ["dimensions beyond memory", [2n ** 40n, 2n ** 40n], 2 ** 80],
    ["none beside huge dimensions", [0n, 2n ** 50n, 2n ** 50n], 0],
  ])("values: %s", (_, dims, count) => {
    const words = `has shape [${dims}] and so ${count} values, but the file holds 2`;
    const pattern = new RegExp(words.replace(/[[\]+.]/g, "\\$&"));
    refused(withInitializer(floats("w", dims)), no, pattern);
    const inNode = withAttribute({ type: 4, t: floats("", dims) });
    refused(inNode, no, /^Neg "n": attribute a has shape/);
  });

  test("a negative dimension, and bytes that are not whole values", () => {
    const negative = floats("w", [-1n, -2n]);
    refused(withInitializer(negative), no, /^initializer "w" has the impossible shape \[-1,-2\]/);
    const torn = { ...floats("w", [2n]), rawData: new Uint8Array(7) };
    refused(withInitializer(torn), no, /but the file holds 1.75/);
  });
});
