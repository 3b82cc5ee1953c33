// Finds the fields of a protobuf message and where their bytes lie, without decoding what is in them.
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { TemperError } from "../errors.ts";

export interface Field {
  readonly number: number;
  readonly wire: WireType;
  /** Where the field starts in the bytes, with its tag; where its payload starts, and how long that is. */
  readonly start: number;
  readonly at: number;
  readonly length: number;
}

/**
 * Lists the fields of the message that lies at `at`.
 *
 * @throws TemperError `model-unreadable` where lengths do not fit each other, some of which a decoder lets pass
 */
export function fieldsOf(file: Uint8Array, at = 0, length = file.length - at): Field[] {
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

function scanFields(file: Uint8Array, from: number, total: number): Field[] {
  const reader = new BinaryReader(file.subarray(from, from + total));
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = from + reader.pos;
    const [number, wire] = reader.tag();
    if (wire === WireType.LengthDelimited) {
      const { length } = reader.bytes();
      fields.push({ number, wire, start, at: from + reader.pos - length, length });
    } else {
      const at = from + reader.pos;
      reader.skip(wire, number);
      fields.push({ number, wire, start, at, length: from + reader.pos - at });
    }
  }
  return fields;
}

const utf8 = new TextDecoder();

/** Reads the text of the last field of this number; "" where there is none, as protobuf has it. */
export function textOf(file: Uint8Array, fields: readonly Field[], number: number): string {
  const field = fields.findLast((one) => one.number === number);
  return field === undefined ? "" : utf8.decode(file.subarray(field.at, field.at + field.length));
}

/** Reads the varints of all fields of this number, packed or not. */
export function numbersOf(file: Uint8Array, fields: readonly Field[], number: number): number[] {
  return fields
    .filter((field) => field.number === number)
    .flatMap(({ at, length }) => {
      const reader = new BinaryReader(file.subarray(at, at + length));
      const numbers: number[] = [];
      while (reader.pos < reader.len) numbers.push(Number(reader.int64()));
      return numbers;
    });
}

/** Reads the last varint of the fields of this number; 0 where there is none, as protobuf has it. */
export const numberOf = (file: Uint8Array, fields: readonly Field[], number: number): number =>
  numbersOf(file, fields, number).at(-1) ?? 0;

/** Writes a field with this payload. */
export const writeField = (number: number, payload: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(payload).finish();

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/**
 * Puts other payloads into some of a message's length-delimited fields, and changes no other byte.
 *
 * @param replace gives back the payload itself where it stays
 */
export function rewriteFields(
  message: Uint8Array,
  replace: (payload: Uint8Array, number: number) => Uint8Array,
): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const { number, wire, start, at, length } of fieldsOf(message)) {
    if (wire !== WireType.LengthDelimited) continue;
    const payload = message.subarray(at, at + length);
    const next = replace(payload, number);
    if (next === payload) continue;
    parts.push(message.subarray(from, start), writeField(number, next));
    from = at + length;
  }
  return from === 0 ? message : joinBytes([...parts, message.subarray(from)]);
}

/** Leaves out the fields of this number. */
export function withoutField(message: Uint8Array, number: number): Uint8Array {
  const kept = fieldsOf(message).filter((field) => field.number !== number);
  return joinBytes(kept.map(({ start, at, length }) => message.subarray(start, at + length)));
}
