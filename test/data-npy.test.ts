// .npy and .npz: round trips over element types and shapes, and one hostile input for each refusal.
import fc from "fast-check";
import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { type NpyArray, readNpy, writeNpy } from "../src/data/npy.ts";
import { readNpz, writeNpz } from "../src/data/npz.ts";

const MAKERS = {
  float32: (n: number) => fc.float32Array({ minLength: n, maxLength: n }),
  float64: (n: number) => fc.float64Array({ minLength: n, maxLength: n }),
  uint8: (n: number) => fc.uint8Array({ minLength: n, maxLength: n }),
  int32: (n: number) => fc.int32Array({ minLength: n, maxLength: n }),
  int64: (n: number) => fc.int32Array({ minLength: n, maxLength: n }),
};

const anyArray = fc
  .tuple(
    fc.constantFrom(...(Object.keys(MAKERS) as (keyof typeof MAKERS)[])),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  )
  .chain(([type, shape]) =>
    (MAKERS[type](shape.reduce((a, b) => a * b, 1)) as fc.Arbitrary<NpyArray["values"]>).map(
      (values) => ({ type, shape, values }) as NpyArray,
    ),
  );

const refusal = (text: string) =>
  expect.objectContaining({
    code: "data-unreadable",
    message: expect.stringContaining(text) as string,
  }) as Error;

/** A .npy file with this header text and these value bytes. */
function npy(header: string, data: ArrayLike<number>): Uint8Array {
  return Uint8Array.from([
    ...[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8],
    ...new TextEncoder().encode(header),
    ...Array.from(data),
  ]);
}

const header = (descr: string, shape: string, fortran = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

test("what is written is read again, also from an odd address", () => {
  fc.assert(
    fc.property(anyArray, fc.integer({ min: 0, max: 7 }), (array, shift) => {
      const bytes = writeNpy(array);
      const shifted = new Uint8Array(bytes.length + shift);
      shifted.set(bytes, shift);
      expect(readNpy(shifted.subarray(shift), "a")).toEqual(array);
    }),
    { numRuns: 200 },
  );
});

test("an archive keeps names and order, and its bytes depend on the arrays alone", () => {
  fc.assert(
    fc.property(fc.array(anyArray, { maxLength: 3 }), (list) => {
      const arrays = new Map(list.map((array, i) => [`array_${i}`, array]));
      const bytes = writeNpz(arrays);
      expect(readNpz(bytes)).toEqual(arrays);
      expect(writeNpz(arrays)).toEqual(bytes);
    }),
    { numRuns: 50 },
  );
});

test("values start at a multiple of 64 bytes, as NumPy asks", () => {
  const bytes = writeNpy({ type: "uint8", shape: [3], values: Uint8Array.of(7, 8, 9) });
  expect(bytes.length % 64).toBe(3);
  expect(bytes[bytes.length - 4]).toBe(10);
});

test("both byte orders are read", () => {
  expect(readNpy(npy(header(">i4", "(2,)"), [0, 0, 1, 2, 255, 255, 255, 255]), "a").values).toEqual(
    Int32Array.of(258, -1),
  );
  expect(readNpy(npy(header(">f8", "()"), [0x3f, 0xf0, 0, 0, 0, 0, 0, 0]), "a").values).toEqual(
    Float64Array.of(1),
  );
});

test("integers of other widths are read as int32, for labels", () => {
  const read = (code: string, bytes: readonly number[], n: number) =>
    readNpy(npy(header(code, `(${n},)`), bytes), "a");
  const int32 = (...values: readonly number[]) => ({
    type: "int32",
    shape: [values.length],
    values: Int32Array.from(values),
  });
  expect(read("|b1", [1, 0], 2)).toEqual({ ...int32(1, 0), boolean: true });
  expect(read("|i1", [255, 3], 2)).toEqual(int32(-1, 3));
  expect(read("<i2", [255, 255, 2, 1], 2)).toEqual(int32(-1, 258));
  expect(read(">u2", [255, 255], 1)).toEqual(int32(65535));
  expect(read("<u4", [1, 0, 0, 127], 1)).toEqual(int32(0x7f000001));
  expect(() => read("<u4", [0, 0, 0, 128], 1)).toThrow(refusal("entry 0 is 2147483648"));
});

test("half precision: the numbers that its bits stand for", () => {
  const bits = [0, 0x3c, 0, 0xc0, 1, 0, 255, 0x7b, 0, 0x7c, 0x55, 0x35];
  const { type, values } = readNpy(npy(header("<f2", "(6,)"), bits), "a");
  expect(type).toBe("float32");
  expect([...values]).toEqual([1, -2, 2 ** -24, 65504, Infinity, 1365 / 4096]);
});

test("Fortran order: the first axis runs fastest", () => {
  const read = readNpy(npy(header("|u1", "(2, 3)", "True"), [0, 10, 1, 11, 2, 12]), "a");
  expect([...read.values]).toEqual([0, 1, 2, 10, 11, 12]);
  const cube = readNpy(
    npy(
      header("|u1", "(2, 3, 4)", "True"),
      Array.from(
        { length: 24 },
        (_, i) => 100 * (i % 2) + 10 * (Math.floor(i / 2) % 3) + Math.floor(i / 6),
      ),
    ),
    "a",
  );
  const at = (i: number): number =>
    100 * Math.floor(i / 12) + 10 * (Math.floor(i / 4) % 3) + (i % 4);
  expect([...cube.values]).toEqual(Array.from({ length: 24 }, (_, i) => at(i)));
});

test("Fortran order matters only from two dimensions on", () => {
  expect(readNpy(npy(header("|u1", "(2,)", "True"), [1, 2]), "a").values).toHaveLength(2);
});

test.each([
  ["not npy at all", Uint8Array.of(1, 2, 3), "not a .npy array"],
  ["unknown version", npy(header("|u1", "(1,)"), [1]).fill(9, 6, 7), "version (9)"],
  ["half a header", npy(header("|u1", "(1,)"), []).subarray(0, 30), "has the header"],
  ["no header length", npy("", []).subarray(0, 8), "truncated"],
  ["an endless header", npy("", []).fill(2, 6, 7).fill(255, 8), "truncated"],
  ["a type we do not hold", npy(header("<c8", "(1,)"), [0, 0]), "elements of type <c8"],
  ["named fields", npy("{'descr': [('a', '<f4')], 'shape': (1,), }", []), "has the header"],
  ["too few values", npy(header("<f4", "(2,)"), [0, 0, 0, 0]), "takes 8 bytes, but 4"],
  ["too many values", npy(header("|u1", "(1,)"), [1, 2]), "takes 1 bytes, but 2"],
  ["a shape beyond memory", npy(header("|u1", "(99999999999, 99999999999)"), [1]), "takes"],
  [
    "an int64 beyond int32",
    npy(header("<i8", "(1,)"), [0, 0, 0, 0, 1, 0, 0, 0]),
    "entry 0 is 4294967296",
  ],
])("refused: %s", (_, bytes, text) => {
  expect(() => readNpy(bytes, "a")).toThrow(refusal(text));
});

test("words take the width of the longest, padded with zeros, and are not read as numbers", () => {
  const values = ["pgd", "", "square"];
  const bytes = writeNpy({ type: "words", shape: [3], values });
  expect(new TextDecoder().decode(bytes)).toMatch(/'descr': '\|S6', .*'shape': \(3,\)/);
  const rows = [0, 6, 12].map((at) => bytes.subarray(bytes.length - 18).subarray(at, at + 6));
  expect(rows.map((row) => new TextDecoder().decode(row))).toEqual([
    "pgd\0\0\0",
    "\0".repeat(6),
    "square",
  ]);
  expect(() => readNpy(bytes, "a")).toThrow(refusal("elements of type |S6"));
});

test("a shape that does not hold the values is not written", () => {
  expect(() => writeNpy({ type: "uint8", shape: [2], values: Uint8Array.of(1) })).toThrow(
    "1 values do not fill [2]",
  );
});

test("a deflated archive is read, members not asked for are skipped whatever they hold", () => {
  const y = writeNpy({ type: "int64", shape: [400], values: new Int32Array(400).fill(3) });
  const bytes = zipSync({ "y.npy": y, "names.npy": Uint8Array.of(1, 2), "readme.txt": y });
  expect([...readNpz(bytes, { only: ["y"] }).keys()]).toEqual(["y"]);
  expect(() => readNpz(bytes, { where: "f.npz" })).toThrow(refusal('f.npz: array "names"'));
});

test("a damaged archive, and one that claims to unpack to gigabytes, are refused", () => {
  const y = writeNpy({ type: "uint8", shape: [500], values: new Uint8Array(500) });
  const bytes = zipSync({ "y.npy": y });
  expect(() => readNpz(bytes.subarray(0, bytes.length - 9))).toThrow(refusal("not a readable"));
  expect(() => readNpz(Uint8Array.of(1, 2, 3))).toThrow(refusal("not a readable"));
  const directory = new DataView(bytes.buffer).getUint32(bytes.length - 6, true);
  const bomb = bytes.slice();
  new DataView(bomb.buffer).setUint32(directory + 24, 0xfffffff0, true);
  expect(() => readNpz(bomb)).toThrow(refusal("claims 4294967280 bytes"));
  const short = bytes.slice();
  new DataView(short.buffer).setUint32(directory + 24, 100, true);
  expect(() => readNpz(short)).toThrow(refusal("npz"));
});
