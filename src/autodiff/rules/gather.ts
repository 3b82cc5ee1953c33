// Gradients of operators that take values at indices: what was taken twice gets the sum.
import { int, intOf, text, textOf } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { typeCode } from "../../onnx/tensor-proto.ts";
import { type Builder, fromFront, reshape, transpose, zerosLike } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import { unary } from "./entrywise.ts";

/** The largest matrix of zeros and ones that is worth a product: 4 MB. */
const LARGEST_SELECTION = 2 ** 20;

/** Puts each slice where its index says, for indices that are constant and never repeat. */
function placed(
  b: Builder,
  slices: string,
  { axis, indices, size }: { axis: number; indices: readonly number[]; size: number },
): string {
  const places = new Map(indices.map((index, place) => [index, place]));
  // A slice of zeros at the end stands for all that was not taken.
  const source =
    places.size === size ? slices : b.op("Pad", [slices, b.ints([0, 1]), "", b.ints([axis])]);
  const at = Array.from({ length: size }, (_, i) => places.get(i) ?? indices.length);
  return b.op("Gather", [source, b.ints(at)], { axis: int(axis) });
}

/** Multiplies the slices by a matrix of zeros and ones that says where each came from. */
function selected(
  call: Call,
  slices: string,
  [lead, count, rest]: readonly [number, number, number],
  size: number,
): string {
  const { b, x } = call;
  // OneHot takes no int32.
  const flat = b.op("Cast", [reshape(b, x[1], [count])], { to: int(typeCode("int64")) });
  const select = b.op("OneHot", [flat, b.ints([size]), b.floats([2], [0, 1])]); // [count, size]
  const stacked = reshape(b, slices, rest === 1 ? [lead, count] : [lead, count, rest]);
  return rest === 1
    ? b.op("MatMul", [stacked, select])
    : b.op("MatMul", [transpose(b, select, [1, 0]), stacked]);
}

/** Adds each slice where its index says. */
function scattered({ b, x }: Call, slices: string, axis: number, rank: number): string {
  const column = [-1, ...Array.from({ length: rank - axis - 1 }, () => 1)];
  const indices = b.op("Expand", [
    b.op("Reshape", [x[1], b.ints(column)]),
    b.op("Shape", [slices]),
  ]);
  return b.op("ScatterElements", [zerosLike(b, x[0]), indices, slices], {
    axis: int(axis),
    reduction: text("add"),
  });
}

export const Gather = unary(
  (call) => {
    const { b, node, g, x } = call;
    const shape = b.shapeOf(x[0]);
    const axis = fromFront(intOf(node, "axis", 0), shape.length);
    const size = shape[axis];
    const [lead, rest] = [shape.slice(0, axis), shape.slice(axis + 1)];
    const count = elementCount(b.shapeOf(x[1]));
    const grows = [...lead, ...rest].some((dim) => dim < 0);
    if (size < 0 || (count < 0 && grows)) {
      refuse(node, "indices into the batch mix images", "take values of one image");
    }
    const slices = reshape(b, g, [...lead, count, ...rest]);
    const indices = b.valuesOf(x[1])?.map((i) => fromFront(i, size));
    if (indices !== undefined && new Set(indices).size === indices.length) {
      return placed(b, slices, { axis, indices, size });
    }
    if (count >= 0 && count * size <= LARGEST_SELECTION) {
      const sums = selected(call, slices, [elementCount(lead), count, elementCount(rest)], size);
      return reshape(b, sums, shape);
    }
    return scattered(call, slices, axis, shape.length);
  },
  {
    attributes: ["axis"],
    notes: "not along the batch",
  },
);

/** The axis along which entries are taken or put, from the front. */
function axisOf({ b, node, x }: Call): number {
  const shape = b.shapeOf(x[0]);
  const axis = fromFront(intOf(node, "axis", 0), shape.length);
  if (shape[axis] < 0) refuse(node, "indices into the batch mix images", "take another axis");
  return axis;
}

export const GatherElements = unary(
  (call) => {
    const { b, g, x } = call;
    return b.op("ScatterElements", [zerosLike(b, x[0]), x[1], g], {
      axis: int(axisOf(call)),
      reduction: text("add"),
    });
  },
  {
    attributes: ["axis"],
    notes: "not along the batch",
  },
);

/** Updates that meet are added up, or do not meet. */
export const ScatterElements: Rule = {
  attributes: ["axis", "reduction"],
  differentiable: [0, 2],
  vjps: (call) => {
    const { b, node, g, x } = call;
    const axis = int(axisOf(call));
    const reduction = textOf(node, "reduction", "none");
    if (reduction !== "add" && reduction !== "none") {
      refuse(node, `reduction ${reduction} is not supported`, "add values, or put each once");
    }
    const updates = (): string => b.op("GatherElements", [g, x[1]], { axis });
    if (reduction === "add") return [() => g, null, updates];
    const kept = (): string => b.op("ScatterElements", [g, x[1], zerosLike(b, x[2])], { axis });
    return [kept, null, updates];
  },
  notes: "not along the batch; without a reduction no index comes twice",
};
