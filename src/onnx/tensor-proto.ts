// TensorProto <-> Tensor: the types we hold, raw or typed storage, lengths believed only after a check.
import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import { TemperError } from "../errors.ts";
import { type ExternalData, sliceBytes, sliceOf } from "./external.ts";
import { type ElementType, elementCount, type Tensor, type TensorValues } from "./graph.ts";

interface Storage {
  readonly code: number;
  readonly bytes: number;
  fromRaw(bytes: Uint8Array<ArrayBuffer>): TensorValues;
  fromTyped(proto: TensorProto): TensorValues;
}

/** Describes a type: its ONNX code, the array that holds it, and the field it is in when it is not raw. */
function storage<Raw extends number | bigint>(
  code: number,
  array: {
    new (buffer: ArrayBuffer, byteOffset: number, length: number): TensorValues;
    readonly BYTES_PER_ELEMENT: number;
    from(values: Iterable<Raw>): TensorValues;
  },
  field: (proto: TensorProto) => Iterable<Raw>,
): Storage {
  return {
    code,
    bytes: array.BYTES_PER_ELEMENT,
    fromRaw: ({ buffer, byteOffset, byteLength }) =>
      new array(buffer, byteOffset, byteLength / array.BYTES_PER_ELEMENT),
    fromTyped: (proto) => array.from(field(proto)),
  };
}

const int32Data = (proto: TensorProto): Iterable<number> => proto.int32Data;

/** onnx.proto, TensorProto: several small types share the field of int32. */
const storages: ReadonlyMap<ElementType, Storage> = new Map<ElementType, Storage>([
  ["float32", storage(1, Float32Array, (p) => p.floatData)],
  ["uint8", storage(2, Uint8Array, int32Data)],
  ["int8", storage(3, Int8Array, int32Data)],
  ["uint16", storage(4, Uint16Array, int32Data)],
  ["int16", storage(5, Int16Array, int32Data)],
  ["int32", storage(6, Int32Array, int32Data)],
  ["int64", storage(7, BigInt64Array, (p) => p.int64Data)],
  ["bool", storage(9, Uint8Array, int32Data)],
  ["float16", storage(10, Uint16Array, int32Data)],
  ["float64", storage(11, Float64Array, (p) => p.doubleData)],
  ["uint32", storage(12, Uint32Array, (p) => Array.from(p.uint64Data, Number))],
  ["uint64", storage(13, BigUint64Array, (p) => p.uint64Data)],
]);

const typeOfCode = new Map([...storages].map(([type, { code }]) => [code, type]));
const refusedTypes = new Map([
  [8, "strings"],
  [14, "complex64"],
  [15, "complex128"],
  [16, "bfloat16"],
  [17, "float8"],
  [18, "float8"],
  [19, "float8"],
  [20, "float8"],
  [21, "uint4"],
  [22, "int4"],
  [23, "float4"],
]);

/** The element type of an ONNX type code; refused by name where we have no array for it. */
export function elementType(code: number, where: string): ElementType {
  const type = typeOfCode.get(code);
  if (type !== undefined) return type;
  const given = refusedTypes.get(code) ?? `element type ${code}`;
  throw new TemperError(
    "model-unsupported",
    `${where} holds ${given}, which onnxruntime does not compute with on a CPU: export the model in float32`,
  );
}

/** The ONNX type code of an element type. */
export function typeCode(type: ElementType): number {
  return storages.get(type)!.code;
}

/** Says how many bytes one element of an ONNX type code takes; 0 for a type that is not read. */
export function elementBytes(code: number): number {
  const type = typeOfCode.get(code);
  return type === undefined ? 0 : storages.get(type)!.bytes;
}

/** Finds the raw bytes of a tensor that another file holds. */
function externalBytes(proto: TensorProto, bytes: number, where: string, data: ExternalData) {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  return sliceBytes(data, sliceOf(entries, bytes, where), where);
}

/** Gives memory for this many bytes, a multiple of what one element takes. */
export type Place = (bytes: number) => Uint8Array<ArrayBuffer>;

const apart: Place = (bytes) => new Uint8Array(bytes);

/** Places one behind the other, so that what is read in turn lies in one piece; what does not fit lies apart. */
export function inOnePiece(size: number): Place {
  const piece = new Uint8Array(size);
  let used = 0;
  return (bytes) => {
    if (used + bytes > size) return apart(bytes);
    used += bytes;
    return piece.subarray(used - bytes, used);
  };
}

/**
 * Reads a TensorProto. The bytes are copied: a raw view may be unaligned.
 *
 * @param data the files beside the model
 * @param place where raw bytes are copied to; by default each tensor has memory of its own
 */
export function readTensor(
  proto: TensorProto,
  where: string,
  data: ExternalData,
  place = apart,
): Tensor {
  const type = elementType(proto.dataType, where);
  const storage = storages.get(type)!;
  const dims = proto.dims.map(Number);
  if (dims.some((dim) => dim < 0)) {
    throw new TemperError("model-unreadable", `${where} has the impossible shape [${dims}]`);
  }
  const count = elementCount(dims);
  const external = proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  const raw = external ? externalBytes(proto, count * storage.bytes, where, data) : proto.rawData;
  const length = raw.length > 0 ? raw.length / storage.bytes : undefined;
  const copied = (): Uint8Array<ArrayBuffer> => {
    const bytes = place(raw.length);
    bytes.set(raw);
    return bytes;
  };
  const values =
    raw.length > 0 && Number.isInteger(length)
      ? storage.fromRaw(copied())
      : storage.fromTyped(proto);
  if (values.length !== count) {
    throw new TemperError(
      "model-unreadable",
      `${where} has shape [${dims}] and so ${count} values, but the file holds ${length ?? values.length}`,
    );
  }
  return { type, dims, values };
}

/** Writes a Tensor with raw storage. */
export function writeTensor(tensor: Tensor, name: string): TensorProto {
  const { buffer, byteOffset, byteLength } = tensor.values;
  return create(TensorProtoSchema, {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: typeCode(tensor.type),
    rawData: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  });
}

/** Writes a Tensor whose bytes are the whole of another file. */
export function writeReference(tensor: Tensor, name: string, location: string): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: tensor.dims.map(BigInt),
    dataType: typeCode(tensor.type),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: "location", value: location }],
  });
}
