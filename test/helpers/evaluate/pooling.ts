// Pooling over windows and over whole planes.
import { type NDArray, size } from "./array.ts";
import type { Call } from "./call.ts";
import { slidingWindow, type WindowAt, windowsOver } from "./window.ts";

/** Calls `pool` for every window of every plane of x [N, C, ...]; `at` is where the plane starts. */
function poolWindows(
  call: Call,
  x: NDArray,
  pool: (window: WindowAt, at: number) => void,
): readonly number[] {
  const [batch, channels, ...spatial] = x.dims;
  const ceil = call.int("ceil_mode", 0) !== 0;
  const window = slidingWindow(call, spatial, call.ints("kernel_shape"), ceil);
  const autoPad = call.string("auto_pad", "NOTSET");
  // onnxruntime rounds up under VALID, and lets SAME crop where strides skip values: not the standard.
  const skips = window.strides.some((stride, d) => stride > window.kernel[d]);
  if ((autoPad === "VALID" && ceil) || (autoPad.startsWith("SAME") && skips)) {
    throw new Error(`auto_pad ${autoPad} with this ceil_mode or these strides is ambiguous`);
  }
  const windows = windowsOver(spatial, window);
  for (let plane = 0; plane < batch * channels; plane++) {
    for (const at of windows) pool(at, plane * size(spatial));
  }
  return [batch, channels, ...window.out];
}

/** Padding never wins. Indices are flat over the whole of x, and row-major; the first of equals counts. */
export function MaxPool(call: Call): NDArray[] {
  const x = call.input(0);
  const isRowMajor = call.int("storage_order", 0) === 0;
  const values: number[] = [];
  const indices: number[] = [];
  const dims = poolWindows(call, x, ({ taps }, at) => {
    if (taps.length === 0) throw new Error("a window lies wholly in the padding");
    let best = at + taps[0].input;
    for (const { input } of taps) if (x.data[at + input] > x.data[best]) best = at + input;
    values.push(x.data[best]);
    indices.push(best);
  });
  const maxima = { dims, data: Float64Array.from(values) };
  return isRowMajor
    ? [maxima, { dims, data: Float64Array.from(indices), integer: true }]
    : [maxima];
}

/** Divides by the elements seen; with count_include_pad by those of the padding too. */
export function AveragePool(call: Call): NDArray[] {
  const x = call.input(0);
  const includePad = call.int("count_include_pad", 0) !== 0;
  const values: number[] = [];
  const dims = poolWindows(call, x, ({ taps, padded }, at) => {
    const count = includePad ? padded : taps.length;
    if (count === 0) throw new Error("a window lies wholly in the padding");
    values.push(taps.reduce((sum, { input }) => sum + x.data[at + input], 0) / count);
  });
  return [{ dims, data: Float64Array.from(values) }];
}

function overPlanes(x: NDArray, pool: (plane: Float64Array) => number): NDArray[] {
  const [batch, channels, ...spatial] = x.dims;
  const n = size(spatial);
  return [
    {
      dims: [batch, channels, ...spatial.map(() => 1)],
      data: Float64Array.from({ length: batch * channels }, (_, i) =>
        pool(x.data.subarray(i * n, (i + 1) * n)),
      ),
    },
  ];
}

export function GlobalAveragePool(call: Call): NDArray[] {
  return overPlanes(call.input(0), (plane) => plane.reduce((a, b) => a + b, 0) / plane.length);
}

export function GlobalMaxPool(call: Call): NDArray[] {
  return overPlanes(call.input(0), (plane) => plane.reduce((a, b) => Math.max(a, b)));
}
