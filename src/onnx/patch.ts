// Replaces weights in place in the user's own file: every other byte stays as it was.
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { TemperError } from "../errors.ts";
import { halfToNumber, numberToHalf } from "../tensor/half.ts";
import { type ModelBytes, type Slice, sliceBytes, sliceOf } from "./external.ts";
import { joinBytes, withoutField, writeField } from "./scan.ts";
import {
  rewriteTensors,
  type StoredTensor,
  storedTensors,
  TENSOR_DOUBLES,
  TENSOR_FLOATS,
  TENSOR_INTS,
  TENSOR_RAW,
  withEntries,
} from "./stored.ts";
import { elementBytes } from "./tensor-proto.ts";

/** How a type of weights is stored: `typed` is the field that holds the numbers where they are not raw. */
interface Kind {
  readonly bytes: number;
  readonly typed: number;
  write(view: DataView, at: number, value: number): void;
}

/** What rounds to the float16 that is there is left alone, down to the sign of a zero. */
function writeHalf(view: DataView, at: number, value: number): void {
  const half = numberToHalf(value);
  if (halfToNumber(half) !== halfToNumber(view.getUint16(at, true))) view.setUint16(at, half, true);
}

/** theta is float32: a number that still rounds to it has not moved, and keeps its further digits. */
function writeDouble(view: DataView, at: number, value: number): void {
  if (Math.fround(view.getFloat64(at, true)) !== value) view.setFloat64(at, value, true);
}

/** By ONNX's code: float32, float16, float64. */
const kinds: ReadonlyMap<number, Kind> = new Map([
  [1, { bytes: 4, typed: TENSOR_FLOATS, write: (view, at, v) => view.setFloat32(at, v, true) }],
  [10, { bytes: 2, typed: TENSOR_INTS, write: writeHalf }],
  [11, { bytes: 8, typed: TENSOR_DOUBLES, write: writeDouble }],
]);

/** A run of bytes that holds little-endian numbers one after the other. */
interface Run {
  readonly at: number;
  readonly length: number;
}

function writeRuns(file: Uint8Array, runs: readonly Run[], kind: Kind, values: Float32Array): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let i = 0;
  for (const { at, length } of runs) {
    for (let byte = 0; byte < length; byte += kind.bytes) kind.write(view, at + byte, values[i++]);
  }
}

/**
 * Finds the runs of a tensor's numbers, where they are all in the file. raw_data and packed typed data are one run,
 * unpacked typed data has one field a number, and a field may come in pieces.
 */
function runsOf({ fields }: StoredTensor, kind: Kind, count: number): Run[] | undefined {
  const runs = fields.filter(
    ({ number }) => number === TENSOR_RAW || (number === kind.typed && number !== TENSOR_INTS),
  );
  const bytes = runs.reduce((sum, { length }) => sum + length, 0);
  return bytes === count * kind.bytes ? runs : undefined;
}

/** Tells whether a float16 tensor's numbers are the varints of int32_data. */
function isVarints(file: Uint8Array, { type, fields }: StoredTensor, count: number): boolean {
  const runs = fields.filter(({ number }) => number === TENSOR_INTS);
  // The last byte of a varint has no high bit.
  const varints = runs.reduce(
    (sum, { at, length }) => sum + file.subarray(at, at + length).filter((b) => b < 0x80).length,
    0,
  );
  return type === 10 && varints === count;
}

/** Writes other varints: a number takes one to three bytes, so that the field changes its length. */
function withVarints(tensor: Uint8Array, values: Float32Array): Uint8Array {
  const numbers = new BinaryWriter();
  for (const value of values) numbers.int32(numberToHalf(value));
  const rest = withoutField(tensor, TENSOR_INTS);
  return joinBytes([rest, writeField(TENSOR_INTS, numbers.finish())]);
}

/** Tells whether some byte of the slice is another tensor's too: exporters may store equal tensors once. */
function overlapsAnother(
  name: string,
  { location, offset, length }: Slice,
  tensors: ReadonlyMap<string, StoredTensor>,
): boolean {
  for (const [other, { type, count, external }] of tensors) {
    if (other === name || external?.get("location") !== location) continue;
    const from = Number(external.get("offset") ?? 0);
    const to = from + Number(external.get("length") ?? count * elementBytes(type));
    if (from < offset + length && offset < to) return true;
  }
  return false;
}

// Copies are made with the constructor: the slice of a Node Buffer is a view.

/** Data files as they are copied, patched and made longer. */
interface OpenData {
  /** The file's copy, made when it is first asked for. */
  copy(location: string): Uint8Array;
  /** Puts bytes at the end of the file and tells where they are. */
  append(location: string, bytes: Uint8Array): number;
  /** All files, those that were not asked for as they came. */
  files(): Map<string, Uint8Array>;
}

function openData(given: ReadonlyMap<string, Uint8Array>): OpenData {
  const files = new Map(given);
  const copied = new Set<string>();
  const copy = (location: string): Uint8Array => {
    if (!copied.has(location)) files.set(location, new Uint8Array(files.get(location)!));
    copied.add(location);
    return files.get(location)!;
  };
  return {
    copy,
    append: (location, bytes) => {
      const file = copy(location);
      files.set(location, joinBytes([file, bytes]));
      return file.length;
    },
    files: () => files,
  };
}

/**
 * Copies a model so that the named tensors hold other values. A float16 tensor gets the nearest float16 numbers;
 * a float64 tensor keeps each number that rounds to the given one. A tensor that shares its bytes in a data file
 * with another gets bytes of its own at the end of it.
 *
 * @param model the bytes of a model that `readGraph` accepts
 * @param values for each initializer, or Constant node by its output's name, its new values
 * @throws TemperError `model-unsupported` where a tensor is not stored as its full list of floats,
 *   `model-unreadable` where the file is damaged
 */
export function patchModel(
  model: ModelBytes,
  values: ReadonlyMap<string, Float32Array>,
): { readonly file: Uint8Array<ArrayBuffer>; readonly externalData: Map<string, Uint8Array> } {
  const tensors = storedTensors(model.file);
  const file = new Uint8Array(model.file);
  const data = openData(model.externalData);
  const rewrites = new Map<string, (tensor: Uint8Array) => Uint8Array>();
  const missing: string[] = [];
  for (const [name, next] of values) {
    const tensor = tensors.get(name);
    const kind = kinds.get(tensor?.type ?? 0);
    if (tensor === undefined || kind === undefined) {
      missing.push(name);
    } else if (tensor.external !== undefined) {
      const slice = sliceOf(tensor.external, next.length * kind.bytes, name);
      const { location, length } = slice;
      const own = sliceBytes(model.externalData, slice, name);
      if (overlapsAnother(name, slice, tensors)) {
        const bytes = new Uint8Array(own);
        writeRuns(bytes, [{ at: 0, length }], kind, next);
        const offset = String(data.append(location, bytes));
        rewrites.set(name, (t) => withEntries(t, new Map([["offset", offset]])));
      } else {
        writeRuns(data.copy(location), [{ at: slice.offset, length }], kind, next);
      }
    } else {
      const runs = runsOf(tensor, kind, next.length);
      if (runs !== undefined) writeRuns(file, runs, kind, next);
      else if (isVarints(file, tensor, next.length))
        rewrites.set(name, (t) => withVarints(t, next));
      else missing.push(name);
    }
  }
  if (missing.length > 0) {
    throw new TemperError(
      "model-unsupported",
      `the file does not store ${missing.map((name) => `"${name}"`).join(", ")} as a list of floats\n` +
        "save the model again with raw data",
    );
  }
  const rewritten =
    rewrites.size === 0
      ? file
      : rewriteTensors(file, (tensor, name) => rewrites.get(name)?.(tensor) ?? tensor);
  return { file: rewritten as Uint8Array<ArrayBuffer>, externalData: data.files() };
}

/** Does the same for a model that is one file. */
export const patchWeights = (
  file: Uint8Array,
  values: ReadonlyMap<string, Float32Array>,
): Uint8Array<ArrayBuffer> => patchModel({ file, externalData: new Map() }, values).file;
