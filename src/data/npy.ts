// One array of NumPy's .npy format: the header in Python's notation, then the raw values.
import { TemperError } from "../errors.ts";
import { halvesToFloats } from "../tensor/half.ts";
import { imageSize } from "./dataset.ts";

/** An array with the type of its elements in the file; other integers are held as int32, and checked for range. */
export type NpyArray = { readonly shape: readonly number[] } & (
  | { readonly type: "float32"; readonly values: Float32Array }
  | { readonly type: "float64"; readonly values: Float64Array }
  | { readonly type: "uint8"; readonly values: Uint8Array }
  | {
      readonly type: "int32" | "int64";
      readonly values: Int32Array;
      /** The file holds truth values. */
      readonly boolean?: true;
    }
);

/** Numbers as an array of their own type. Default: a list of them. */
export function arrayOf(
  values: Float32Array | Float64Array | Int32Array | Uint8Array,
  shape: readonly number[] = [values.length],
): NpyArray {
  const type = values[Symbol.toStringTag].replace("Array", "").toLowerCase();
  return { type, shape, values } as NpyArray;
}

/** A text as its bytes in UTF-8. */
export const arrayOfText = (text: string): NpyArray => arrayOf(new TextEncoder().encode(text));

/** The text that an array holds as bytes. */
export const textIn = ({ values }: NpyArray): string =>
  new TextDecoder().decode(values as Uint8Array);

/** A matrix by its rows, which are put together in the file alone. It is only written, never read. */
export interface NpyRows {
  readonly shape: readonly [rows: number, width: number];
  readonly type: "rows";
  readonly values: readonly Float32Array[];
}

/** The rows of a matrix of `width` columns. */
export const unstackFloats = (values: Float32Array, width: number): Float32Array[] =>
  Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));

/** ASCII words, which the file holds in one fixed width (NumPy's bytes_). They are only written, never read. */
export interface NpyWords {
  readonly shape: readonly number[];
  readonly type: "words";
  readonly values: readonly string[];
}

const MAGIC = "\x93NUMPY";
const CODES = { float32: "<f4", float64: "<f8", uint8: "|u1", int32: "<i4", int64: "<i8" } as const;
const TYPES = new Map<string, NpyArray["type"]>([
  ["f4", "float32"],
  ["f8", "float64"],
  ["u1", "uint8"],
  ["i4", "int32"],
  ["i8", "int64"],
]);
type View = new (buffer: ArrayBufferLike, at: number, n: number) => ArrayLike<number>;
/** Integers of other widths, as labels come in: held as int32. */
const OTHER_INTEGERS = new Map<string, View>([
  ["b1", Uint8Array],
  ["i1", Int8Array],
  ["i2", Int16Array],
  ["u2", Uint16Array],
  ["u4", Uint32Array],
]);
/** An array whose first axis runs fastest, as Fortran and MATLAB keep it, in C order. */
function inCOrder<A extends Int32Array | Uint8Array | Float32Array | Float64Array>(
  values: A,
  shape: readonly number[],
): A {
  const out = values.slice() as A;
  const index = shape.map(() => 0);
  const strides = shape.map((_, axis) => imageSize(shape.slice(0, axis)));
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = values[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

const HEADER =
  /^\{'descr': '([<>|=])(\w+)', 'fortran_order': (True|False), 'shape': \(((?:\d+(?:, ?\d+)*,?)?)\),? ?\}\s*$/;

/** Longer headers belong to arrays with named fields, which are refused anyway. */
const MAX_HEADER_BYTES = 65535;

/** Little-endian bytes that start at an aligned address -> the typed values. */
function viewValues(type: NpyArray["type"], bytes: Uint8Array, where: string): NpyArray["values"] {
  const { buffer, byteOffset, length } = bytes;
  switch (type) {
    case "float32":
      return new Float32Array(buffer, byteOffset, length / 4);
    case "float64":
      return new Float64Array(buffer, byteOffset, length / 8);
    case "uint8":
      return bytes;
    case "int32":
      return new Int32Array(buffer, byteOffset, length / 4);
  }
  return int32s(new BigInt64Array(buffer, byteOffset, length / 8), where);
}

function int32s(given: ArrayLike<number | bigint>, where: string): Int32Array {
  const values = new Int32Array(given.length);
  for (let i = 0; i < given.length; i++) {
    values[i] = Number(given[i]);
    if (values[i] !== Number(given[i])) {
      throw new TemperError(
        "data-unreadable",
        `${where}: entry ${i} is ${given[i]}, outside the 32-bit integers\nlabels and indices must fit int32`,
      );
    }
  }
  return values;
}

/**
 * Reads the bytes of one .npy file; `where` names it in messages. Both byte orders are read, and both of axes.
 * @throws TemperError data-unreadable: another element type, truncated or too long
 */
export function readNpy(bytes: Uint8Array, where: string): NpyArray {
  const refuse = (what: string, todo = "save it again with numpy.save"): TemperError =>
    new TemperError("data-unreadable", `${where}: ${what}\n${todo}`);
  const text = (from: number, to: number): string =>
    String.fromCharCode(...bytes.subarray(from, to));

  if (text(0, 6) !== MAGIC) throw refuse("is not a .npy array");
  const version = bytes[6];
  const wide = version >= 2; // versions 2 and 3 have a 32-bit header length
  if (version < 1 || version > 3 || bytes.length < (wide ? 12 : 10)) {
    throw refuse(`is truncated or of an unknown .npy version (${version})`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = wide ? 12 : 10;
  const headerBytes = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (headerBytes > MAX_HEADER_BYTES) throw refuse(`has a header of ${headerBytes} bytes`);
  const header = text(start, start + headerBytes);
  const fields = HEADER.exec(header);
  if (fields === null) {
    const shown = header.slice(0, 80).trim();
    throw refuse(`has the header ${shown}`, "save a plain array of numbers with numpy.save");
  }
  const [, order, code, fortran, dims] = fields;
  const integers = OTHER_INTEGERS.get(code);
  const isHalf = code === "f2";
  const type = isHalf ? "float32" : integers === undefined ? TYPES.get(code) : "int32";
  if (type === undefined) {
    throw refuse(
      `has elements of type ${order}${code}`,
      `convert it with .astype to one of float16, ${Object.keys(CODES).join(", ")}`,
    );
  }
  const shape = dims.split(",").filter(Boolean).map(Number);
  const width = Number(code[1]);
  const expected = imageSize(shape) * width;
  const data = bytes.subarray(start + headerBytes);
  if (data.length !== expected) {
    throw refuse(`[${shape}] of ${type} takes ${expected} bytes, but ${data.length} are there`);
  }
  const swapped = order === ">" && width > 1;
  const aligned = data.byteOffset % width === 0 && !swapped ? data : new Uint8Array(data);
  if (swapped) {
    const raw = Buffer.from(aligned.buffer);
    width === 2 ? raw.swap16() : width === 4 ? raw.swap32() : raw.swap64();
  }
  const { buffer, byteOffset, length } = aligned;
  const values = isHalf
    ? halvesToFloats(new Uint16Array(buffer, byteOffset, length / width))
    : integers === undefined
      ? viewValues(type, aligned, where)
      : int32s(new integers(buffer, byteOffset, length / width), where);
  return {
    type,
    shape,
    values: fortran === "True" && shape.length > 1 ? inCOrder(values, shape) : values,
    ...(code === "b1" && { boolean: true }),
  } as NpyArray;
}

/** NumPy's code of the elements, and their bytes in pieces that follow one another. */
function encode({ type, values }: NpyArray | NpyWords | NpyRows): {
  readonly code: string;
  readonly stored: readonly ArrayBufferView[];
} {
  if (type === "int64") return { code: CODES.int64, stored: [BigInt64Array.from(values, BigInt)] };
  if (type === "rows") return { code: CODES.float32, stored: values };
  if (type !== "words") return { code: CODES[type], stored: [values] };
  const width = Math.max(1, ...values.map((word) => word.length));
  const padded = values.map((word) => word.padEnd(width, "\0")).join("");
  return { code: `|S${width}`, stored: [new TextEncoder().encode(padded)] };
}

/**
 * The bytes of one .npy file (version 1.0, little-endian, C order), the same for the same array.
 * @throws TemperError data-mismatch when the shape does not hold the values
 */
export function writeNpy(array: NpyArray | NpyWords | NpyRows): Uint8Array {
  const { shape, values } = array;
  const count =
    array.type === "rows" ? array.values.reduce((sum, row) => sum + row.length, 0) : values.length;
  if (imageSize(shape) !== count) {
    throw new TemperError("data-mismatch", `${count} values do not fill [${shape}]`);
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const { code, stored } = encode(array);
  const fields = `{'descr': '${code}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // NumPy asks that the values start at a multiple of 64 bytes and the header end in a newline.
  const start = Math.ceil((10 + fields.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + stored.reduce((sum, part) => sum + part.byteLength, 0));
  const header = `${MAGIC}\x01\x00${String.fromCharCode((start - 10) & 255, (start - 10) >> 8)}`;
  const padded = `${(header + fields).padEnd(start - 1)}\n`;
  for (let i = 0; i < start; i++) bytes[i] = padded.charCodeAt(i);
  let at = start;
  for (const { buffer, byteOffset, byteLength } of stored) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}
