// Measuring: accuracy and loss on clean images, accuracy under each attack and the worst of all, and their warnings.
import { gradientEnds } from "../autodiff/ends.ts";
import { type Dataset, imageSize } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import type { Network } from "../engine/network.ts";
import { programOf } from "../engine/programs.ts";
import type { Workers } from "../engine/workers.ts";
import { demand, refuseUnknown, TemperError } from "../errors.ts";
import { type Clean, measureClean } from "./clean.ts";
import { type AttackedImages, attackedImages } from "./images.ts";
import { type Longer, tryLonger } from "./longer.ts";
import {
  type AttackOptions,
  type AttackRequest,
  attackOptions,
  attackRequestNames,
  type EpsSpace,
} from "./options.ts";
import { mostPasses, usesGradients } from "./parts.ts";
import { probe } from "./probe.ts";
import { type Work, withWorkers } from "./session.ts";
import { countRight, type Share, shareOf } from "./share.ts";
import { modelEps, statement } from "./statement.ts";
import { attackAll } from "./tasks.ts";
import { checkUnits, unitOfPixels } from "./units.ts";
import { type Evidence, warningsOf } from "./warnings.ts";
import { type Ball, ballsOf, isWithin, type Outcome, worstOf } from "./worst.ts";

export interface EvaluateCall extends Work {
  readonly data: Dataset;
  /** Attacks to measure under, in order; none measures clean images only. */
  readonly attacks?: readonly AttackRequest[] | undefined;
  /** Whether each image's worst input is returned; the attacks must then have one norm, eps and clip. */
  readonly images?: boolean | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
}

const known: Readonly<Record<keyof EvaluateCall, true>> = {
  data: true,
  attacks: true,
  images: true,
  threads: true,
  signal: true,
  onProgress: true,
};

export interface CleanResult extends Share {
  readonly n: number;
  /** Mean cross-entropy. */
  readonly loss: number;
  readonly warnings: readonly string[];
}

/** A share of images still right under one or several attacks. */
export interface Withstood extends Share {
  readonly norm: string;
  readonly eps: number;
  /** What eps is measured in. */
  readonly epsSpace: EpsSpace;
  /** Share of the images right when clean that are turned (Definition 3); 0 where none is right. */
  readonly turned: number;
  /** How many of the turned images each attack made. */
  readonly decided: Readonly<Record<string, number>>;
}

export interface AttackResult extends Withstood {
  readonly name: string;
  readonly protocol: string;
  /** The protocol in words. */
  readonly statement: string;
  /** Of an eps in pixels, what it is in the model's units, by channel, where that wants normalised input. */
  readonly modelEps?: readonly number[] | undefined;
  /** Passes through the network, summed over the images: with a gradient, and without one. */
  readonly gradientSteps: number;
  readonly queries: number;
  readonly warnings: readonly string[];
}

export interface WorstResult extends Withstood {
  readonly clip: readonly [low: number, high: number] | null;
  /** The attacks it is over, as indices in `attacks`: all whose ball lies in this one. */
  readonly over: readonly number[];
}

export interface Evaluation {
  readonly clean: CleanResult;
  readonly attacks: readonly AttackResult[];
  /** The worst of all attacks, an entry for each ball that they state. */
  readonly worst: readonly WorstResult[];
  /** Where asked for, the worst input of each image. */
  readonly images?: AttackedImages | undefined;
}

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
  const stage = `${options.attack} ${options.eps}`;
  const shards = await attackAll(
    workers,
    { ids, options, keep: 0, keepAll: images },
    { signal, onProgress: (done, of) => onProgress?.(stage, done, of) },
  );
  const margins = Float32Array.from(shards.flatMap((shard) => [...shard.margins]));
  return {
    options,
    margins,
    found: Uint8Array.from(shards.flatMap(({ found }) => [...found])),
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
  { data, cleanMargins }: { readonly data: Dataset; readonly cleanMargins: Float32Array },
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
  const warnings = warningsOf(evidence);
  return {
    clean: {
      n: data.count,
      loss: clean.loss,
      ...shareOf(cleanMargins, data.labels),
      warnings: warnings.clean,
    },
    attacks: ran.map(
      (outcome, k): AttackResult => ({
        name: outcome.options.attack,
        ...withstood([outcome], outcome.options, evidence),
        protocol: outcome.options.protocol,
        statement: statement(outcome.options, { labels: evidence.labels, std }),
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
    programOf(network, "input-of-cross-entropy");
  } catch (cause) {
    if (!(cause instanceof TemperError)) throw cause;
    const advice = "the attack square needs no gradient";
    throw new TemperError(cause.code, `${cause.message}\n${advice}`, { cause });
  }
}

/**
 * Accuracy and loss of a model on a data set, its accuracy under attacks and under the worst of them,
 * with 95 % intervals, and what weakens each number. An image counts as right when f_y exceeds every
 * rival; a tie is wrong.
 *
 * @throws TemperError `bad-option`, `data-mismatch`, `model-unsupported` (an operator without a gradient
 *   rule, for an attack that uses gradients), or `aborted`
 */
export async function evaluate(model: Model, call: EvaluateCall): Promise<Evaluation> {
  const { data, signal, onProgress, images = false } = call;
  const { network } = model;
  const { std } = network.options;
  refuseUnknown(call, known, "evaluate");
  const requests = (call.attacks ?? []).map((request) => {
    refuseUnknown(request, attackRequestNames, "an attack of evaluate");
    const options = attackOptions(request);
    checkUnits(options, std);
    return options;
  });
  if (images) {
    const balls = ballsOf(requests.map((options) => ({ options })));
    demand(balls.length === 1, "images", images, "attacks of one norm, eps and clip");
  }
  const passes = Math.max(1, ...requests.map((options) => mostPasses(options, model.labels)));
  return withWorkers(model, data, { ...call, passes }, async (workers) => {
    const gradients = requests.some(usesGradients);
    if (gradients) refuseWithoutRule(network);
    const clean = await measureClean(workers, data, {
      signal,
      onProgress: (done, of) => onProgress?.("clean", done, of),
    });
    const cleanMargins = clean.margins;
    const probed = await probe(workers, { count: data.count, gradients }, signal);
    const x = images ? new Float32Array(data.count * imageSize(data.shape)) : undefined;
    const ran: Omit<Ran, "x">[] = [];
    for (const options of requests) {
      const { x: parts, ...outcome } = await runAttack(workers, options, cleanMargins, call);
      ran.push(outcome);
      if (x !== undefined) keepWorst(x, parts, ran);
    }
    const evidence: Evidence = {
      data,
      labels: model.labels,
      cleanMargins,
      probe: probed,
      ends: gradientEnds(network.graph),
      softmax: network.softmax,
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
