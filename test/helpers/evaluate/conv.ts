// Convolution and its transpose, any spatial rank.
import { build, type NDArray, size } from "./array.ts";
import type { Call } from "./call.ts";
import { readWindow, slidingWindow, windowsOver } from "./window.ts";

function checkKernelShape(call: Call, kernel: readonly number[]): void {
  const stated = call.ints("kernel_shape", kernel);
  if (String(stated) !== String(kernel)) {
    throw new Error(`kernel_shape [${stated}] is not that of the weights, [${kernel}]`);
  }
}

/** x [N, C, ...], w [M, C / group, kernel...], b [M] -> [N, M, ...]; no kernel flip. */
export function Conv(call: Call): NDArray[] {
  const [x, w, b] = [call.input(0), call.input(1), call.optional(2)];
  const group = call.int("group", 1);
  const [batch, channels, ...spatial] = x.dims;
  const [maps, perGroup, ...kernel] = w.dims;
  checkKernelShape(call, kernel);
  const window = slidingWindow(call, spatial, kernel);
  if (channels !== perGroup * group || maps % group !== 0) {
    throw new Error(`weights [${w.dims}] do not fit [${x.dims}] in ${group} groups`);
  }
  const windows = windowsOver(spatial, window);
  const [image, taps, mapsPerGroup] = [size(spatial), size(kernel), maps / group];
  const plane = windows.length;
  return [
    build([batch, maps, ...window.out], false, (index, flat) => {
      const [n, m] = index;
      const firstChannel = Math.floor(m / mapsPerGroup) * perGroup;
      let sum = b === undefined ? 0 : b.data[m];
      for (let c = 0; c < perGroup; c++) {
        const xAt = (n * channels + firstChannel + c) * image;
        const wAt = (m * perGroup + c) * taps;
        for (const tap of windows[flat % plane].taps) {
          sum += x.data[xAt + tap.input] * w.data[wAt + tap.kernel];
        }
      }
      return sum;
    }),
  ];
}

/**
 * x [N, C, ...], w [C, M / group, kernel...], b [M] -> [N, M, ...]: every x value adds its multiple
 * of the kernel to the output at stride distance, so x plays the part of a convolution's output.
 */
export function ConvTranspose(call: Call): NDArray[] {
  const [x, w, b] = [call.input(0), call.input(1), call.optional(2)];
  const group = call.int("group", 1);
  const [batch, channels, ...spatial] = x.dims;
  const [wChannels, mapsPerGroup, ...kernel] = w.dims;
  const maps = mapsPerGroup * group;
  checkKernelShape(call, kernel);
  if (channels !== wChannels || channels % group !== 0 || kernel.length !== spatial.length) {
    throw new Error(`weights [${w.dims}] do not fit [${x.dims}] in ${group} groups`);
  }
  const read = readWindow(call, kernel);
  const outputPadding = call.ints("output_padding", Array<number>(kernel.length).fill(0));
  const reach = spatial.map(
    (n, d) =>
      read.strides[d] * (n - 1) + outputPadding[d] + ((kernel[d] - 1) * read.dilations[d] + 1),
  );
  const autoPad = call.string("auto_pad", "NOTSET");
  const same = autoPad.startsWith("SAME");
  const asked = same ? spatial.map((n, d) => n * read.strides[d]) : [];
  const sizes = call.ints("output_shape", asked);
  const out = sizes.length > 0 ? sizes : reach.map((r, d) => r - read.begin[d] - read.end[d]);
  // A size that is asked for decides the padding; the odd one goes to the end under SAME_UPPER only.
  const total = reach.map((r, d) => Math.max(0, r - out[d]));
  const half = autoPad === "SAME_UPPER" ? Math.floor : Math.ceil;
  const begin = sizes.length > 0 ? total.map((t) => half(t / 2)) : read.begin;
  const windows = windowsOver(out, { ...read, begin, out: spatial });
  const [image, taps, perGroup] = [size(out), size(kernel), channels / group];
  const y = build([batch, maps, ...out], false, ([, m]) => (b === undefined ? 0 : b.data[m]));
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const firstMap = Math.floor(c / perGroup) * mapsPerGroup;
      for (let m = 0; m < mapsPerGroup; m++) {
        const yAt = (n * maps + firstMap + m) * image;
        const wAt = (c * mapsPerGroup + m) * taps;
        for (const [at, { taps: reached }] of windows.entries()) {
          const value = x.data[(n * channels + c) * windows.length + at];
          for (const tap of reached) y.data[yAt + tap.input] += value * w.data[wAt + tap.kernel];
        }
      }
    }
  }
  return [y];
}
