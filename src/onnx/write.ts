// Graph -> bytes: how derived graphs reach the engine. A user's own file is patched instead (patch.ts).
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { ModelBytes } from "./external.ts";
import type { Attribute, Graph, Tensor, ValueInfo } from "./graph.ts";
import { typeCode, writeReference, writeTensor } from "./tensor-proto.ts";

const utf8 = new TextEncoder();

function writeAttribute(name: string, attribute: Attribute): AttributeProto {
  const write = (
    type: AttributeType,
    value: MessageInitShape<typeof AttributeProtoSchema>,
  ): AttributeProto => create(AttributeProtoSchema, { ...value, name, type });
  switch (attribute.kind) {
    case "int":
      return write(AttributeType.INT, { i: BigInt(attribute.value) });
    case "float":
      return write(AttributeType.FLOAT, { f: attribute.value });
    case "string":
      return write(AttributeType.STRING, { s: utf8.encode(attribute.value) });
    case "ints":
      return write(AttributeType.INTS, { ints: attribute.value.map(BigInt) });
    case "floats":
      return write(AttributeType.FLOATS, { floats: [...attribute.value] });
    case "strings":
      return write(AttributeType.STRINGS, { strings: attribute.value.map((s) => utf8.encode(s)) });
    case "tensor":
      return write(AttributeType.TENSOR, { t: writeTensor(attribute.value, name) });
  }
}

function writeValueInfo({ name, type, dims }: ValueInfo): ValueInfoProto {
  if (type === null) return create(ValueInfoProtoSchema, { name });
  const dim = dims.map((d) => {
    if (d === null) return {};
    return typeof d === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(d) } }
      : { value: { case: "dimParam" as const, value: d } };
  });
  // No shape at all, rather than an empty one, where the rank is not known.
  const shape = dims.length > 0 ? { shape: { dim } } : {};
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: typeCode(type), ...shape } } },
  });
}

/** Parts an operator's own name from that of the set in front of it. */
function operatorOf(op: string): { readonly domain: string; readonly opType: string } {
  const dot = op.lastIndexOf(".");
  return { domain: op.slice(0, Math.max(dot, 0)), opType: op.slice(dot + 1) };
}

/** Writes the ONNX file of a graph, its weights as raw data. */
export const writeGraph = (graph: Graph): Uint8Array => writeModel(graph, writeTensor);

// From this many bytes on a tensor is worth a place of its own.
const LARGE = 2 ** 12;

/** Writes the same with the large tensors beside it: views of the graph's own numbers, which nobody copies. */
export function writeApart(graph: Graph): ModelBytes {
  const externalData = new Map<string, Uint8Array>();
  const file = writeModel(graph, (tensor, name) => {
    const { buffer, byteOffset, byteLength } = tensor.values;
    if (byteLength < LARGE) return writeTensor(tensor, name);
    const location = `w${externalData.size}`;
    externalData.set(location, new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
    return writeReference(tensor, name, location);
  });
  return { file, externalData };
}

function writeModel(
  graph: Graph,
  write: (tensor: Tensor, name: string) => TensorProto,
): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "temper",
    opsetImport: [["", graph.opset] as const, ...(graph.domains ?? [])].map(
      ([domain, version]) => ({ domain, version: BigInt(version) }),
    ),
    graph: create(GraphProtoSchema, {
      name: graph.name || "temper",
      input: graph.inputs.map(writeValueInfo),
      output: graph.outputs.map(writeValueInfo),
      initializer: [...graph.initializers].map(([name, tensor]) => write(tensor, name)),
      node: graph.nodes.map((node) =>
        create(NodeProtoSchema, {
          ...operatorOf(node.op),
          name: node.name,
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: [...node.attributes].map(([name, value]) => writeAttribute(name, value)),
        }),
      ),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}
