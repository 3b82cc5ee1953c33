// ONNX files written field by field: typed tensor data, packed or not, unknown fields, and what is no model.
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type GraphProtoSchema,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "onnx-buf";

type Init<T> = Exclude<T, { readonly $typeName: string }>;
export type GraphInit = Init<MessageInitShape<typeof GraphProtoSchema>>;
type ModelInit = Init<MessageInitShape<typeof ModelProtoSchema>>;

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;

/** Declares a value of floats; a dimension is a number or a symbol. */
export const floatInfo = (name: string, ...dims: readonly (number | string)[]) => ({
  name,
  type: {
    value: {
      case: "tensorType" as const,
      value: {
        elemType: 1,
        shape: {
          dim: dims.map((d) => ({
            value:
              typeof d === "string"
                ? { case: "dimParam" as const, value: d }
                : { case: "dimValue" as const, value: BigInt(d) },
          })),
        },
      },
    },
  },
});

/** y = Neg(x), valid at every opset; each part may be replaced. */
export function modelFile(graph: GraphInit = {}, model: ModelInit = {}): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ domain: "", version: 13n }],
      graph: {
        name: "test",
        input: [floatInfo("x", 1, 2)],
        output: [floatInfo("y", 1, 2)],
        node: [{ opType: "Neg", name: "n", input: ["x"], output: ["y"] }],
        ...graph,
      },
      ...model,
    }),
  );
}

/** A length-delimited field of any number: what a newer or another producer may have added. */
export function field(number: number, payload: Uint8Array | string): Uint8Array {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish();
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts));

/**
 * A model file with more bytes at the end of its graph. Protobuf merges the pieces of a message, so
 * the graph is given as two.
 */
export const withGraphBytes = (file: Uint8Array, ...more: readonly Uint8Array[]): Uint8Array =>
  joined(file, field(MODEL_GRAPH, joined(...more)));

/** An initializer whose numbers are one field each, as writers without packing do. */
export function unpackedInitializer(
  tensor: MessageInitShape<typeof TensorProtoSchema>,
  values: { readonly floats?: readonly number[]; readonly int64s?: readonly number[] },
): Uint8Array {
  const head: TensorProto = create(TensorProtoSchema, tensor);
  const writer = new BinaryWriter();
  for (const v of values.floats ?? []) writer.tag(4, WireType.Bit32).float(v);
  for (const v of values.int64s ?? []) writer.tag(7, WireType.Varint).int64(BigInt(v));
  return field(GRAPH_INITIALIZER, joined(toBinary(TensorProtoSchema, head), writer.finish()));
}

/** Little-endian bytes of float32 values. */
export const rawFloats = (values: readonly number[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Float32Array.from(values).buffer);
