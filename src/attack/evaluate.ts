// Measuring: accuracy and loss on clean images, accuracy under each attack and the worst of all, and their warnings.
import { gradientEnds, straightThrough } from "../autodiff/ends.ts";
import { type AnyDataset, imageSize } from "../data/dataset.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { type Model, networkOf } from "../engine/model.ts";
import type { Network } from "../engine/network.ts";
import { programOf } from "../engine/programs.ts";
import type { Workers } from "../engine/workers.ts";
import { demand, refuseUnknown, TemperError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import type { AttackName } from "./attacks.ts";
import { unitOfPixels } from "./classifier.ts";
import { type Clean, measureClean } from "./clean.ts";
import { radius } from "./effort.ts";
import { type AttackedImages, attackedImages } from "./images.ts";
import { type Longer, tryLonger } from "./longer.ts";
import { type AttackOptions, type AttackRequest, attackOptions } from "./options.ts";
import { mostPasses, usesGradients } from "./parts.ts";
import { type ProbeSize, probe } from "./probe.ts";
import { type KeptWork, withWorkers } from "./session.ts";
import type { EpsSpace, Norm, Protocol } from "./settings.ts";
import { countRight, type Share, shareOf } from "./share.ts";
import { modelEps, statement } from "./statement.ts";
import { attackAll } from "./tasks.ts";
import { checkUnits } from "./units.ts";
import type { Evidence } from "./warning.ts";
import { warningsOf } from "./warnings.ts";
import { type Ball, ballsOf, isWithin, type Outcome, sameBall, worstOf } from "./worst.ts";

/** What `evaluate` is called with. */
export interface EvaluateCall extends KeptWork {
  /** The images to measure on, in pixel units, with their true labels. */
  readonly data: AnyDataset;
  /**
   * Attacks to measure under, in order. Default: none, which measures clean images only. Where a gradient passes
   * straight through signs or quantisers of the model, square is added behind those that follow it, once a ball.
   */
  readonly attacks?: readonly AttackRequest[] | undefined;
  /** Whether each image's worst input is returned; the attacks must then have one norm, eps and clip. Default false. */
  readonly images?: boolean | undefined;
  /** The stages are `clean` and the name and eps of each attack; they count images. */
  readonly onProgress?: Progress | undefined;
}

const known: Readonly<Record<keyof EvaluateCall, true>> = {
  data: true,
  attacks: true,
  images: true,
  threads: true,
  workers: true,
  shards: true,
  signal: true,
  onProgress: true,
};

/** Accuracy and loss on the clean images. */
export interface CleanResult extends Share {
  /** Number of images. */
  readonly n: number;
  /** Mean cross-entropy, whatever loss a run holds. */
  readonly loss: number;
  /** What must be said beside the accuracy, each with its name: "... [near-chance]". */
  readonly warnings: readonly string[];
}

/** The share of images that are still right under one or several attacks, and the ball they were attacked in. */
export interface Withstood extends Share {
  /** The norm of the ball. */
  readonly norm: Norm;
  /** Radius of the ball, in the units of `epsSpace`. */
  readonly eps: number;
  /** What eps is measured in. */
  readonly epsSpace: EpsSpace;
  /** Share in [0, 1] of the images right when clean that are turned (Definition 3); 0 where none is right. */
  readonly turned: number;
  /** How many of the turned images each attack made, by its name. */
  readonly decided: Readonly<Record<string, number>>;
}

/** The accuracy under one attack. */
export interface AttackResult extends Withstood {
  /** The name of the attack. */
  readonly name: AttackName;
  /** Where the defaults of the attack came from. */
  readonly protocol: Protocol;
  /** The attack in words: the ball, the labels, the effort. */
  readonly statement: string;
  /** An eps in pixels in the model's units, by channel; absent where the model does not normalise. */
  readonly modelEps?: readonly number[] | undefined;
  /** Passes through the network that gave a gradient, summed over the images. */
  readonly gradientSteps: number;
  /** Passes that gave logits alone, summed over the images. */
  readonly queries: number;
  /** What weakens the number, each with its name: "... [nothing-turned]". */
  readonly warnings: readonly string[];
}

/** The accuracy under the worst of several attacks, image by image. */
export interface WorstResult extends Withstood {
  /** The range that pixels are kept in, or null. */
  readonly clip: readonly [low: number, high: number] | null;
  /** The attacks it is over, as indices in `attacks`: all whose ball lies in this one. */
  readonly over: readonly number[];
}

/** What `evaluate` has measured. */
export interface Evaluation {
  /** The result on the clean images. */
  readonly clean: CleanResult;
  /** Each attack's result, in the order in which they were given; square behind them where it was added. */
  readonly attacks: readonly AttackResult[];
  /** The worst of all attacks, an entry for each ball that they state. */
  readonly worst: readonly WorstResult[];
  /** Indices of the clean images that are wrong, ascending: `subset` makes points of them. */
  readonly wrong: Int32Array;
  /** The worst input of each image, where it was asked for. */
  readonly images?: AttackedImages | undefined;
}

/** Images of the probe: enough to see what concerns one in a hundred, and cheap beside an attack ... */
const BESIDE_ATTACKS: ProbeSize = { least: 64, most: 1000, work: 1e12 };

/** ... or beside a clean pass alone, where a large network is asked about fewer. */
const BESIDE_CLEAN: ProbeSize = { least: 16, most: 1000, work: 6e10 };

interface Ran extends Outcome {
  readonly gradientSteps: number;
  readonly queries: number;
  readonly longer: Longer | undefined;
  readonly x: readonly Float32Array[];
}

async function runAttack(
  workers: Workers,
  options: AttackOptions,
  cleanMargins: Float32Array,
  call: EvaluateCall,
): Promise<Ran> {
  const { data, signal, onProgress, images = false } = call;
  const ids = Int32Array.from({ length: data.count }, (_, i) => i);
  const stage = `${options.attack} ${radius(options.eps)}`;
  const shards = await attackAll(
    workers,
    { ids, options, keep: 0, keepAll: images },
    { signal, onImages: (done, of) => onProgress?.(stage, done, of) },
  );
  const margins = Float32Array.from(shards.flatMap((shard) => [...shard.margins]));
  return {
    options,
    margins,
    found: shards.flatMap(({ found }) => found),
    gradientSteps: shards.reduce((a, c) => a + c.gradientSteps, 0),
    queries: shards.reduce((a, c) => a + c.queries, 0),
    longer: await tryLonger(workers, options, { cleanMargins, margins }, signal),
    x: shards.flatMap(({ x }) => x ?? []),
  };
}

/** What some attacks left standing. */
function withstood(
  outcomes: readonly Outcome[],
  { eps, norm, epsSpace }: Ball,
  { data, cleanMargins }: { readonly data: AnyDataset; readonly cleanMargins: Float32Array },
): Withstood {
  const { margins, decided } = worstOf(outcomes);
  const right = countRight(cleanMargins);
  const makers = decided.filter((_, i) => cleanMargins[i] > 0 && !(margins[i] > 0));
  const counts: Record<string, number> = {};
  for (const name of makers) counts[name] = (counts[name] ?? 0) + 1;
  return {
    norm,
    eps,
    epsSpace,
    ...shareOf(margins, data.labels),
    turned: right === 0 ? 0 : makers.length / right,
    decided: counts,
  };
}

/** Copies the images of which the newest attack is the worst so far; `parts` are its images, shard by shard. */
function keepWorst(
  x: Float32Array,
  parts: readonly Float32Array[],
  outcomes: readonly Outcome[],
): void {
  const { from } = worstOf(outcomes);
  const size = x.length / from.length;
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length / size; i++, at++) {
      if (from[at] !== outcomes.length - 1) continue;
      x.set(part.subarray(i * size, (i + 1) * size), at * size);
    }
  }
}

/** Everything that is said of what was measured. */
function reportOf(
  evidence: Evidence,
  ran: readonly Omit<Ran, "x">[],
  clean: Clean,
  std: readonly number[] | undefined,
): Evaluation {
  const { data, cleanMargins } = evidence;
  const ids = Int32Array.from({ length: data.count }, (_, i) => i);
  const warnings = warningsOf(evidence);
  return {
    clean: {
      n: data.count,
      loss: clean.loss,
      ...shareOf(cleanMargins, data.labels),
      warnings: warnings.clean,
    },
    wrong: ids.filter((i) => !(cleanMargins[i] > 0)),
    attacks: ran.map(
      (outcome, k): AttackResult => ({
        name: outcome.options.attack,
        ...withstood([outcome], outcome.options, evidence),
        protocol: outcome.options.protocol,
        statement: statement(outcome.options, { labels: evidence.network.labels, std }),
        modelEps: modelEps(outcome.options, std),
        gradientSteps: outcome.gradientSteps,
        queries: outcome.queries,
        warnings: warnings.attacks[k],
      }),
    ),
    worst: ballsOf(ran).map((ball): WorstResult => {
      const over = [...ran.keys()].filter((k) => isWithin(ran[k].options, ball));
      const outcomes = over.map((k) => ran[k]);
      return { ...withstood(outcomes, ball, evidence), clip: ball.clip, over };
    }),
  };
}

/** Before any work: an operator without a rule leaves attacks with gradients nothing to follow. */
function refuseWithoutRule(network: Network): void {
  try {
    programOf(network, { of: crossEntropy, in: "image" });
  } catch (cause) {
    if (!(cause instanceof TemperError)) throw cause;
    const advice = "the attack square needs no gradient";
    throw new TemperError(cause.code, `${cause.message}\n${advice}`, { cause });
  }
}

/**
 * Square by itself in every ball in which an attack follows gradients: it needs none, and is not misled where they
 * are surrogates. An ensemble that has it gives it only the images that others left.
 */
function squaresBeside(stated: readonly AttackOptions[]): AttackOptions[] {
  const following = stated.filter(usesGradients);
  const square = stated.filter(({ attack }) => attack === "square");
  return ballsOf(following.map((options) => ({ options })))
    .filter((ball) => !square.some((one) => sameBall(one, ball)))
    .map((ball) => attackOptions({ ...ball, attack: "square", seed: following[0].seed }));
}

/**
 * Accuracy and loss of a model on a data set, its accuracy under attacks and under the worst of them,
 * with 95 % intervals, and what weakens each number. An image counts as right when f_y exceeds every
 * rival; a tie is wrong.
 *
 * @throws TemperError `bad-option`, `data-mismatch`, `model-unsupported` (an operator without a gradient rule for
 *   an attack that uses gradients, or outputs that are not finite), `worker-failed`, `aborted`
 */
export async function evaluate(model: Model, call: EvaluateCall): Promise<Evaluation> {
  const { data, signal, onProgress, images = false } = call;
  const network = networkOf(model);
  const { std } = network.options;
  refuseUnknown(call, known, "evaluate");
  const surrogates = straightThrough(network.graph, [network.graph.inputs[0].name]);
  const stated = (call.attacks ?? []).map((request) => {
    const options = attackOptions(request);
    checkUnits(options, std);
    return options;
  });
  const requests = surrogates.length === 0 ? stated : [...stated, ...squaresBeside(stated)];
  if (images) {
    const balls = ballsOf(requests.map((options) => ({ options })));
    demand(balls.length === 1, "images", images, "attacks of one norm, eps and clip");
  }
  const passes = Math.max(1, ...requests.map((options) => mostPasses(options, model.labels)));
  return withWorkers(model, data, { ...call, passes }, async (workers) => {
    const gradients = requests.some(usesGradients);
    if (gradients) refuseWithoutRule(network);
    const clean = await measureClean(workers, data, {
      network,
      signal,
      onImages: (done, of) => onProgress?.("clean", done, of),
    });
    const cleanMargins = clean.margins;
    const probed = await probe(
      workers,
      { network, count: data.count, gradients, images: gradients ? BESIDE_ATTACKS : BESIDE_CLEAN },
      signal,
    );
    const x = images ? new Float32Array(data.count * imageSize(data.shape)) : undefined;
    const ran: Omit<Ran, "x">[] = [];
    for (const options of requests) {
      const { x: parts, ...outcome } = await runAttack(workers, options, cleanMargins, call);
      ran.push(outcome);
      if (x !== undefined) keepWorst(x, parts, ran);
    }
    const evidence: Evidence = {
      data,
      network,
      right: countRight(cleanMargins),
      of: data.count,
      cleanMargins,
      probe: probed,
      ends: gradientEnds(network.graph),
      surrogates,
      attacks: ran,
    };
    const [first] = requests;
    return {
      ...reportOf(evidence, ran, clean, std),
      images:
        x &&
        attackedImages(data, x, {
          norm: first.norm,
          unit: first.epsSpace === "model" ? unitOfPixels(std!, data.shape) : undefined,
          cleanMargins,
          worst: worstOf(ran),
        }),
    };
  });
}
