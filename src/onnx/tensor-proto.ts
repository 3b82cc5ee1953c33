// TensorProto <-> Tensor: the types we hold, raw or typed storage, lengths believed only after a check.
import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import { TemperError } from "../errors.ts";
import { type ElementType, elementCount, type Tensor, type TensorValues } from "./graph.ts";

interface Storage {
  readonly code: number;
  readonly bytes: number;
  fromRaw(buffer: ArrayBuffer): TensorValues;
  fromTyped(proto: TensorProto): TensorValues;
}

/** ONNX data type codes and the field that holds each type when it is not raw (onnx.proto, TensorProto). */
const storages: ReadonlyMap<ElementType, Storage> = new Map([
  [
    "float32",
    {
      code: 1,
      bytes: 4,
      fromRaw: (b) => new Float32Array(b),
      fromTyped: (p) => Float32Array.from(p.floatData),
    },
  ],
  [
    "uint8",
    {
      code: 2,
      bytes: 1,
      fromRaw: (b) => new Uint8Array(b),
      fromTyped: (p) => Uint8Array.from(p.int32Data),
    },
  ],
  [
    "int8",
    {
      code: 3,
      bytes: 1,
      fromRaw: (b) => new Int8Array(b),
      fromTyped: (p) => Int8Array.from(p.int32Data),
    },
  ],
  [
    "int32",
    {
      code: 6,
      bytes: 4,
      fromRaw: (b) => new Int32Array(b),
      fromTyped: (p) => Int32Array.from(p.int32Data),
    },
  ],
  [
    "int64",
    {
      code: 7,
      bytes: 8,
      fromRaw: (b) => new BigInt64Array(b),
      fromTyped: (p) => BigInt64Array.from(p.int64Data),
    },
  ],
  [
    "bool",
    {
      code: 9,
      bytes: 1,
      fromRaw: (b) => new Uint8Array(b),
      fromTyped: (p) => Uint8Array.from(p.int32Data),
    },
  ],
  [
    "float64",
    {
      code: 11,
      bytes: 8,
      fromRaw: (b) => new Float64Array(b),
      fromTyped: (p) => Float64Array.from(p.doubleData),
    },
  ],
]);

const typeOfCode = new Map([...storages].map(([type, { code }]) => [code, type]));
const refusedTypes = new Map([
  [4, "uint16"],
  [5, "int16"],
  [8, "string"],
  [10, "float16"],
  [12, "uint32"],
  [13, "uint64"],
  [16, "bfloat16"],
]);

/** The element type of an ONNX type code; refused by name where we have no array for it. */
export function elementType(code: number, where: string): ElementType {
  const type = typeOfCode.get(code);
  if (type !== undefined) return type;
  const given = refusedTypes.get(code) ?? `element type ${code}`;
  throw new TemperError(
    "model-unsupported",
    `${where} holds ${given}, which Temper does not read\n` +
      "export the model with float32 weights and int64 or int32 shapes",
  );
}

/** The ONNX type code of an element type. */
export function typeCode(type: ElementType): number {
  return storages.get(type)!.code;
}

/** Reads a TensorProto. The bytes are copied: a raw view may be unaligned. */
export function readTensor(proto: TensorProto, where: string): Tensor {
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new TemperError(
      "model-unsupported",
      `${where} keeps its values in another file (external data)\nsave the model as one file`,
    );
  }
  const type = elementType(proto.dataType, where);
  const storage = storages.get(type)!;
  const dims = proto.dims.map(Number);
  if (dims.some((dim) => dim < 0)) {
    throw new TemperError("model-unreadable", `${where} has the impossible shape [${dims}]`);
  }
  const count = elementCount(dims);
  const raw = proto.rawData;
  const length = raw.length > 0 ? raw.length / storage.bytes : undefined;
  const values =
    raw.length > 0 && Number.isInteger(length)
      ? storage.fromRaw(raw.slice().buffer)
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
