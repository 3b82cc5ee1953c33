// Resizing and cropping of byte images as Pillow and torchvision do, to the bit.
//
// Pillow's Resample.c: a kernel as wide as an output pixel (so that shrinking averages), weights rounded to 22 bits,
// the rows first, rounded to bytes, then the columns.

/** An image of bytes, row by row, the channels of a pixel side by side. */
export interface Bitmap {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

export type Filter = "bilinear" | "bicubic";

/** Keys' cubic with a = -1/2, as Pillow's. */
function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

const KERNELS = {
  bilinear: { support: 1, at: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: cubic },
} as const;

const BITS = 22;

/** What one output pixel is made of: input pixels from `start` on, each with a weight of 22 bits. */
interface Taps {
  readonly start: number;
  readonly weights: Int32Array;
}

function tapsOf(from: number, to: number, filter: Filter): Taps[] {
  const { support, at } = KERNELS[filter];
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const reach = support * stretch;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - start }, (_, x) =>
      at((x + start - centre + 0.5) * (1 / stretch)),
    );
    const sum = raw.reduce((total, weight) => total + weight, 0);
    const weights = Int32Array.from(raw, (weight) => {
      const whole = (weight / sum) * 2 ** BITS;
      return whole < 0 ? Math.trunc(whole - 0.5) : Math.trunc(whole + 0.5);
    });
    return { start, weights };
  });
}

/** Resamples one axis: `outer` lines of pixels that are `stride` apart. */
function pass(
  data: Uint8Array,
  { outer, from, inner }: { outer: number; from: number; inner: number },
  taps: readonly Taps[],
): Uint8Array {
  const out = new Uint8ClampedArray(outer * taps.length * inner);
  for (let o = 0; o < outer; o++) {
    for (const [t, { start, weights }] of taps.entries()) {
      const at = (o * taps.length + t) * inner;
      for (let k = 0; k < inner; k++) {
        let sum = 2 ** (BITS - 1);
        let pixel = (o * from + start) * inner + k;
        for (let w = 0; w < weights.length; w++, pixel += inner) sum += data[pixel] * weights[w];
        out[at + k] = Math.floor(sum / 2 ** BITS);
      }
    }
  }
  return new Uint8Array(out.buffer);
}

/** The image at another size, antialiased, equal to Pillow's `resize`. */
export function resize(image: Bitmap, width: number, height: number, filter: Filter): Bitmap {
  const { channels } = image;
  let { data } = image;
  if (width !== image.width) {
    const lines = { outer: image.height, from: image.width, inner: channels };
    data = pass(data, lines, tapsOf(image.width, width, filter));
  }
  if (height !== image.height) {
    const lines = { outer: 1, from: image.height, inner: width * channels };
    data = pass(data, lines, tapsOf(image.height, height, filter));
  }
  return { data, width, height, channels };
}

/** Python's round: halves go to the even number. */
function roundHalfEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Where the centre crop begins on an axis; below 0 where the image is padded with black. */
const cropStart = (from: number, to: number): number =>
  to > from ? -Math.floor((to - from) / 2) : roundHalfEven((from - to) / 2);

/** The centre of the image, equal to torchvision's CenterCrop. */
export function centreCrop(image: Bitmap, width: number, height: number): Bitmap {
  const { channels } = image;
  const left = cropStart(image.width, width);
  const top = cropStart(image.height, height);
  const data = new Uint8Array(width * height * channels);
  const first = Math.max(0, -left);
  const last = Math.min(width, image.width - left);
  for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
    const from = ((y + top) * image.width + left + first) * channels;
    const row = image.data.subarray(from, from + (last - first) * channels);
    data.set(row, (y * width + first) * channels);
  }
  return { data, width, height, channels };
}

/** The size whose shorter side is `side`, as torchvision's Resize computes it: [width, height]. */
export function shorterSideTo(width: number, height: number, side: number): [number, number] {
  if (width <= height) return [side, Math.trunc((side * height) / width)];
  return [Math.trunc((side * width) / height), side];
}
