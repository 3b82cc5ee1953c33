// Converts IEEE half precision (float16), kept as its 16 bits, to and from JavaScript's numbers.

const buffer = new DataView(new ArrayBuffer(4));

/** Returns the number that 16 bits stand for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Finds the nearest float16 of a float32 number, of two the even one; beyond 65519 it is infinite. */
export function numberToHalf(value: number): number {
  buffer.setFloat32(0, value);
  const bits = buffer.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14 the numbers are multiples of 2^-24.
  if (magnitude < 0x38800000) return sign | roundToEven(Math.abs(value) * 2 ** 24);
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

let numbers: Float32Array | undefined;

/** Makes float32 numbers of float16 ones, each of which they hold exactly. */
export function halvesToFloats(bits: Uint16Array): Float32Array {
  numbers ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => halfToNumber(half));
  const floats = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) floats[i] = numbers[bits[i]];
  return floats;
}

/** The largest finite float16. */
const LARGEST = 65504;

/** Rounds each number to the nearest finite one that float16 holds. */
export function roundToHalves(values: Float32Array): Float32Array {
  return values.map((value) =>
    halfToNumber(numberToHalf(Math.max(-LARGEST, Math.min(LARGEST, value)))),
  );
}
