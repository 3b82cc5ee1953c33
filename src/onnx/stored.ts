// Finds the tensors that a file stores, and where: initializers, and the values of Constant nodes.
import {
  type Field,
  fieldsOf,
  joinBytes,
  numberOf,
  numbersOf,
  rewriteFields,
  textOf,
  writeField,
} from "./scan.ts";

/** Field numbers of onnx.proto. */
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;
const GRAPH_OUTPUT = 12;
const VALUE_NAME = 1;
const NODE_OUTPUT = 2;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE_NAME = 1;
const ATTRIBUTE_TENSOR = 5;
const TENSOR_DIMS = 1;
const TENSOR_TYPE = 2;
const TENSOR_NAME = 8;
const TENSOR_EXTERNAL = 13;
const TENSOR_LOCATION = 14;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;

/** The fields of a TensorProto that hold numbers. */
export const TENSOR_FLOATS = 4;
export const TENSOR_INTS = 5;
export const TENSOR_RAW = 9;
export const TENSOR_DOUBLES = 10;

export interface StoredTensor {
  /** How many numbers its shape has. */
  readonly count: number;
  /** ONNX's code of its type. */
  readonly type: number;
  readonly fields: readonly Field[];
  /** Its external_data entries; undefined where the values are in the file. */
  readonly external: ReadonlyMap<string, string> | undefined;
}

function storedTensor(file: Uint8Array, fields: readonly Field[]): StoredTensor {
  const type = numberOf(file, fields, TENSOR_TYPE);
  const count = numbersOf(file, fields, TENSOR_DIMS).reduce((a, c) => a * c, 1);
  const stored = { count, type, fields };
  if (numberOf(file, fields, TENSOR_LOCATION) !== 1) return { ...stored, external: undefined };
  const entries = fields
    .filter(({ number }) => number === TENSOR_EXTERNAL)
    .map(({ at, length }) => {
      const entry = fieldsOf(file, at, length);
      return [textOf(file, entry, ENTRY_KEY), textOf(file, entry, ENTRY_VALUE)] as const;
    });
  return { ...stored, external: new Map(entries) };
}

/** Finds each stored tensor by its name, a Constant's by its output; of two with one name it is the last. */
export function storedTensors(file: Uint8Array): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  const keep = (name: string, { at, length }: Field): void => {
    const fields = fieldsOf(file, at, length);
    tensors.set(name || textOf(file, fields, TENSOR_NAME), storedTensor(file, fields));
  };
  const graphs = fieldsOf(file).filter(({ number }) => number === MODEL_GRAPH);
  for (const field of graphs.flatMap(({ at, length }) => fieldsOf(file, at, length))) {
    if (field.number === GRAPH_INITIALIZER) keep("", field);
    if (field.number !== GRAPH_NODE) continue;
    const node = fieldsOf(file, field.at, field.length);
    for (const attribute of node.filter(({ number }) => number === NODE_ATTRIBUTE)) {
      const fields = fieldsOf(file, attribute.at, attribute.length);
      const value = fields.find(({ number }) => number === ATTRIBUTE_TENSOR);
      if (value === undefined || textOf(file, fields, ATTRIBUTE_NAME) !== "value") continue;
      const output = node.find(({ number }) => number === NODE_OUTPUT);
      if (output !== undefined) keep(textOf(file, [output], NODE_OUTPUT), value);
    }
  }
  return tensors;
}

/**
 * Puts other messages in the place of some tensors: every initializer and every attribute that is one.
 *
 * @param rewrite is given a TensorProto's bytes and its name as in `storedTensors`; gives the same bytes back
 *   where it stays
 */
export function rewriteTensors(
  file: Uint8Array,
  rewrite: (tensor: Uint8Array, name: string) => Uint8Array,
): Uint8Array {
  const inNode = (node: Uint8Array): Uint8Array => {
    const output = fieldsOf(node).find(({ number }) => number === NODE_OUTPUT);
    const name = output === undefined ? "" : textOf(node, [output], NODE_OUTPUT);
    return rewriteFields(node, (attribute, number) =>
      number !== NODE_ATTRIBUTE
        ? attribute
        : rewriteFields(attribute, (payload, inner) =>
            inner === ATTRIBUTE_TENSOR ? rewrite(payload, name) : payload,
          ),
    );
  };
  const inGraph = (payload: Uint8Array, number: number): Uint8Array => {
    if (number === GRAPH_NODE) return inNode(payload);
    if (number !== GRAPH_INITIALIZER) return payload;
    return rewrite(payload, textOf(payload, fieldsOf(payload), TENSOR_NAME));
  };
  return rewriteFields(file, (payload, number) =>
    number === MODEL_GRAPH ? rewriteFields(payload, inGraph) : payload,
  );
}

/** Gives a TensorProto that is stored in another file other entries, which replace or join its own. */
export function withEntries(tensor: Uint8Array, entries: ReadonlyMap<string, string>): Uint8Array {
  const utf8 = new TextEncoder();
  const missing = new Map(entries);
  const entryOf = (key: string, value: string): Uint8Array =>
    joinBytes([
      writeField(ENTRY_KEY, utf8.encode(key)),
      writeField(ENTRY_VALUE, utf8.encode(value)),
    ]);
  const replaced = rewriteFields(tensor, (payload, number) => {
    if (number !== TENSOR_EXTERNAL) return payload;
    const fields = fieldsOf(payload);
    const key = textOf(payload, fields, ENTRY_KEY);
    const value = entries.get(key);
    missing.delete(key);
    const stays = value === undefined || value === textOf(payload, fields, ENTRY_VALUE);
    return stays ? payload : entryOf(key, value);
  });
  const added = [...missing].map(([key, value]) =>
    writeField(TENSOR_EXTERNAL, entryOf(key, value)),
  );
  return added.length === 0 ? replaced : joinBytes([replaced, ...added]);
}

/** Lets a file be asked for any value that its nodes make: where it does not declare the output, it gets one more. */
export function withFileOutput(file: Uint8Array, name: string): Uint8Array {
  const graphs = fieldsOf(file).filter(({ number }) => number === MODEL_GRAPH);
  const declared = graphs
    .flatMap(({ at, length }) => fieldsOf(file, at, length))
    .filter(({ number }) => number === GRAPH_OUTPUT)
    .map(({ at, length }) => textOf(file, fieldsOf(file, at, length), VALUE_NAME));
  if (declared.includes(name)) return file;
  const value = writeField(VALUE_NAME, new TextEncoder().encode(name));
  // The pieces of a message that lie apart are joined by whoever reads them.
  return joinBytes([file, writeField(MODEL_GRAPH, writeField(GRAPH_OUTPUT, value))]);
}
