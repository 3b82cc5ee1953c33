// Bytes of an ONNX file -> Graph. What we cannot hold is refused by name; nothing is guessed.
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { TemperError } from "../errors.ts";
import { checkGraph } from "./check.ts";
import type { Attribute, Graph, Node, Tensor, ValueInfo } from "./graph.ts";
import { elementType, readTensor } from "./tensor-proto.ts";

/** The oldest operator set whose meaning is covered; older files differ in BatchNormalization, Clip, pads. */
const OLDEST_OPSET = 11;

const utf8 = new TextDecoder();

function readInt(value: bigint, where: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new TemperError(
    "model-unsupported",
    `${where} is ${value}, beyond the whole numbers that Temper holds`,
  );
}

function readAttribute(proto: AttributeProto, where: string): Attribute {
  const named = `${where}: attribute ${proto.name}`;
  switch (proto.type) {
    case AttributeType.INT:
      return { kind: "int", value: readInt(proto.i, named) };
    case AttributeType.FLOAT:
      return { kind: "float", value: proto.f };
    case AttributeType.STRING:
      return { kind: "string", value: utf8.decode(proto.s) };
    case AttributeType.INTS:
      return { kind: "ints", value: proto.ints.map((i) => readInt(i, named)) };
    case AttributeType.FLOATS:
      return { kind: "floats", value: [...proto.floats] };
    case AttributeType.STRINGS:
      return { kind: "strings", value: proto.strings.map((s) => utf8.decode(s)) };
    case AttributeType.TENSOR:
      if (proto.t !== undefined) return { kind: "tensor", value: readTensor(proto.t, named) };
  }
  throw new TemperError(
    "model-unsupported",
    `${named} is of kind ${AttributeType[proto.type] ?? proto.type}, which Temper does not read ` +
      "(control flow, sparse tensors)",
  );
}

function readNode(proto: NodeProto): Node {
  const where = `${proto.opType} "${proto.name || proto.output[0] || "?"}"`;
  if (proto.domain !== "" && proto.domain !== "ai.onnx") {
    throw new TemperError(
      "model-unsupported",
      `${where} is from the operator set "${proto.domain}"; only standard ONNX operators are supported`,
    );
  }
  return {
    op: proto.opType,
    name: proto.name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: new Map(proto.attribute.map((a) => [a.name, readAttribute(a, where)])),
  };
}

function readValueInfo(proto: ValueInfoProto): ValueInfo {
  const where = `value "${proto.name}"`;
  const type = proto.type?.value;
  if (type?.case !== "tensorType") {
    throw new TemperError(
      "model-unsupported",
      `${where} is not a tensor; only tensors are supported`,
    );
  }
  const dims = (type.value.shape?.dim ?? []).map(({ value }) => {
    if (value.case === "dimValue") return Number(value.value);
    return value.case === "dimParam" ? value.value : null;
  });
  return { name: proto.name, type: elementType(type.value.elemType, where), dims };
}

function readInitializers(graph: GraphProto): Map<string, Tensor> {
  if (graph.sparseInitializer.length > 0) {
    throw new TemperError("model-unsupported", "the model has sparse initializers; save it dense");
  }
  const initializers = new Map<string, Tensor>();
  for (const proto of graph.initializer) {
    const where = `initializer "${proto.name}"`;
    if (initializers.has(proto.name)) {
      throw new TemperError("model-unreadable", `${where} is defined twice`);
    }
    initializers.set(proto.name, readTensor(proto, where));
  }
  return initializers;
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    // A Node Buffer would share its pool's memory with what is decoded from it.
    return fromBinary(ModelProtoSchema, new Uint8Array(bytes));
  } catch (cause) {
    throw new TemperError(
      "model-unreadable",
      `not an ONNX model, or cut short: ${bytes.length} bytes that do not parse (${(cause as Error).message})\n` +
        "give a file written by an ONNX exporter",
      { cause },
    );
  }
}

/**
 * Reads an ONNX model (opset 11 or newer, one file, float32 networks).
 *
 * @throws TemperError `model-unreadable` when the bytes are not a model, `model-unsupported` when they
 *   are one that we cannot hold.
 */
export function readGraph(bytes: Uint8Array): Graph {
  const model = decode(bytes);
  const graph = model.graph;
  const opset = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (graph === undefined || graph.node.length === 0 || opset === undefined) {
    throw new TemperError(
      "model-unreadable",
      `not an ONNX model: ${bytes.length} bytes without a graph of operators\ngive a file written by an ONNX exporter`,
    );
  }
  const version = Number(opset.version);
  if (version < OLDEST_OPSET) {
    throw new TemperError(
      "model-unsupported",
      `the model uses operator set ${version}; Temper reads ${OLDEST_OPSET} and newer\n` +
        "export it again with a newer opset",
    );
  }
  const initializers = readInitializers(graph);
  const read: Graph = {
    name: graph.name,
    opset: version,
    // Before IR version 4 every initializer was also listed as an input.
    inputs: graph.input.filter(({ name }) => !initializers.has(name)).map(readValueInfo),
    outputs: graph.output.map(readValueInfo),
    initializers,
    nodes: graph.node.map(readNode),
  };
  checkGraph(read);
  return read;
}
