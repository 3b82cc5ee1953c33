// What is measured of every network of the study, and how a method's accuracy grows with its seconds.
import {
  type AdversarialStep,
  type AttackRequest,
  type Dataset,
  evaluate,
  type Model,
  type Run,
  sample,
  slice,
} from "../../src/index.ts";
import { accuraciesOf } from "../tables/tables.ts";
import type { BenchWork } from "../work.ts";

/** Accuracies in per cent. */
export interface Measures {
  readonly clean: number;
  readonly fgsm: number;
  readonly pgd: number;
  /** Under AutoAttack on some of the test images; null where the row is not attacked by it. */
  readonly auto: number | null;
  /** The same on as many images from the 2000th on, in order; null or absent where the test has no such images. */
  readonly autoSlice?: number | null;
}

export interface MeasureCall extends Pick<BenchWork, "seed" | "threads" | "signal" | "onProgress"> {
  readonly protocol: AttackRequest;
  readonly test: Dataset;
  /** On how many test images AutoAttack attacks; 0 leaves it out. */
  readonly auto: number;
}

/** Where the slice begins that AutoAttack attacks beside the sample. */
export const SLICE_FROM = 2000;

/** The accuracies on the test images. */
export async function measure(model: Model, call: MeasureCall): Promise<Measures> {
  const { protocol, test, auto, ...work } = call;
  const accuracies = await accuraciesOf(protocol, model, call);
  if (auto === 0) return { ...accuracies, auto: null, autoSlice: null };
  const { eps, epsSpace } = protocol;
  const under = async (data: Dataset): Promise<number> => {
    const attacks = [{ attack: "auto", eps, epsSpace, seed: work.seed } as const];
    const { threads, signal, onProgress } = work;
    const found = await evaluate(model, { data, attacks, threads, signal, onProgress });
    return 100 * found.attacks[0].accuracy;
  };
  // The two differ by points for one network: a sample of the labels alike, and a slice that nobody chose.
  const sampled = await under(sample(test, { limit: auto, balanced: true }));
  const isThere = test.count >= SLICE_FROM + auto;
  const sliced = isThere ? await under(slice(test, SLICE_FROM, SLICE_FROM + auto)) : null;
  return { ...accuracies, auto: sampled, autoSlice: sliced };
}

/** A network on the way: after how many seconds and steps (or iterations) it stood there. */
export interface Waypoint {
  readonly seconds: number;
  readonly steps: number;
  readonly theta: Float32Array;
}

/** What was measured of a waypoint. */
export interface CurvePoint extends Omit<Waypoint, "theta"> {
  readonly clean: number;
  /** The accuracy under PGD by the protocol, in per cent. */
  readonly attacked: number;
}

/** About how many waypoints a curve has. */
const WAYPOINTS = 15;

/** How many test images a curve is measured on. */
const CURVE_IMAGES = 1000;

/** The stages of the robust recipe that are not part of another stage. */
const STAGES = ["points", "loss-gradient", "cuts", "candidates"] as const;

/** The candidates of a robust run, with the seconds up to each; the time to judge candidates counts. */
export function waypointsOfRun(run: Run): Waypoint[] {
  let seconds = 0;
  const until = run.timings.iterations.map((spent) => {
    for (const stage of STAGES) seconds += spent[stage] ?? 0;
    return seconds;
  });
  const candidates = run.pool.filter(({ alpha }) => alpha === 1);
  const apart = Math.ceil(candidates.length / WAYPOINTS);
  return candidates
    .filter((_, i) => (candidates.length - 1 - i) % apart === 0)
    .map((candidate) => ({
      seconds: until[candidate.iteration - 1],
      steps: candidate.iteration,
      theta: run.theta(candidate),
    }));
}

/** Gathers evenly spaced waypoints from the steps of a training. */
export function trainingWaypoints(): {
  readonly waypoints: readonly Waypoint[];
  readonly onStep: (step: AdversarialStep) => void;
} {
  const waypoints: Waypoint[] = [];
  return {
    waypoints,
    onStep: ({ step, done, seconds, theta }) => {
      if (done * WAYPOINTS < waypoints.length + 1 && done < 1) return;
      waypoints.push({ seconds, steps: step, theta });
    },
  };
}

/**
 * Measures the network itself and its waypoints, on the same test images for every method. The time that this takes
 * counts for none of them.
 */
export async function curveOf(
  model: Model,
  further: readonly Waypoint[],
  { protocol, test, seed, threads, signal, onProgress }: MeasureCall,
): Promise<CurvePoint[]> {
  if (further.length === 0) return [];
  const data = sample(test, { limit: CURVE_IMAGES, balanced: true });
  const waypoints = [{ seconds: 0, steps: 0, theta: model.theta() }, ...further];
  const curve: CurvePoint[] = [];
  for (const { theta, ...at } of waypoints) {
    onProgress?.("accuracy over time", curve.length, waypoints.length);
    const there = await model.withParameters(theta);
    const { clean, attacks } = await evaluate(there, {
      data,
      attacks: [{ ...protocol, seed, attack: "pgd" }],
      threads,
      signal,
    });
    await there.close();
    curve.push({ ...at, clean: 100 * clean.accuracy, attacked: 100 * attacks[0].accuracy });
  }
  return curve;
}
