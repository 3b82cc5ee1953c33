// What a run holds in memory, counted, and whether its cuts fit as they are or the convolutions are kept in parts.
//
// Arrays are counted exactly; what Node, onnxruntime and the processor's caches add was fitted to runs (docs/plan.md).
import { imageSize } from "../data/dataset.ts";
import { memoryToUse } from "../data/memory.ts";
import { thetaLength } from "../onnx/theta.ts";
import { batchOf, largestOf } from "./batches.ts";
import { bytesOfMore, createFactoredRows } from "./factored-rows.ts";
import { workBehindTheta } from "./flops.ts";
import { keepsFloats } from "./kept.ts";
import { cutAtTheta } from "./moving-part.ts";
import type { Network } from "./network.ts";
import { numbersOf } from "./rate.ts";
import { lossesKept } from "./sampled-loss.ts";
import { shortConvolutions } from "./slices.ts";

/** What decides how many bytes a run takes. */
export interface RunSize {
  /** Images of D. */
  readonly images: number;
  /** Bytes of its pixels in this process. */
  readonly pixels: number;
  readonly points: number;
  /** Cuts for each point in an iteration. */
  readonly rivals: number;
  readonly iterations: number;
  /** Worker processes, beside this one. */
  readonly processes: number;
  /** Images of the held-out data. */
  readonly held: number;
  /** Whether bounds over balls are cut in place of points. */
  readonly bounded?: boolean | undefined;
  /** The first sample that the loss is cut on, where it is sampled. */
  readonly lossSample?: number | "auto" | undefined;
}

/**
 * Bytes that the cuts of a run may take, of the memory that there is for all processes together.
 *
 * @param memory in bytes; default: most of what is free on this machine
 */
export const roomForCuts = (network: Network, size: RunSize, memory?: number): number =>
  roomBeside(bytesBeside(network, size).iterating, memory);

const roomBeside = (bytes: number, memory = memoryToUse()): number => Math.max(0, memory - bytes);

/** Rows of fewer bytes than this stay as they are wherever they fit. */
const FEW = 1e9;

/**
 * Rows that are so many times as long as their parts take longer to make and to multiply. The last block of ResNet18
 * has 60 times as many numbers: its cuts and solves take 4 s an iteration in parts, and 50 s written out.
 */
const MUCH_LONGER = 8;

/**
 * The convolutions' weights to keep in parts: those that are shorter so, where the cuts of all iterations would not fit
 * into their room or would be much slower as rows, and else none.
 */
export function convolutionsInParts(
  network: Network,
  size: RunSize,
  room: number,
): ReadonlySet<string> {
  const whole = bytesOfCuts(network, size);
  if (whole <= Math.min(room, FEW)) return new Set();
  const short = shortConvolutions(network, size.rivals);
  const inParts = bytesOfCuts(network, size, short);
  return whole > room || whole > MUCH_LONGER * inParts ? short : new Set();
}

/** Bytes that a run takes at the most, in all its processes. */
export function bytesOfRun(network: Network, size: RunSize, memory?: number): number {
  const { iterating, ending } = bytesBeside(network, size);
  const room = roomBeside(iterating, memory);
  const inParts = size.bounded ? undefined : convolutionsInParts(network, size, room);
  return Math.max(iterating + bytesOfCuts(network, size, inParts), ending);
}

const FLOAT = 4;
const DOUBLE = 8;

/** Bytes of the cuts of all iterations, the gradients of the loss among them. */
function bytesOfCuts(
  network: Network,
  size: RunSize,
  inParts: ReadonlySet<string> = new Set(),
): number {
  const weights = thetaLength(network.parameters);
  const { points, iterations } = size;
  const rows = rowsOf(size);
  if (size.bounded) return FLOAT * weights * rows + DOUBLE * weights * iterations;
  const store = createFactoredRows(network, inParts);
  // Beside each gradient of the loss, its plain entries once more, as products take them; parts have no need of them.
  const ofLoss = DOUBLE * (weights + (inParts.size === 0 ? store.width : 0));
  return bytesOfMore(store, { rows, sites: points * iterations }) + ofLoss * iterations;
}

/**
 * Cuts of a run: every rival of every point at every anchor; or, of bounds, which are cut where they fail, all at the
 * first one and then about one a point, as measured on CNNLight.
 */
export const rowsOf = ({ points, rivals, iterations, bounded }: RunSize): number =>
  points * (bounded ? rivals + iterations : rivals * iterations);

// Node and onnxruntime with what every run holds beside its arrays: this process, and each of the others.
const OWN_BASE = 180e6;
const WORKER_BASE = 115e6;

/** onnxruntime packs weights for speed: a session has them once as they are and once packed. */
const COPIES = 2;

/** Sessions of a process that are there together: of the answers, and of a gradient. */
const SESSIONS = 2;

/** Activations at work at once, and what a convolution lays out of them, by the largest: measured. */
const AT_WORK = 8;

/** Vectors of float64 that this process has at work. */
const VECTORS = 8;

/** What runs but for the first pass and the last: the part that theta moves, where it is worth a cut. */
export const movingOf = (network: Network, bounded = false): Network =>
  bounded ? network : (cutAtTheta(network)?.moving ?? network);

/** Bytes beside the cuts, of all processes: in an iteration, and after the last, when the cuts are gone. */
function bytesBeside(
  network: Network,
  { images, pixels, iterations, processes, held, bounded, lossSample }: RunSize,
): { readonly iterating: number; readonly ending: number } {
  const weights = thetaLength(network.parameters);
  const moving = movingOf(network, bounded);
  const all = numbersOf(network);
  const sessions = SESSIONS * COPIES * FLOAT * numbersOf(moving);
  const files = 3 * network.file.length + 2 * FLOAT * all;
  const thetas = FLOAT * iterations * weights;
  // The losses of each image at theta0 and at the latest theta, where samples are set beside them.
  const losses = lossSample === undefined ? 0 : DOUBLE * images * (1 + lossesKept(images));
  const vectors = VECTORS * DOUBLE * weights;
  const own = OWN_BASE + pixels + losses + files + thetas + sessions + vectors;

  const batch = batchOf(moving);
  const forward = FLOAT * batch * AT_WORK * largestOf(moving.shapes);
  const backward = FLOAT * batch * 1.5 * workBehindTheta(moving).values;
  const kept = Math.max(0, ...[images, held].filter((count) => keepsFloats(moving, count)));
  // As they are, and in the order of their losses.
  const floats = 2 * FLOAT * imageSize(moving.inputShape) * kept;
  const gradient = (2 * FLOAT + 3 * DOUBLE) * weights;
  const running = WORKER_BASE + 2 * FLOAT * all + sessions + forward + backward + gradient + floats;
  // Of a part, the first pass and the last run all of the network.
  const pass = FLOAT * batchOf(network) * AT_WORK * largestOf(network.shapes);
  const passing = WORKER_BASE + (2 + COPIES + 1) * FLOAT * all + pass;
  const others = processes * Math.max(running, passing);
  // At the end all theta_k are put together, as one array and as its file, which is read back when it is on disk.
  return { iterating: own + others, ending: own + 3 * thetas + others };
}
