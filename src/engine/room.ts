// Whether the cuts of a run fit into its memory as they are, or the convolutions are to be kept in parts.
import { type Dataset, imageSize } from "../data/dataset.ts";
import { memoryToUse } from "../data/memory.ts";
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
  readonly data: Dataset;
  /** Worker processes, beside this one. */
  readonly processes: number;
}

/** Bytes of a run beside its cuts: what every process holds, and what each iteration leaves. */
function bytesBeside({ theta0 }: Network, { iterations, data, processes }: RunSize): number {
  const held = 4 * imageSize(data.shape) * data.count + 12 * theta0.length;
  // An anchor with the gradient of its loss, and that gradient as a row.
  return (processes + 1) * (PROCESS_BYTES + held) + 20 * theta0.length * iterations;
}

/**
 * The convolutions' weights to keep in parts: those that are shorter so, where the cuts of all iterations would not fit
 * into the memory that there is for all processes together, and else none.
 *
 * @param memory in bytes; default: most of what is free on this machine
 */
export function convolutionsInParts(
  network: Network,
  run: RunSize,
  memory = memoryToUse(),
): ReadonlySet<string> {
  const { points, cuts, iterations } = run;
  const sites = points * iterations;
  const rows = bytesOfMore(createFactoredRows(network), { rows: sites * cuts, sites });
  if (rows + bytesBeside(network, run) <= memory) return new Set();
  return shortConvolutions(network, cuts);
}
