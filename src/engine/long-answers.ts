// The long arrays of an answer, which a process leaves in a file of its own. It is given no other job before they were
// read, so that each answer finds the file free.
import { LONG, readAt, writeAt } from "./scratch.ts";

const types = { Float32Array, Float64Array } as const;

type Long = Float32Array | Float64Array;

/** An array that was left in the file. */
interface Left {
  /** The field of the answer that it is; undefined where it is the answer. */
  readonly field: string | undefined;
  readonly type: keyof typeof types;
  readonly length: number;
  readonly at: number;
}

/** An answer as it travels: without what lies in the file. */
export interface Answered {
  readonly result: unknown;
  readonly left?: readonly Left[];
}

/** Writes the long arrays of an answer to the file: itself, or fields of it. What finds no room there stays. */
export function leaveLong(file: number, result: unknown): Answered {
  const left: Left[] = [];
  let at = 0;
  const leaves = (field: string | undefined, value: unknown): boolean => {
    if (!isLong(value) || !writeAt(file, value, at)) return false;
    const type = value instanceof Float32Array ? "Float32Array" : "Float64Array";
    left.push({ field, type, length: value.length, at });
    at += value.byteLength;
    return true;
  };
  if (typeof result !== "object" || result === null || Array.isArray(result)) return { result };
  if (ArrayBuffer.isView(result)) {
    return leaves(undefined, result) ? { result: undefined, left } : { result };
  }
  const short = Object.entries(result).filter(([field, value]) => !leaves(field, value));
  return left.length === 0 ? { result } : { result: Object.fromEntries(short), left };
}

/** The answer with what was left of it in the file. */
export function takeLong(file: number, { result, left = [] }: Answered): unknown {
  const arrays = left.map(({ field, type, length, at }) => {
    const array = new types[type](length);
    readAt(file, array, at);
    return [field, array] as const;
  });
  if (left.length === 1 && left[0].field === undefined) return arrays[0][1];
  return arrays.length === 0 ? result : { ...(result as object), ...Object.fromEntries(arrays) };
}

const isLong = (value: unknown): value is Long =>
  (value instanceof Float32Array || value instanceof Float64Array) && value.byteLength >= LONG;
