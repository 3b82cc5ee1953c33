// Values as bytes, on their way between machines: a head of JSON, and the numbers of arrays behind it.
//
// Not the form of Node's own messages, which another version of Node may not read. Reading makes plain values only,
// and asks for no memory that the bytes themselves do not fill.
import { bytesOf } from "../data/pixel-file.ts";
import { TemperError } from "../errors.ts";

const kinds = {
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

type Numbers = InstanceType<(typeof kinds)[keyof typeof kinds]>;

/** Values inside values, at most: a hostile head is not to exhaust the stack. */
const DEEPEST = 64;

/** Bytes before the head: its length. */
const BEFORE = 4;

/** Arrays begin at multiples of so many bytes, and the whole ends at one, as numbers lie in memory. */
const ALIGNED = 8;

/** Bytes of an array that is worth no copy: a smaller one is not to hold a long message in memory. */
const LARGE = 2 ** 12;

const alignedUp = (bytes: number): number => Math.ceil(bytes / ALIGNED) * ALIGNED;

/**
 * Writes a value: numbers, strings, booleans, null, undefined, bigints, arrays of numbers, lists, maps and plain
 * records of such. Equal values give equal bytes.
 */
export function pack(value: unknown): Buffer {
  const arrays: { readonly array: Numbers; readonly at: number }[] = [];
  let end = 0;
  const head = JSON.stringify(
    headOf(value, (array) => {
      const at = end;
      arrays.push({ array, at });
      end += alignedUp(array.byteLength);
      return at;
    }),
  );
  const body = alignedUp(BEFORE + Buffer.byteLength(head));
  const bytes = Buffer.allocUnsafe(body + end);
  bytes.writeUInt32LE(body - BEFORE);
  bytes.fill(" ", BEFORE + bytes.write(head, BEFORE), body);
  for (const { array, at } of arrays) {
    const from = body + at;
    bytes.set(bytesOf(array), from);
    bytes.fill(0, from + array.byteLength, from + alignedUp(array.byteLength));
  }
  return bytes;
}

/** A value as JSON: what JSON cannot say is a list that begins with a letter, and so is every list. */
function headOf(value: unknown, place: (array: Numbers) => number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "undefined":
      return ["u"];
    case "bigint":
      return ["i", `${value}`];
    case "number":
      if (Object.is(value, -0)) return ["n", "-0"];
      return Number.isFinite(value) ? value : ["n", `${value}`];
  }
  if (value === null) return null;
  if (ArrayBuffer.isView(value)) {
    const kind = value instanceof Uint8Array ? "Uint8Array" : value.constructor.name;
    const array = value as Numbers;
    return ["t", kind, place(array), array.length];
  }
  if (Array.isArray(value)) return ["l", value.map((one) => headOf(one, place))];
  if (value instanceof Map) {
    return ["m", [...value].map(([k, v]) => [headOf(k, place), headOf(v, place)])];
  }
  if (typeof value !== "object") throw new Error(`a ${typeof value} cannot be sent to a machine`);
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, headOf(v, place)]));
}

const damaged = (): TemperError =>
  new TemperError("data-unreadable", "what came over the queue is damaged, or not from Temper");

/**
 * Reads what `pack` wrote. Long arrays are views of the bytes, where these lie as their numbers must.
 *
 * @throws TemperError `data-unreadable` for anything else
 */
export function unpack<T = unknown>(bytes: Uint8Array): T {
  if (bytes.length < BEFORE) throw damaged();
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const from = BEFORE + all.readUInt32LE();
  if (from > bytes.length) throw damaged();
  let head: unknown;
  try {
    head = JSON.parse(all.toString("utf8", BEFORE, from));
  } catch {
    throw damaged();
  }
  return fromHead(head, all.subarray(from), 0) as T;
}

function fromHead(head: unknown, body: Buffer, depth: number): unknown {
  if (depth > DEEPEST) throw damaged();
  const inside = (one: unknown): unknown => fromHead(one, body, depth + 1);
  if (typeof head !== "object" || head === null) return head;
  if (!Array.isArray(head)) {
    // Of entries, so that a name such as __proto__ is a property like any other.
    return Object.fromEntries(Object.entries(head).map(([k, v]) => [k, inside(v)]));
  }
  const [letter, given] = head as unknown[];
  switch (letter) {
    case "u":
      return undefined;
    case "i":
      if (typeof given !== "string" || !/^-?\d{1,40}$/.test(given)) throw damaged();
      return BigInt(given);
    case "n":
      return Number(given);
    case "t":
      return numbersOf(head, body);
    case "l":
      if (!Array.isArray(given)) throw damaged();
      return given.map(inside);
    case "m":
      if (!Array.isArray(given) || !given.every(Array.isArray)) throw damaged();
      return new Map(given.map(([k, v]) => [inside(k), inside(v)]));
    default:
      throw damaged();
  }
}

function numbersOf([, kind, at, length]: unknown[], body: Buffer): Numbers {
  const known = Object.hasOwn(kinds, String(kind)) && [at, length].every(Number.isSafeInteger);
  if (!known) throw damaged();
  const [from, n] = [at as number, length as number];
  const Kind = kinds[kind as keyof typeof kinds];
  const bytes = n * Kind.BYTES_PER_ELEMENT;
  if (from < 0 || n < 0 || from + bytes > body.length) throw damaged();
  const place = body.byteOffset + from;
  if (bytes >= LARGE && place % Kind.BYTES_PER_ELEMENT === 0) {
    return new Kind(body.buffer as ArrayBuffer, place, n);
  }
  return new Kind(Uint8Array.from(body.subarray(from, from + bytes)).buffer);
}
