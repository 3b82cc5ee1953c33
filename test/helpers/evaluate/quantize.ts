// Quantisation to whole numbers and back.
import { axisOf, build, type NDArray } from "./array.ts";
import type { Call } from "./call.ts";
import { Round } from "./elementwise.ts";

/** Scale and zero point of the entry at an index: one for all, or one for each entry along the axis. */
function parameters(call: Call, x: NDArray) {
  const [scale, zero] = [call.input(1), call.optional(2)];
  const given = call.int("axis", 1);
  const axis = scale.data.length === 1 ? undefined : axisOf(given, x.dims.length);
  return (index: readonly number[]) => {
    const at = axis === undefined ? 0 : index[axis];
    return { scale: scale.data[at], zero: zero?.data[at] ?? 0 };
  };
}

/** round(x / scale) + zero point, half to even, kept in the range of the zero point's type. */
export function QuantizeLinear(call: Call): NDArray[] {
  const x = call.input(0);
  const of = parameters(call, x);
  call.int("saturate", 1);
  const isSigned = call.optional(2)?.type === "int8" || call.int("output_dtype", 0) === 3;
  const [low, high] = isSigned ? [-128, 127] : [0, 255];
  return [
    build(x.dims, true, (index, flat) => {
      const { scale, zero } = of(index);
      const ratio = { dims: [], data: Float64Array.of(x.data[flat] / scale) };
      const [rounded] = Round({ ...call, input: () => ratio });
      return Math.min(Math.max(rounded.data[0] + zero, low), high);
    }),
  ];
}

export function DequantizeLinear(call: Call): NDArray[] {
  const x = call.input(0);
  const of = parameters(call, x);
  return [
    build(x.dims, false, (index, flat) => {
      const { scale, zero } = of(index);
      return (x.data[flat] - zero) * scale;
    }),
  ];
}
