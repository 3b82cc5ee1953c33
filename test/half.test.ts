// float16: the format's own definition, and rounding to the nearest by comparing with the neighbours.
import { describe, expect, it } from "vitest";
import { halfToNumber, halvesToFloats, numberToHalf, roundToHalves } from "../src/tensor/half.ts";
import { randomStream } from "../src/tensor/random.ts";

describe("float16", () => {
  it("has the numbers that the standard names", () => {
    const known = [
      [0x0000, 0],
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0001, 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3555, 0.333251953125],
      [0xfc00, Number.NEGATIVE_INFINITY],
    ] as const;
    for (const [bits, value] of known) expect(halfToNumber(bits)).toBe(value);
    expect(halfToNumber(0x7e00)).toBeNaN();
    expect(Object.is(halfToNumber(0x8000), -0)).toBe(true);
  });

  it("gives back every one of its numbers", () => {
    for (let bits = 0; bits < 2 ** 16; bits++) {
      const value = halfToNumber(bits);
      if (!Number.isNaN(value)) expect(numberToHalf(value)).toBe(bits);
    }
    expect(numberToHalf(Number.NaN)).toBe(0x7e00);
  });

  it("rounds to the nearest number, and between two to the even one", () => {
    const random = randomStream(7);
    for (let k = 0; k < 20_000; k++) {
      const value = Math.fround(random.normal() * 2 ** Math.round(20 * random.uniform() - 22));
      const bits = numberToHalf(value);
      const near = Math.abs(halfToNumber(bits) - value);
      for (const other of [bits - 1, bits + 1]) {
        const far = Math.abs(halfToNumber(other) - value);
        if ((bits & 0x7fff) !== 0)
          expect(near < far || (near === far && bits % 2 === 0)).toBe(true);
      }
    }
    expect(numberToHalf(2 ** -25)).toBe(0);
    expect(numberToHalf(3 * 2 ** -25)).toBe(2);
    expect(numberToHalf(65519.996)).toBe(0x7bff);
    expect(numberToHalf(65520)).toBe(0x7c00);
  });

  it("as whole arrays", () => {
    expect(halvesToFloats(Uint16Array.of(0x3c00, 0xc000))).toEqual(Float32Array.of(1, -2));
    expect(roundToHalves(Float32Array.of(1 / 3, 1e-9, -1e6))).toEqual(
      Float32Array.of(0.333251953125, 0, -65504),
    );
  });
});
