// A small classifier whose weights are in files beside it, in the ways in which exporters put them there.
import { randomStream } from "../../src/tensor/random.ts";
import { floatInfo, modelFile, rawFloats } from "./model-file.ts";

export type ExternalForm = "whole" | "sliced" | "several" | "shared";

const random = randomStream(9);
const draw = (n: number): number[] => Array.from({ length: n }, () => Math.fround(random.normal()));
const weights = { w: draw(24), b: draw(3), c: draw(3) };

interface Place {
  readonly location: string;
  readonly offset?: number;
  readonly length?: number;
}

/** The model with each weight in the file, or where `places` says. */
function build(places?: Readonly<Record<string, Place>>): Uint8Array {
  const stored = (name: string, dims: readonly number[], values: readonly number[]) => {
    const place = places?.[name];
    const tensor = { name, dims: dims.map(BigInt), dataType: 1 };
    if (place === undefined) return { ...tensor, rawData: rawFloats(values) };
    const externalData = Object.entries(place).map(([key, value]) => ({ key, value: `${value}` }));
    return { ...tensor, dataLocation: 1, externalData };
  };
  // Both layers see the image, so that two equal matrices are two tensors of theta.
  const second = places?.v === undefined ? "w" : "v";
  const initializer = [
    stored("w", [8, 3], weights.w),
    stored("b", [3], weights.b),
    ...(second === "v" ? [stored("v", [8, 3], weights.w)] : []),
  ];
  return modelFile({
    input: [floatInfo("x", "n", 8)],
    output: [floatInfo("y", "n", 3)],
    initializer,
    node: [
      { opType: "MatMul", input: ["x", "w"], output: ["h"] },
      {
        opType: "Constant",
        output: ["c"],
        attribute: [{ name: "value", type: 4, t: stored("c", [1, 3], weights.c) }],
      },
      { opType: "Gemm", input: ["x", second, "c"], output: ["g"] },
      { opType: "Mul", input: ["h", "g"], output: ["m"] },
      { opType: "Add", input: ["m", "b"], output: ["y"] },
    ],
  });
}

const floats = (...lists: readonly (readonly number[])[]): Uint8Array => rawFloats(lists.flat());

/**
 * The model, its data files, and the same model as one file.
 *
 * @param location of the first data file
 */
export function externalModel(
  form: ExternalForm,
  location = "m.onnx.data",
): {
  readonly file: Uint8Array;
  readonly data: Map<string, Uint8Array>;
  readonly plain: Uint8Array;
} {
  const { w, b, c } = weights;
  const plain = build();
  switch (form) {
    case "whole":
      return {
        plain,
        file: build({ w: { location } }),
        data: new Map([[location, floats(w)]]),
      };
    case "sliced": {
      const places = {
        w: { location, offset: 16, length: 96 },
        c: { location, offset: 112, length: 12 },
        b: { location, offset: 124 },
      };
      return {
        plain,
        file: build(places),
        data: new Map([[location, floats([7, 7, 7, 7], w, c, b, [9])]]),
      };
    }
    case "several": {
      const places = {
        w: { location },
        c: { location: "c.bin", offset: 4 },
        b: { location: "b.bin" },
      };
      return {
        plain,
        file: build(places),
        data: new Map([
          [location, floats(w)],
          ["b.bin", floats(b)],
          ["c.bin", floats([5], c)],
        ]),
      };
    }
    case "shared": {
      const places = { w: { location, length: 96 }, v: { location, offset: 0, length: 96 } };
      return { plain, file: build(places), data: new Map([[location, floats(w)]]) };
    }
  }
}
