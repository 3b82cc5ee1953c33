// Weights replaced in place in the user's own file: every other byte stays as it was.
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { TemperError } from "../errors.ts";

// Field numbers of onnx.proto on the way to a float.
const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;
const GRAPH_INITIALIZER = 5;
const NODE_OUTPUT = 2;
const NODE_ATTRIBUTE = 5;
const ATTRIBUTE_NAME = 1;
const ATTRIBUTE_TENSOR = 5;
const TENSOR_FLOATS = 4;
const TENSOR_NAME = 8;
const TENSOR_RAW = 9;

interface Field {
  readonly number: number;
  /** Where the payload starts in the file, and how long it is. */
  readonly at: number;
  readonly length: number;
}

/** The decoder of readGraph lets some lengths pass that do not fit each other; here they are refused. */
function fieldsOf(file: Uint8Array, at: number, length: number): Field[] {
  try {
    return scanFields(file, at, length);
  } catch (cause) {
    throw new TemperError(
      "model-unreadable",
      `the file is damaged: ${(cause as Error).message}\nexport the model again`,
      { cause },
    );
  }
}

function scanFields(file: Uint8Array, at: number, length: number): Field[] {
  const reader = new BinaryReader(file.subarray(at, at + length));
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (wire === WireType.LengthDelimited) {
      const payload = reader.bytes();
      fields.push({ number, at: at + reader.pos - payload.length, length: payload.length });
    } else {
      const start = reader.pos;
      reader.skip(wire, number);
      fields.push({ number, at: at + start, length: reader.pos - start });
    }
  }
  return fields;
}

const textAt = (file: Uint8Array, field: Field | undefined): string =>
  field === undefined
    ? ""
    : new TextDecoder().decode(file.subarray(field.at, field.at + field.length));

/**
 * The byte offset of each float of a tensor. raw_data and packed float_data are both runs of
 * little-endian floats; unpacked float_data has one field a float. A field may come in pieces.
 */
function floatOffsets(tensor: readonly Field[]): number[] {
  const offsets: number[] = [];
  for (const { number, at, length } of tensor) {
    if (number !== TENSOR_RAW && number !== TENSOR_FLOATS) continue;
    for (let i = 0; i < length; i += 4) offsets.push(at + i);
  }
  return offsets;
}

/** Every tensor of the file that a parameter may be: initializers, and the values of Constant nodes. */
function* namedTensors(file: Uint8Array): Generator<[string, Field[]]> {
  const graph = fieldsOf(file, 0, file.length).filter(({ number }) => number === MODEL_GRAPH);
  for (const { number, at, length } of graph.flatMap((g) => fieldsOf(file, g.at, g.length))) {
    if (number === GRAPH_INITIALIZER) {
      const tensor = fieldsOf(file, at, length);
      yield [
        textAt(
          file,
          tensor.find((f) => f.number === TENSOR_NAME),
        ),
        tensor,
      ];
    } else if (number === GRAPH_NODE) {
      const node = fieldsOf(file, at, length);
      const output = textAt(
        file,
        node.find((f) => f.number === NODE_OUTPUT),
      );
      for (const attribute of node.filter((f) => f.number === NODE_ATTRIBUTE)) {
        const fields = fieldsOf(file, attribute.at, attribute.length);
        const value = fields.find((f) => f.number === ATTRIBUTE_TENSOR);
        if (
          value === undefined ||
          textAt(
            file,
            fields.find((f) => f.number === ATTRIBUTE_NAME),
          ) !== "value"
        )
          continue;
        yield [output, fieldsOf(file, value.at, value.length)];
      }
    }
  }
}

/**
 * A copy of an ONNX file in which the named float32 tensors hold other values.
 *
 * @param file the bytes of a model that `readGraph` accepts
 * @param values for each initializer, or Constant node by its output's name, its new values
 * @throws TemperError `model-unsupported` where a tensor is not stored as its full list of floats,
 *   `model-unreadable` where the file is damaged
 */
export function patchWeights(
  file: Uint8Array,
  values: ReadonlyMap<string, Float32Array>,
): Uint8Array<ArrayBuffer> {
  const patched = new Uint8Array(file);
  const view = new DataView(patched.buffer);
  const missing = new Set(values.keys());
  for (const [name, tensor] of namedTensors(patched)) {
    const replacement = values.get(name);
    if (replacement === undefined) continue;
    const offsets = floatOffsets(tensor);
    if (offsets.length !== replacement.length) continue;
    for (const [i, offset] of offsets.entries()) view.setFloat32(offset, replacement[i], true);
    missing.delete(name);
  }
  if (missing.size > 0) {
    throw new TemperError(
      "model-unsupported",
      `the file does not store ${[...missing].map((name) => `"${name}"`).join(", ")} as a list of floats\n` +
        "save the model again with raw data",
    );
  }
  return patched;
}
