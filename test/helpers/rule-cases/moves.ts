// Cases of the rules that take pieces, copy, pad and resize, and of those that take values at indices.
import type { Tensor } from "../../../src/onnx/graph.ts";
import { int64s, node, tensor } from "../graph-builder.ts";
import { scalar } from "../operator-cases/case.ts";
import { apart, one, type RuleCase } from "./case.ts";
import { at } from "./elementwise.ts";

const FAR = 2 ** 40;

/** Values that are computed, as the batch is taken off them and added again. */
const computed = (values: Tensor, name: string): Pick<RuleCase, "parameters" | "nodes"> => ({
  parameters: { [`${name}/given`]: values, [`${name}/zero`]: int64s(0) },
  nodes: [
    node("Shape", ["x"], [`${name}/shape`]),
    node("Gather", [`${name}/shape`, `${name}/zero`], [`${name}/batch`]),
    node("CastLike", [`${name}/batch`, `${name}/given`], [`${name}/one`]),
    node("Sub", [`${name}/given`, `${name}/one`], [`${name}/less`]),
    node("Add", [`${name}/less`, `${name}/one`], [name]),
  ],
});

/** The case with one of its constants computed instead. */
function withComputed(c: RuleCase, name: string): RuleCase {
  const { [name]: values, ...rest } = c.parameters;
  const { parameters, nodes } = computed(values as Tensor, name);
  return { ...c, parameters: { ...rest, ...parameters }, nodes: [...nodes, ...c.nodes] };
}

/** The case of a parameter w in the place of the image, which the result is multiplied by. */
export function ofParameter(c: RuleCase, image: readonly number[]): RuleCase {
  const w = c.image;
  const nodes = c.nodes.map((n) => ({
    ...n,
    inputs: n.inputs.map((name) => (name === "x" ? "w" : name)),
    outputs: n.outputs.map((name) => (name === "y" ? "p" : name)),
  }));
  return {
    ...c,
    image,
    parameters: { w, ...c.parameters },
    nodes: [...nodes, node("Mul", ["x", "p"], ["y"])],
  };
}

function slices(): RuleCase[] {
  const slice = (starts: number[], ends: number[], axes: number[], steps?: number[]): RuleCase =>
    one("Slice", [5, 6], {
      starts: int64s(...starts),
      ends: int64s(...ends),
      axes: int64s(...axes),
      ...(steps === undefined ? {} : { steps: int64s(...steps) }),
    });
  const cases = [
    slice([1], [3], [1]),
    slice([1, -4], [FAR, -1], [1, -1]),
    slice([0, 2], [FAR, FAR], [1, 2]),
    slice([-FAR, 1], [FAR, 2], [0, 2]),
    slice([0], [FAR], [2], [2]),
    slice([1, 1], [5, 6], [2, 1], [3, 2]),
    slice([FAR], [-FAR], [2], [-1]),
    slice([4], [0], [2], [-2]),
    slice([-1, 0], [-FAR, FAR], [1, 2], [-3, 4]),
  ];
  return [
    ...cases,
    ...[0, 1, 5, 7, 8].map((i) => withComputed(cases[i], "starts")),
    withComputed(cases[1], "ends"),
    // Starts of another type, and axes left out.
    one("Slice", [5], {
      starts: tensor([2], [0, 2], "int32"),
      ends: tensor([2], [1000, 4], "int32"),
    }),
    ofParameter(one("Slice", [4, 3], { starts: int64s(1), ends: int64s(3) }), [2, 3]),
  ];
}

function splits(): RuleCase[] {
  const split = (outputs: string[], sizes: number[], attributes = {}): RuleCase => ({
    op: "Split",
    image: [2, 7],
    parameters: { sizes: int64s(...sizes), a: [2, sizes[0]] },
    nodes: [
      node("Split", ["x", "sizes"], outputs, attributes),
      node("Tanh", [outputs.at(-1)!], ["t"]),
      node("Mul", [outputs[0], "a"], ["m"]),
      node("Concat", ["m", "t"], ["y"], { axis: -1 }),
    ],
  });
  return [
    split(["p", "q"], [3, 4], { axis: 2 }),
    // A piece that nothing uses, and one alone.
    split(["p", "unused", "q"], [1, 2, 4], { axis: -1 }),
    {
      op: "Split",
      image: [7, 2],
      parameters: {},
      nodes: [
        node("Split", ["x"], ["p", "q", "r"], { axis: 1, num_outputs: 3 }),
        node("Tanh", ["q"], ["y"]),
      ],
    },
    {
      // A piece used twice.
      op: "Split",
      image: [4, 2],
      parameters: {},
      nodes: [
        node("Split", ["x"], ["p", "q"], { axis: 1, num_outputs: 2 }),
        node("Mul", ["p", "q"], ["m"]),
        node("Add", ["m", "p"], ["y"]),
      ],
    },
  ];
}

function pads(): RuleCase[] {
  const plain = [
    one("Pad", [3, 4], { pads: int64s(0, 1, 2, 0, 0, 3) }),
    one("Pad", [3, 4], { pads: int64s(0, 0, 0, 0, 0, 0) }),
    one("Pad", [3, 4], { pads: int64s(0, 1, -1, 0, -1, 2), value: scalar(7) }),
    one("Pad", [3, 4], { pads: int64s(1, 2), axes: int64s(-1) }, {}, ["x", "pads", "", "axes"]),
  ];
  const copying = ["reflect", "edge", "wrap"].flatMap((mode) => [
    at(19, one("Pad", [3, 4], { pads: int64s(0, 1, 2, 0, 2, 3) }, { mode })),
    one("Pad", [3, 4], { pads: int64s(2, 0), axes: int64s(-2) }, { mode: "reflect" }, [
      ...["x", "pads", "", "axes"],
    ]),
    at(19, one("Pad", [2, 3, 4], { pads: int64s(0, 0, 1, 2, 0, 0, 1, 0) }, { mode })),
  ]);
  // No image more, and every axis has its size again.
  const moved = ["reflect", "edge"].map((mode) =>
    one("Pad", [3], { pads: int64s(0, 1, 0, -1) }, { mode }),
  );
  const all = [...plain, ...copying, ...moved];
  return [...all, ...all.map((c) => withComputed(c, "pads"))];
}

function copies(): RuleCase[] {
  return [
    one("Expand", [3, 1], { to: int64s(1, 3, 4) }),
    one("Expand", [3], { to: int64s(2, 1, 1) }),
    one("Expand", [3], { to: int64s(1) }),
    ofParameter(one("Expand", [1, 3], { to: int64s(2, 3) }), [2, 3]),
    {
      // A token for each image.
      op: "Expand",
      image: [3, 2],
      parameters: { w: [1, 1, 2] },
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Expand", ["w", "s"], ["e"]),
        node("Mul", ["x", "e"], ["y"]),
      ],
    },
    one("Tile", [2, 3], { repeats: int64s(1, 3, 2) }),
    one("Tile", [1, 3], { repeats: int64s(1, 4, 1) }),
    one("Tile", [2], { repeats: int64s(1, 1) }),
    withComputed(one("Tile", [2, 3], { repeats: int64s(1, 1, 2) }), "repeats"),
    {
      op: "Tile",
      image: [3],
      parameters: { w: [1, 3], zero: int64s(0), one: int64s(1) },
      nodes: [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["batch"]),
        node("Concat", ["batch", "one"], ["repeats"], { axis: 0 }),
        node("Tile", ["w", "repeats"], ["t"]),
        node("Mul", ["x", "t"], ["y"]),
      ],
    },
    ...["DCR", "CRD"].map((mode) => one("DepthToSpace", [8, 2, 1], {}, { blocksize: 2, mode })),
    one("DepthToSpace", [9, 1, 2], {}, { blocksize: 3 }),
    one("SpaceToDepth", [2, 4, 2], {}, { blocksize: 2 }),
    one("Trilu", [3, 4]),
    one("Trilu", [3, 4], { k: scalar(-1, "int64") }, { upper: 0 }),
    one("Trilu", [2, 3, 3], { k: scalar(1, "int64") }, { upper: 1 }),
    one("Cast", [3], {}, { to: 1 }),
    {
      op: "Cast",
      image: [3],
      parameters: {},
      nodes: [node("Cast", ["x"], ["d"], { to: 11 }), node("Cast", ["d"], ["y"], { to: 1 })],
    },
  ];
}

function taken(): RuleCase[] {
  const indices = [
    scalar(0, "int64"),
    scalar(-1, "int64"),
    int64s(2, 0, 3, 1),
    int64s(3, 1),
    int64s(1, 1, -1, 0, 3),
    tensor([2, 3], [0, 3, 0, -4, 2, 2], "int64"),
    tensor([2], [1, 1], "int32"),
  ];
  // More than a million entries of a selection, so that the slices are scattered.
  const many = 2 ** 10 + 1;
  const some = tensor([2, 4], [0, -1, 2, 1, 1, 1, 0, 2], "int64");
  return [
    ...indices.flatMap((i) => [
      one("Gather", [4, 3], { i }, { axis: 1 }),
      one("Gather", [2, 4], { i }, { axis: -1 }),
    ]),
    ofParameter(one("Gather", [4, 2], { i: int64s(1, 1, 0) }), [3, 2]),
    withComputed(one("Gather", [4], { i: int64s(1, 3) }, { axis: 1 }), "i"),
    ofParameter(
      one("Gather", [many, 1], { i: int64s(...Array.from({ length: many }, (_, i) => i % 3)) }),
      [many, 1],
    ),
    {
      // A table looked up at indices of the image.
      op: "Gather",
      image: [3],
      parameters: { w: [4, 2], first: int64s(1) },
      nodes: [
        node("ArgMax", ["x"], ["i"], { axis: 1 }),
        node("Gather", ["w", "i"], ["found"]),
        node("Squeeze", ["found", "first"], ["row"]),
        node("Concat", ["x", "row"], ["y"], { axis: 1 }),
      ],
    },
    ...[{}, { axis: 1 }, { axis: -2 }].map((attributes) =>
      ofParameter(one("GatherElements", [3, 4], { i: some }, attributes), [2, 4]),
    ),
    ...[{ reduction: "add" }, { axis: -1, reduction: "add" }].map((attributes) =>
      ofParameter(
        one("ScatterElements", [4, 4], { i: some, u: [2, 4] }, attributes, ["x", "i", "u"]),
        [4, 4],
      ),
    ),
    ofParameter(
      one("ScatterElements", [3, 4], { i: tensor([1, 3], [2, 0, -1], "int64"), u: [1, 3] }),
      [3, 4],
    ),
    {
      op: "GatherElements",
      image: apart([5]),
      parameters: {},
      nodes: [
        node("ArgMax", ["x"], ["i"], { axis: 1 }),
        node("GatherElements", ["x", "i"], ["y"], { axis: 1 }),
      ],
    },
  ];
}

function resizes(): RuleCase[] {
  const by = (...scales: number[]): Tensor => tensor([scales.length], scales);
  const resize = (image: number[], how: RuleCase["parameters"], attributes = {}): RuleCase =>
    one("Resize", image, how, attributes, [
      "x",
      "",
      ...("sizes" in how ? [""] : []),
      ...Object.keys(how),
    ]);
  const transformations = [
    ...["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"],
    "half_pixel_symmetric",
  ];
  const x = [2, 4, 3];
  const scaled = resize(x, { scales: by(1, 1, 2, 0.7) }, { mode: "linear" });
  // Twice the size that it has, asked for as exporters do; those of opset 11 give scales of no number beside it.
  const sized = (scales: string): RuleCase => ({
    op: "Resize",
    image: x,
    parameters: { twice: int64s(1, 1, 2, 2), none: tensor([0], []) },
    nodes: [
      node("Shape", ["x"], ["s"]),
      node("Mul", ["s", "twice"], ["sizes"]),
      node("Resize", ["x", "", scales, "sizes"], ["y"], { mode: "linear" }),
    ],
  });
  return [
    ...["nearest", "linear"].flatMap((mode) =>
      transformations.map((coordinate_transformation_mode) =>
        at(19, resize(x, { scales: by(1, 1, 1.6, 2) }, { mode, coordinate_transformation_mode })),
      ),
    ),
    scaled,
    withComputed(scaled, "scales"),
    resize(x, { scales: by(1, 1, 2, 2) }, { mode: "cubic", cubic_coeff_a: -0.5 }),
    resize(x, { scales: by(1, 1, 2, 1) }, { nearest_mode: "floor" }),
    resize(x, { scales: by(1, 1, 1, 1) }, { mode: "linear" }),
    resize(x, { sizes: int64s(5, 6) }, { mode: "linear", axes: [2, 3] }),
    resize(
      x,
      { sizes: int64s(2, 3) },
      { mode: "nearest", axes: [-2, -1], keep_aspect_ratio_policy: "stretch" },
    ),
    resize([2, 5], { scales: by(1.5) }, { mode: "nearest", axes: [2] }),
    sized(""),
    sized("none"),
  ];
}

/** All of these. */
export function rearrangements(): RuleCase[] {
  return [...slices(), ...splits(), ...pads(), ...copies(), ...taken(), ...resizes()];
}
