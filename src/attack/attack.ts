// Making points: attacks a data set and returns the images that were right and are now wrong.
import { type AnyDataset, type Dataset, gather } from "../data/dataset.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { programOf } from "../engine/programs.ts";
import type { Workers } from "../engine/workers.ts";
import { demand, refuseUnknown, TemperError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { joined } from "../tensor/vector.ts";
import { chooseBalanced } from "./choose.ts";
import { lookAt } from "./look.ts";
import {
  type AttackOptions,
  type AttackRequest,
  attackIn,
  attackOptions,
  attackRequestNames,
} from "./options.ts";
import { mostPasses, usesGradients } from "./parts.ts";
import { type KeptWork, withWorkers } from "./session.ts";
import * as tasks from "./tasks.ts";
import { checkUnits } from "./units.ts";

/** Which of the broken images become points: `worst` or `random` many; without either, all of them do. */
export interface PointChoice {
  /**
   * So many with the lowest f_y - max rival, 1 or more, as many of each label. Where a label has too few, the
   * others fill up.
   */
  readonly worst?: number | undefined;
  /**
   * The first so many of a seeded order, 1 or more, as many of each label. Only as many images are attacked as
   * that takes.
   */
  readonly random?: number | undefined;
  /**
   * Levels above 0 of a pixel, 255 for images of bytes, 1 or more: points are rounded to them, inside the ball, and
   * only those that are still wrong count. Needs eps in pixel units. Default: points are not rounded.
   */
  readonly quantise?: number | undefined;
}

/** What `attack` is called with. */
export interface AttackCall extends AttackRequest, PointChoice, KeptWork {
  /** The images to attack, in pixel units, with their true labels. */
  readonly data: AnyDataset;
  /** The stage is the name of the attack; it counts images that are attacked, of `random` the points found. */
  readonly onProgress?: Progress | undefined;
  /** Told before the attack begins of what weakens it, a sentence each: the first of `notes`. */
  readonly onNote?: ((note: string) => void) | undefined;
}

const known: Readonly<Record<keyof AttackCall, true>> = {
  ...attackRequestNames,
  data: true,
  worst: true,
  random: true,
  quantise: true,
  threads: true,
  workers: true,
  shards: true,
  signal: true,
  onProgress: true,
  onNote: true,
};

/** The points that an attack has made, and how it went. */
export interface Points {
  /**
   * The attacked images in pixel units with their true labels, label by label. `source` holds their indices in
   * the unsliced data, `clean` the images before the attack.
   */
  readonly points: Dataset;
  /** The attack, fully stated. */
  readonly options: AttackOptions;
  /** How many images were attacked. */
  readonly attacked: number;
  /** How many of these are right when clean. */
  readonly correct: number;
  /** How many of these were turned. */
  readonly broken: number;
  /**
   * What must be said, a sentence each: what a look at the model and the data found, each with its name as in
   * `evaluate`; then labels that had too few images.
   */
  readonly notes: readonly string[];
}

interface Found {
  readonly images: readonly tasks.KeptImage[];
  readonly attacked: number;
  readonly correct: number;
  readonly broken: number;
  readonly undone: number;
}

function tally(shards: readonly tasks.AttackedShard[]): Omit<Found, "images"> {
  let [attacked, correct, broken, undone] = [0, 0, 0, 0];
  for (const { cleanMargins, margins, undone: again } of shards) {
    undone += again;
    attacked += margins.length;
    for (let i = 0; i < margins.length; i++) {
      if (cleanMargins[i] > 0) correct++;
      if (tasks.isBroken(cleanMargins[i], margins[i])) broken++;
    }
  }
  return { attacked, correct, broken, undone };
}

/** All images are attacked; each label keeps its `keep` worst. */
async function findWorst(
  workers: Workers,
  options: AttackOptions,
  keep: number,
  call: AttackCall,
): Promise<Found> {
  const ids = Int32Array.from({ length: call.data.count }, (_, i) => i);
  const shards = await tasks.attackAll(
    workers,
    { ids, options, keep, quantise: call.quantise },
    { signal: call.signal, onImages: (done, of) => call.onProgress?.(options.attack, done, of) },
  );
  return { images: shards.flatMap(({ kept }) => kept).toSorted(tasks.byMargin), ...tally(shards) };
}

/**
 * Attacks the images in a seeded order, only as far as the choice needs: what comes out is what `chooseBalanced`
 * would take from all of them. First it attacks the images of each label, in rounds, until the label has its
 * N / labels or no image is left; then it attacks everything from the front until the rest is found.
 */
async function findRandom(
  workers: Workers,
  options: AttackOptions,
  total: number,
  labels: number,
  call: AttackCall,
): Promise<Found> {
  const { data } = call;
  const order = randomStream(options.seed, STREAMS.attack.choice).permutation(data.count);
  const found = new Map<number, tasks.KeptImage>();
  const shards: tasks.AttackedShard[] = [];
  const attacked = new Set<number>();
  const waiting = Array.from({ length: labels }, (): number[] => []);
  for (const id of order) waiting[data.labels[id]].push(id);

  const attackNext = async (ids: readonly number[]): Promise<void> => {
    const done = await tasks.attackAll(
      workers,
      { ids: Int32Array.from(ids), options, keep: ids.length, quantise: call.quantise },
      {
        signal: call.signal,
        onImages: () => call.onProgress?.(options.attack, Math.min(found.size, total), total),
      },
    );
    for (const id of ids) attacked.add(id);
    for (const image of done.flatMap(({ kept }) => kept)) found.set(image.id, image);
    shards.push(...done);
  };

  const share = Math.floor(total / labels);
  const missing = Int32Array.from({ length: labels }, () => share);
  for (;;) {
    const round = waiting.flatMap((ids, label) => ids.splice(0, 2 * Math.max(0, missing[label])));
    if (round.length === 0) break;
    await attackNext(round);
    for (const id of round) if (found.has(id)) missing[data.labels[id]]--;
  }
  for (;;) {
    // The rest is what is broken before the first image that was not attacked, beyond the share of each label.
    const frontier = order.findIndex((id) => !attacked.has(id));
    const balanced = missing.reduce((sum, n) => sum + share - Math.max(0, n), 0);
    const taken = new Int32Array(labels);
    let rest = total - balanced;
    for (const id of frontier < 0 ? order : order.subarray(0, frontier)) {
      if (found.has(id) && ++taken[data.labels[id]] > share) rest--;
    }
    if (rest <= 0 || frontier < 0) break;
    const ahead = order.subarray(frontier).filter((id) => !attacked.has(id));
    await attackNext([...ahead.subarray(0, 2 * rest)]);
  }
  const images = [...order].flatMap((id) => found.get(id) ?? []);
  return { images, ...tally(shards) };
}

function pointsOf(call: AttackCall, images: readonly tasks.KeptImage[]): Dataset {
  const { data } = call;
  const ids = Int32Array.from(images, ({ id }) => id);
  return {
    name: `points of ${data.name}`,
    shape: data.shape,
    count: images.length,
    pixels: joined(images.map(({ x }) => x)),
    labels: Int32Array.from(images, ({ label }) => label),
    source: ids.map((id) => (data.source ? data.source[id] : (data.first ?? 0) + id)),
    clean: gather(data, ids),
    ...(data.classes && { classes: data.classes }),
    ...(data.columns && { columns: data.columns }),
  };
}

/** How many points the rounding undid. */
function undoneNotes({ broken, undone }: Found, levels: number | undefined): string[] {
  if (levels === undefined) return [];
  return [
    `${undone} of ${broken + undone} turned images are right again once rounded to ${levels} levels: left out`,
  ];
}

/**
 * Attacks a data set and returns the images that the attack turns: right when clean (Definition 1), inside
 * the ball, wrong when asked again. The same seed gives the same points, whatever the number of processes.
 *
 * @throws TemperError `bad-option`, `data-mismatch` (data that do not fit the model, or a gradient that is not a
 *   number), `model-unsupported` (an operator without a gradient rule), `worker-failed`, `aborted`
 */
export async function attack(model: Model, call: AttackCall): Promise<Points> {
  refuseUnknown(call, known, "attack");
  const options = attackOptions(attackIn(call));
  checkUnits(options, networkOf(model).options.std);
  const { worst, random, quantise, data } = call;
  const pixels = quantise === undefined || options.epsSpace === "pixel";
  demand(pixels, "quantise", quantise, "eps in pixel units: it rounds pixels");
  for (const [word, n] of Object.entries({ worst, random, quantise })) {
    const holds = n === undefined || (Number.isInteger(n) && n >= 1);
    demand(holds, word, n, "a whole number, 1 or more");
  }
  if (worst !== undefined && random !== undefined) {
    throw new TemperError("bad-option", "worst and random contradict each other; give one of them");
  }
  const passes = mostPasses(options, model.labels);
  return withWorkers(model, data, { ...call, passes }, async (workers) => {
    const network = networkOf(model);
    if (usesGradients(options)) programOf(network, { of: crossEntropy, in: "image" }); // refuses by name
    const seen = await lookAt(workers, { network, data, attack: options }, call.signal);
    for (const note of seen.notes) call.onNote?.(note);
    const total = worst ?? random ?? data.count;
    const found =
      random === undefined
        ? await findWorst(workers, options, total, call)
        : await findRandom(workers, options, random, model.labels, call);
    const { chosen, notes } =
      worst === undefined && random === undefined
        ? { chosen: [...found.images], notes: [] }
        : chooseBalanced(found.images, total, model.labels);
    // Points lie label by label, worst first, as the paper takes them.
    const byLabel = chosen.toSorted((a, b) => a.label - b.label);
    const { attacked, correct, broken } = found;
    return {
      points: pointsOf(call, byLabel),
      options,
      attacked,
      correct,
      broken,
      notes: [...seen.notes, ...undoneNotes(found, quantise), ...notes],
    };
  });
}
