// Sliding windows of any spatial rank: what convolution and pooling share.
import { eachIndex, offsetAt, stridesOf } from "./array.ts";
import type { Call } from "./call.ts";

/** Per spatial axis: the window, the padding before and after, and the number of windows. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly out: readonly number[];
}

/** One window: which kernel element meets which input element (flat over the spatial axes). */
export interface WindowAt {
  readonly taps: readonly { readonly kernel: number; readonly input: number }[];
  /** Kernel elements on the input or its padding; a ceil_mode window can reach beyond both. */
  readonly padded: number;
}

function perAxis(call: Call, name: string, rank: number, otherwise: number): readonly number[] {
  const values = call.ints(name, Array<number>(rank).fill(otherwise));
  if (values.length !== rank) throw new Error(`${name} [${values}] does not fit ${rank} axes`);
  return values;
}

/** Reads strides, dilations and pads of a call, the attributes all window operators share. */
export function readWindow(call: Call, kernel: readonly number[]): Omit<Window, "out"> {
  const rank = kernel.length;
  const pads = call.ints("pads", Array<number>(2 * rank).fill(0));
  if (pads.length !== 2 * rank) throw new Error(`pads [${pads}] does not fit ${rank} axes`);
  return {
    kernel,
    strides: perAxis(call, "strides", rank, 1),
    dilations: perAxis(call, "dilations", rank, 1),
    begin: pads.slice(0, rank),
    end: pads.slice(rank),
  };
}

/** The windows that slide over an input: explicit pads, or those that auto_pad asks for. */
export function slidingWindow(
  call: Call,
  spatial: readonly number[],
  kernel: readonly number[],
  ceil = false,
): Window {
  const read = readWindow(call, kernel);
  if (spatial.length !== kernel.length) {
    throw new Error(`kernel [${kernel}] does not fit the spatial axes [${spatial}]`);
  }
  const { strides, dilations } = read;
  const extent = kernel.map((k, d) => (k - 1) * dilations[d] + 1);
  const autoPad = call.string("auto_pad", "NOTSET");
  if (autoPad !== "NOTSET" && [...read.begin, ...read.end].some((pad) => pad !== 0)) {
    throw new Error(`pads and auto_pad ${autoPad} exclude each other`);
  }
  // onnxruntime departs from the standard here, so that there is no one right answer.
  if (autoPad.startsWith("SAME") && dilations.some((dilation) => dilation !== 1)) {
    throw new Error(`auto_pad ${autoPad} with dilations is ambiguous`);
  }
  if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
    const out = spatial.map((n, d) => Math.ceil(n / strides[d]));
    const total = out.map((o, d) => Math.max((o - 1) * strides[d] + extent[d] - spatial[d], 0));
    const less = total.map((pad) => Math.floor(pad / 2));
    const more = total.map((pad) => Math.ceil(pad / 2));
    const [begin, end] = autoPad === "SAME_UPPER" ? [less, more] : [more, less];
    return { ...read, begin, end, out };
  }
  if (autoPad !== "NOTSET" && autoPad !== "VALID")
    throw new Error(`auto_pad ${autoPad} is not known`);
  const out = spatial.map((n, d) => {
    const steps = (n + read.begin[d] + read.end[d] - extent[d]) / strides[d];
    if (steps < 0) throw new Error(`a window of ${extent[d]} does not fit an axis of ${n}`);
    const count = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that would start in the padding after the input is left out.
    return ceil && (count - 1) * strides[d] >= n + read.begin[d] ? count - 1 : count;
  });
  return { ...read, out };
}

/** Every window, in row-major order of the output, over an input with the given spatial axes. */
export function windowsOver(spatial: readonly number[], window: Window): readonly WindowAt[] {
  const inputStrides = stridesOf(spatial);
  const windows: WindowAt[] = [];
  eachIndex(window.out, (o) => {
    const taps: { kernel: number; input: number }[] = [];
    let padded = 0;
    eachIndex(window.kernel, (k, kernel) => {
      const at = k.map(
        (j, d) => o[d] * window.strides[d] + j * window.dilations[d] - window.begin[d],
      );
      if (at.every((i, d) => i < spatial[d] + window.end[d])) padded += 1;
      if (at.every((i, d) => i >= 0 && i < spatial[d])) {
        taps.push({ kernel, input: offsetAt(at, inputStrides) });
      }
    });
    windows.push({ taps, padded });
  });
  return windows;
}
