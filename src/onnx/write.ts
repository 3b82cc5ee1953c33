// Graph -> bytes: how derived graphs reach the engine. A user's own file is patched instead (patch.ts).
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Attribute, Graph, ValueInfo } from "./graph.ts";
import { typeCode, writeTensor } from "./tensor-proto.ts";

const utf8 = new TextEncoder();

function writeAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case "int":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.INT,
        i: BigInt(attribute.value),
      });
    case "float":
      return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: attribute.value });
    case "string":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.STRING,
        s: utf8.encode(attribute.value),
      });
    case "ints":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.INTS,
        ints: attribute.value.map(BigInt),
      });
    case "floats":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.FLOATS,
        floats: [...attribute.value],
      });
    case "strings":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.STRINGS,
        strings: attribute.value.map((s) => utf8.encode(s)),
      });
    case "tensor":
      return create(AttributeProtoSchema, {
        name,
        type: AttributeType.TENSOR,
        t: writeTensor(attribute.value, name),
      });
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

/** The ONNX file of a graph, weights as raw data. */
export function writeGraph(graph: Graph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "temper",
    opsetImport: [{ domain: "", version: BigInt(graph.opset) }],
    graph: create(GraphProtoSchema, {
      name: graph.name || "temper",
      input: graph.inputs.map(writeValueInfo),
      output: graph.outputs.map(writeValueInfo),
      initializer: [...graph.initializers].map(([name, tensor]) => writeTensor(tensor, name)),
      node: graph.nodes.map((node) =>
        create(NodeProtoSchema, {
          opType: node.op,
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
