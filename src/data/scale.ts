// Whether pixels look like another scale than [0, 1] in floats and 0..255 in bytes.

/** What an attack that does not clip may leave beyond [0, 1]. */
const BEYOND = 2;

/**
 * What to say of pixels on another scale; undefined where nothing speaks against pixel units.
 *
 * Floats that look like bytes lie beyond what an attack adds to [0, 1], and most of them are whole or the largest is
 * near 255. Normalised images are a few standard deviations wide. Images in [-1, 1] reach both ends, which an attack
 * on [0, 1] does not.
 */
export function scaleNote(pixels: Uint8Array | Float32Array): string | undefined {
  if (pixels instanceof Uint8Array) return bytesNote(pixels);
  let [low, high, whole, negative] = [Infinity, -Infinity, 0, 0];
  for (const value of pixels) {
    if (value > high) high = value;
    if (value < low) low = value;
    if (value < 0) negative++;
    if (Number.isInteger(value)) whole++;
  }
  if (high > BEYOND && (2 * whole > pixels.length || (high > 128 && high <= 256))) {
    return `pixels reach ${high}: expected [0, 1]; divide bytes by 255`;
  }
  const range = `pixels reach from ${rounded(low)} to ${rounded(high)}: expected [0, 1]`;
  const share = negative / pixels.length;
  if (low >= -1.001 && low < -0.9 && high <= 1.001 && share > 0.02) {
    return `${range}; they look like [-1, 1]: give (x + 1) / 2, and the model --mean 0.5 --std 0.5`;
  }
  if (share > 0.02 && (low < -1.5 || (high > 1.6 && low < -0.3))) {
    return `${range}; they look normalised: give them before it, and the model --mean and --std`;
  }
  return undefined;
}

/** Nearly every set of bytes tells in its first image that it is none of 0 and 1. */
function bytesNote(bytes: Uint8Array): string | undefined {
  if (bytes.some((byte) => byte > 1)) return undefined;
  return bytes.some((byte) => byte === 1)
    ? "bytes hold only 0 and 1, which are nearly black: expected 0..255; multiply by 255"
    : "every pixel is 0";
}

const rounded = (value: number): number => Number(value.toPrecision(3));
