// Operators that make values out of attributes, shapes and counts.
import { axisOf, build, type NDArray } from "./array.ts";
import { type Call, fromTensor } from "./call.ts";

function vector(values: Iterable<number>, integer: boolean): NDArray {
  const data = Float64Array.from(values);
  return { dims: [data.length], data, integer };
}

/** Exactly one of the value attributes. */
export function Constant(call: Call): NDArray[] {
  if (call.has("value")) return [fromTensor(call.tensor("value"))];
  if (call.has("value_floats")) return [vector(call.floats("value_floats"), false)];
  if (call.has("value_ints")) return [vector(call.ints("value_ints"), true)];
  if (call.has("value_int")) return [build([], true, () => call.int("value_int"))];
  return [build([], false, () => call.float("value_float"))];
}

/** The fill is a tensor of one element; float 0 when not given. */
export function ConstantOfShape(call: Call): NDArray[] {
  const dims = [...call.input(0).data];
  const values = new Float32Array([0]);
  const { data, integer } = fromTensor(
    call.tensor("value", { type: "float32", dims: [1], values }),
  );
  return [build(dims, integer, () => data[0])];
}

/** start and end are clamped to [0, rank], unlike any other axis. */
export function Shape(call: Call): NDArray[] {
  const { dims } = call.input(0);
  const clamp = (axis: number): number =>
    Math.min(Math.max(axis < 0 ? axis + dims.length : axis, 0), dims.length);
  return [
    vector(dims.slice(clamp(call.int("start", 0)), clamp(call.int("end", dims.length))), true),
  ];
}

/** Ones on the k-th diagonal of a matrix of the input's shape. */
export function EyeLike(call: Call): NDArray[] {
  const k = call.int("k", 0);
  if (call.int("dtype", 1) !== 1) throw new Error("only float32 is known");
  return [build(call.input(0).dims, false, ([i, j]) => (j - i === k ? 1 : 0))];
}

export function Range(call: Call): NDArray[] {
  const [start, limit, delta] = [call.input(0), call.input(1), call.input(2)].map((a) => a.data[0]);
  const length = Math.max(Math.ceil((limit - start) / delta), 0);
  return [build([length], call.input(0).integer, ([i]) => start + i * delta)];
}

/** values = [off, on]; the new axis stands at `axis` of the output; an index out of range is all off. */
export function OneHot(call: Call): NDArray[] {
  const [indices, values] = [call.input(0), call.input(2)];
  const depth = call.input(1).data[0];
  const axis = axisOf(call.int("axis", -1), indices.dims.length + 1);
  const dims = indices.dims.toSpliced(axis, 0, depth);
  const stride = indices.dims.slice(axis).reduce((product, n) => product * n, 1);
  const [off, on] = values.data;
  return [
    build(dims, values.integer, (index, flat) => {
      const at = Math.floor(flat / (stride * depth)) * stride + (flat % stride);
      const hot = indices.data[at];
      return (hot < 0 ? hot + depth : hot) === index[axis] ? on : off;
    }),
  ];
}
