// Normalisations: by constant statistics, by those of the image itself, and by neighbouring channels.
import {
  axisOf,
  broadcastTo,
  build,
  eachIndex,
  type NDArray,
  offsetAt,
  size,
  stridesOf,
} from "./array.ts";
import type { Call } from "./call.ts";

/** Inference only: (x - mean) / sqrt(var + epsilon) * scale + bias, per channel. */
export function BatchNormalization(call: Call): NDArray[] {
  const [x, scale, bias] = [call.input(0), call.input(1), call.input(2)];
  const [mean, variance] = [call.input(3), call.input(4)];
  const epsilon = call.float("epsilon", 1e-5);
  call.float("momentum", 0.9);
  if (call.int("training_mode", 0) !== 0) throw new Error("training_mode is not known");
  return [
    build(x.dims, false, ([, c], i) => {
      const normal = (x.data[i] - mean.data[c]) / Math.sqrt(variance.data[c] + epsilon);
      return normal * scale.data[c] + bias.data[c];
    }),
  ];
}

/** (x - mean) times what `factor` makes of the variance, both over the given axes. */
function standardized(
  x: NDArray,
  axes: ReadonlySet<number>,
  factor: (variance: number) => number,
  centred = true,
): NDArray {
  const strides = stridesOf(x.dims);
  const inner = x.dims.map((n, d) => (axes.has(d) ? n : 1));
  const outer = x.dims.map((n, d) => (axes.has(d) ? 1 : n));
  const data = new Float64Array(x.data.length);
  eachIndex(outer, (at) => {
    const places: number[] = [];
    eachIndex(inner, (i) => places.push(offsetAt(at, strides) + offsetAt(i, strides)));
    const values = places.map((place) => x.data[place]);
    const mean = centred ? values.reduce((a, b) => a + b) / values.length : 0;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    for (const place of places) data[place] = (x.data[place] - mean) * factor(variance);
  });
  return { dims: x.dims, data };
}

const invertedRoot =
  (epsilon: number) =>
  (variance: number): number =>
    1 / Math.sqrt(variance + epsilon);

const from = (first: number, rank: number): Set<number> =>
  new Set(Array.from({ length: rank - first }, (_, i) => first + i));

/** hat scale + bias, where scale and bias belong to the channel on axis 1, or to its group. */
function perChannel(hat: NDArray, scale: NDArray, bias: NDArray): NDArray[] {
  const each = hat.dims[1] / scale.dims[0];
  return [
    build(hat.dims, false, ([, c], flat) => {
      const of = Math.floor(c / each);
      return hat.data[flat] * scale.data[of] + bias.data[of];
    }),
  ];
}

export function InstanceNormalization(call: Call): NDArray[] {
  const x = call.input(0);
  const factor = invertedRoot(call.float("epsilon", 1e-5));
  const hat = standardized(x, from(2, x.dims.length), factor);
  return perChannel(hat, call.input(1), call.input(2));
}

/** Scale and bias are one a channel, or before opset 21 one a group. */
export function GroupNormalization(call: Call): NDArray[] {
  const x = call.input(0);
  call.int("stash_type", 1);
  const groups = call.int("num_groups");
  const [batch, channels, ...spatial] = x.dims;
  const grouped = { ...x, dims: [batch, groups, channels / groups, ...spatial] };
  const factor = invertedRoot(call.float("epsilon", 1e-5));
  const hat = standardized(grouped, from(2, grouped.dims.length), factor);
  return perChannel({ ...hat, dims: x.dims }, call.input(1), call.input(2));
}

/** Over the axis and all behind it; scale and bias lie on those, and broadcast. */
function trailing(call: Call, centred: boolean): NDArray[] {
  const [x, scale, bias] = [call.input(0), call.input(1), centred ? call.optional(2) : undefined];
  call.int("stash_type", 1);
  const axes = from(axisOf(call.int("axis", -1), x.dims.length), x.dims.length);
  const hat = standardized(x, axes, invertedRoot(call.float("epsilon", 1e-5)), centred);
  const [a, b] = [scale, bias].map((value) => value && broadcastTo(value, x.dims).data);
  return [{ ...hat, data: hat.data.map((v, i) => v * (a?.[i] ?? 1) + (b?.[i] ?? 0)) }];
}

export function LayerNormalization(call: Call): NDArray[] {
  return trailing(call, true);
}

export function RMSNormalization(call: Call): NDArray[] {
  return trailing(call, false);
}

export function MeanVarianceNormalization(call: Call): NDArray[] {
  const x = call.input(0);
  const axes = call.ints("axes", [0, 2, 3]).map((axis) => axisOf(axis, x.dims.length));
  return [standardized(x, new Set(axes), (variance) => 1 / (Math.sqrt(variance) + 1e-9))];
}

/** x / (bias + alpha / size sum)^beta, the sum of squares over the channels around. */
export function LRN(call: Call): NDArray[] {
  const x = call.input(0);
  const [alpha, beta] = [call.float("alpha", 1e-4), call.float("beta", 0.75)];
  const [bias, n] = [call.float("bias", 1), call.int("size")];
  const plane = size(x.dims.slice(2));
  return [
    build(x.dims, false, ([, c], flat) => {
      let sum = 0;
      for (let d = -Math.floor((n - 1) / 2); d <= Math.ceil((n - 1) / 2); d++) {
        if (c + d >= 0 && c + d < x.dims[1]) sum += x.data[flat + d * plane] ** 2;
      }
      return x.data[flat] / (bias + (alpha / n) * sum) ** beta;
    }),
  ];
}
