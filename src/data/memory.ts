// What memory there is, and the refusal of what cannot be held in it, before it is begun.
import { totalmem } from "node:os";
import { TemperError } from "../errors.ts";

/** Bytes of memory that this process may use: the machine's, or what the container around it is allowed. */
export function memoryThere(): number {
  const allowed = process.constrainedMemory();
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}

/** The share of the memory that is free at the beginning which a run may fill with its cuts, unless it is told. */
const SHARE = 0.6;

/** Bytes that a run may use in all its processes where nothing else is asked for. */
export const memoryToUse = (): number => SHARE * Math.min(process.availableMemory(), memoryThere());

/**
 * Refuses what needs more memory than there is. `bytes` are what is certainly needed: what passes may still be too
 * much, since others use the machine too.
 *
 * @param what needs it, in words, in the plural
 * @throws TemperError `out-of-memory`
 */
export function demandMemory(bytes: number, what: string, todo: string): void {
  const there = memoryThere();
  if (bytes <= there) return;
  throw new TemperError(
    "out-of-memory",
    `${what} need ${inGigabytes(bytes)} GB of memory, and there are ${inGigabytes(there)} GB\n${todo}`,
  );
}

const inGigabytes = (bytes: number): number => Number((bytes / 2 ** 30).toPrecision(3));

/** Bytes of all arrays of numbers inside a value. */
export function bytesWithin(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== "object" || value === null) return 0;
  const inside = value instanceof Map ? [...value.values()] : Object.values(value);
  return inside.reduce<number>((sum, one) => sum + bytesWithin(one), 0);
}
