// Tensors -> bytes in the safetensors format: the length of a JSON header, the header, and the numbers, with no gap.
import { TemperError } from "../errors.ts";
import type { ElementType, Tensor } from "./graph.ts";

const dtypes: Readonly<Record<ElementType, string>> = {
  float16: "F16",
  float32: "F32",
  float64: "F64",
  int8: "I8",
  uint8: "U8",
  int16: "I16",
  uint16: "U16",
  int32: "I32",
  uint32: "U32",
  int64: "I64",
  uint64: "U64",
  bool: "BOOL",
};

/** Readers map the file into memory, so the numbers begin at a multiple of this, and the widest come first. */
const ALIGNMENT = 8;

/** The name under which the format keeps notes. */
const RESERVED = "__metadata__";

/** @throws TemperError `bad-option` where a name can't be in such a file */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].toSorted(
    ([, a], [, b]) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT,
  );
  let end = 0;
  // An object would put names that are whole numbers first.
  const entries = sorted.map(([name, { type, dims, values }]) => {
    checkName(name);
    const begin = end;
    end += values.byteLength;
    const entry = { dtype: dtypes[type], shape: dims, data_offsets: [begin, end] };
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  const json = Buffer.from(`{${entries.join(",")}}`);
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const file = Buffer.alloc(8 + length + end, " ");
  file.writeBigUInt64LE(BigInt(length));
  file.set(json, 8);
  let at = 8 + length;
  for (const [, { values }] of sorted) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}

/** Half of a pair of surrogates is no text that another program would read. */
function checkName(name: string): void {
  const fault =
    name === RESERVED
      ? "it is reserved"
      : /\p{Surrogate}/u.test(name)
        ? "it is no Unicode"
        : undefined;
  if (fault === undefined) return;
  throw new TemperError(
    "bad-option",
    `no tensor of a safetensors file can be named ${JSON.stringify(name)}: ${fault}\ngive it another by names`,
  );
}
