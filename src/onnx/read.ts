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
import type { ExternalData } from "./external.ts";
import { foreignKind } from "./foreign.ts";
import { inlineFunctions } from "./functions.ts";
import type { Attribute, Graph, Node, Tensor, ValueInfo } from "./graph.ts";
import { sortNodes } from "./order.ts";
import { elementType, inOnePiece, readTensor, typeCode } from "./tensor-proto.ts";
import { withoutWords } from "./words.ts";

/** The oldest operator set whose meaning is covered: before it, operands were broadcast by attributes. */
const OLDEST_OPSET = 7;

/** The newest that the installed onnxruntime knows. */
export const NEWEST_OPSET = 26;

const utf8 = new TextDecoder();

function readInt(value: bigint, where: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new TemperError(
    "model-unsupported",
    `${where} is ${value}, beyond the whole numbers that Temper holds`,
  );
}

function readAttribute(proto: AttributeProto, where: string, data: ExternalData): Attribute {
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
      if (proto.t !== undefined) return { kind: "tensor", value: readTensor(proto.t, named, data) };
  }
  throw new TemperError(
    "model-unsupported",
    proto.type === AttributeType.GRAPH
      ? `${where} holds a graph of its own (control flow), which Temper does not read\n` +
          "export the model by tracing, for images of one size, so that no branch or loop is left"
      : `${named} is of kind ${AttributeType[proto.type] ?? proto.type}, which Temper does not read\n` +
          "export the model without it",
  );
}

const isStandard = ({ domain }: { readonly domain: string }): boolean =>
  domain === "" || domain === "ai.onnx";

function readNode(proto: NodeProto, data: ExternalData): Node {
  const op = isStandard(proto) ? proto.opType : `${proto.domain}.${proto.opType}`;
  const where = `${op} "${proto.name || proto.output[0] || "?"}"`;
  return {
    op,
    name: proto.name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: new Map(proto.attribute.map((a) => [a.name, readAttribute(a, where, data)])),
  };
}

function readValueInfo(proto: ValueInfoProto): ValueInfo {
  const where = `value "${proto.name}"`;
  const type = proto.type?.value;
  // onnxruntime infers what is not stated.
  if (type === undefined) return { name: proto.name, type: null, dims: [] };
  if (type.case !== "tensorType") {
    throw new TemperError(
      "model-unsupported",
      `${where} is not a tensor, which the image and the logits are\n` +
        "export the model with tensors as its inputs and outputs (of scikit-learn: without ZipMap)",
    );
  }
  const dims = (type.value.shape?.dim ?? []).map(({ value }) => {
    if (value.case === "dimValue") return Number(value.value);
    return value.case === "dimParam" ? value.value : null;
  });
  return { name: proto.name, type: elementType(type.value.elemType, where), dims };
}

/**
 * Reads the stored tensors. Those that may be weights lie in one piece in the order of the file, so that theta is that
 * piece and no second copy of them; statistics lie apart, since they are none of theta.
 *
 * @param size of all the model's files together, in bytes: the weights are not more
 */
function readInitializers(
  graph: GraphProto,
  data: ExternalData,
  size: number,
): Map<string, Tensor> {
  if (graph.sparseInitializer.length > 0) {
    throw new TemperError("model-unsupported", "the model has sparse initializers; save it dense");
  }
  const statistics = new Set(
    graph.node.flatMap(({ opType, input }) =>
      opType === "BatchNormalization" ? input.slice(3) : [],
    ),
  );
  const piece = inOnePiece(size);
  const initializers = new Map<string, Tensor>();
  for (const proto of graph.initializer) {
    const { name, dataType, dims } = proto;
    const weight = dataType === typeCode("float32") && dims.length > 0 && !statistics.has(name);
    const where = `initializer "${name}"`;
    // Of two with one name onnxruntime takes the last.
    initializers.set(name, readTensor(proto, where, data, weight ? piece : undefined));
  }
  return initializers;
}

function decode(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw notAModel(bytes, "cut short or damaged: they do not parse", { cause });
  }
}

/** Some of what is no model still parses, so this is asked whenever nothing comes of it. */
function notAModel(bytes: Uint8Array, fault: string, options?: ErrorOptions): TemperError {
  const known = foreignKind(bytes);
  return new TemperError(
    "model-unreadable",
    known === undefined
      ? `not an ONNX model: ${bytes.length} bytes, ${fault}\n` +
          "download it again, or give a file written by an ONNX exporter"
      : `not an ONNX model: this is ${known.what}\n${known.advice}`,
    options,
  );
}

/**
 * Reads an ONNX model of opset 7 to 26.
 *
 * @param data the contents of the files beside the model that hold some of its tensors, where it has any
 * @throws TemperError `model-unreadable` when the bytes are not a model, `model-unsupported` when they
 *   are one that we cannot hold.
 */
export function readGraph(bytes: Uint8Array, data: ExternalData = new Map()): Graph {
  const model = decode(bytes);
  const graph = model.graph && { ...model.graph, ...withoutWords(model.graph) };
  const opset = model.opsetImport.find(isStandard);
  if (graph === undefined || graph.node.length === 0 || opset === undefined) {
    throw notAModel(bytes, "without a graph of operators");
  }
  const version = Number(opset.version);
  if (version < OLDEST_OPSET || version > NEWEST_OPSET) {
    throw new TemperError(
      "model-unsupported",
      `the model uses operator set ${version}; Temper reads ${OLDEST_OPSET} to ${NEWEST_OPSET}\n` +
        "export it again with opset_version=17",
    );
  }
  const size = [bytes, ...data.values()].reduce((sum, { length }) => sum + length, 0);
  const initializers = readInitializers(graph, data, size);
  const nodes = inlineFunctions(graph.node, model.functions);
  const others = model.opsetImport.filter(
    (one) => !isStandard(one) && nodes.some(({ domain }) => domain === one.domain),
  );
  const read: Graph = {
    name: graph.name,
    opset: version,
    ...(others.length === 0
      ? {}
      : { domains: new Map(others.map((one) => [one.domain, Number(one.version)])) }),
    ...(model.metadataProps.length === 0
      ? {}
      : { metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])) }),
    // Before IR version 4 every initializer was also listed as an input.
    inputs: graph.input.filter(({ name }) => !initializers.has(name)).map(readValueInfo),
    outputs: graph.output.map(readValueInfo),
    initializers,
    nodes: nodes.map((node) => readNode(node, data)),
  };
  checkGraph(read);
  return { ...read, nodes: sortNodes(read.nodes) };
}
