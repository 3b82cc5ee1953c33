// Stand-ins for the gradients of Sign and of quantisation, which are 0 wherever there is one (Bengio et al.,
// arXiv 1308.3432): the gradient passes straight through where the value is in range, as in training with them.
import { int, intOf } from "../../onnx/attributes.ts";
import type { ElementType } from "../../onnx/graph.ts";
import { typeCode } from "../../onnx/tensor-proto.ts";
import { fromFront, reshape, scalar } from "../builder.ts";
import { type Call, refuse } from "../rule.ts";
import { keepWhere, unary } from "./entrywise.ts";

export const Sign = unary(
  (call) => {
    const { b, x } = call;
    return keepWhere(call, b.op("LessOrEqual", [b.op("Abs", [x[0]]), scalar(b, 1)]));
  },
  {
    straightThrough: true,
    notes: "the identity where the value is in [-1, 1], else 0",
  },
);

/** Gives a scale or zero point, which may have an entry for each of an axis, a shape that broadcasts to x. */
function broadcast({ b, node, x }: Call, value: string): string {
  const [shape, own] = [b.shapeOf(x[0]), b.shapeOf(value)];
  if (own.length > 1) refuse(node, "blocks are not supported", "quantise whole axes");
  if (own.length === 0 || own[0] === 1) return value;
  const axis = fromFront(intOf(node, "axis", 1), shape.length);
  return reshape(b, value, [own[0], ...shape.slice(axis + 1).map(() => 1)]);
}

const ranges: ReadonlyMap<ElementType, readonly [number, number]> = new Map([
  ["uint8", [0, 255]],
  ["int8", [-128, 127]],
]);

/** Returns the least and the largest whole number of the quantised type. */
function rangeOf({ b, node, x }: Call): readonly [number, number] {
  const code = intOf(node, "output_dtype", 0);
  const stated = [...ranges.keys()].find((type) => typeCode(type) === (code || typeCode("uint8")));
  const type = x[2] ? b.typeOf(x[2]) : stated;
  const range = type && ranges.get(type);
  if (range !== undefined) return range;
  return refuse(node, `it quantises to ${type ?? "an unknown type"}`, "quantise to uint8 or int8");
}

/** y = round(x / scale) + zero point is kept in the range of its type. */
export const QuantizeLinear = unary(
  (call) => {
    const { b, g, x } = call;
    const scale = broadcast(call, x[1]);
    const rounded = b.op("Round", [b.op("Div", [x[0], scale])]);
    const zero = x[2]
      ? b.op("Cast", [broadcast(call, x[2])], { to: int(typeCode("float32")) })
      : scalar(b, 0);
    const [low, high] = rangeOf(call).map((end) => b.op("Sub", [scalar(b, end), zero]));
    const inside = b.op("And", [
      b.op("GreaterOrEqual", [rounded, low]),
      b.op("LessOrEqual", [rounded, high]),
    ]);
    return keepWhere({ ...call, g: b.op("Div", [g, scale]) }, inside);
  },
  {
    attributes: ["axis", "output_dtype", "saturate"],
    straightThrough: true,
    notes:
      "to uint8 and int8, by tensor or by axis: 1 / scale where the value rounds into the range, else 0",
  },
);

/** y = (x - zero point) scale is what a quantised value stands for. */
export const DequantizeLinear = unary(
  (call) => call.b.op("Mul", [call.g, broadcast(call, call.x[1])]),
  {
    attributes: ["axis"],
    straightThrough: true,
    notes:
      "by tensor or by axis: the scale, so that with `QuantizeLinear` before it the two are the identity",
  },
);
