// Whether the cuts of a run fit into its memory as they are, or the convolutions are to be kept in parts.
import { memoryToUse } from "../data/memory.ts";
import { thetaLength } from "../onnx/theta.ts";
import { PROCESS_BYTES } from "./children.ts";
import { bytesOfMore, createFactoredRows } from "./factored-rows.ts";
import type { Network } from "./network.ts";
import { shortConvolutions } from "./slices.ts";

/** What decides how many bytes a run takes. */
export interface RunSize {
  readonly points: number;
  /** Cuts of a point at an anchor. */
  readonly cuts: number;
  readonly iterations: number;
  /** Numbers of D, of all its images. */
  readonly floats: number;
  /** Worker processes, beside this one. */
  readonly processes: number;
}

/** Bytes of D as floats that a process keeps at the most, twice: as it is, and in the order of its losses. */
const KEPT_DATA = 2 ** 29;

/** Bytes of a run beside its cuts: what every process holds, and the anchors with the gradients of their losses. */
function bytesBeside(network: Network, { iterations, floats, processes }: RunSize): number {
  const weights = thetaLength(network.parameters);
  const held = Math.min(2 * 4 * floats, KEPT_DATA) + 12 * weights;
  return (processes + 1) * (PROCESS_BYTES + held) + 12 * weights * iterations;
}

/**
 * Bytes that the cuts of a run may take, of the memory that there is for all processes together.
 *
 * @param memory in bytes; default: most of what is free on this machine
 */
export const roomForCuts = (network: Network, run: RunSize, memory = memoryToUse()): number =>
  Math.max(0, memory - bytesBeside(network, run));

/**
 * The convolutions' weights to keep in parts: those that are shorter so, where the cuts of all iterations would not fit
 * into their room, and else none.
 */
export function convolutionsInParts(
  network: Network,
  { points, cuts, iterations }: RunSize,
  room: number,
): ReadonlySet<string> {
  const sites = points * iterations;
  const rows = bytesOfMore(createFactoredRows(network), { rows: sites * cuts, sites });
  const ofLoss = 8 * thetaLength(network.parameters) * iterations;
  return rows + ofLoss <= room ? new Set() : shortConvolutions(network, cuts);
}
