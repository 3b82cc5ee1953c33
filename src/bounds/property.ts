// A property of VNN-LIB: proven to have no counterexample, broken by one, or open.
//
// A box has no counterexample where every case of what is unsafe there has a constraint that no input meets:
// w'Y > b, that is, the upper bound of -w'Y lies below -b. What is left open is attacked: gradient steps against the
// constraint that is farthest from being met, from random inputs of the box. What is open still has its bounds made
// closer by optimised slopes.
import type { Constraint, Property, Query } from "../data/vnnlib/property.ts";
import { isCounterexample } from "../data/vnnlib/property.ts";
import { fileLogits } from "../engine/ask-file.ts";
import { batchOf } from "../engine/batches.ts";
import { logitSum } from "../engine/loss.ts";
import { type Model, networkOf } from "../engine/model.ts";
import type { Network } from "../engine/network.ts";
import { openPrograms, type Programs } from "../engine/programs.ts";
import { TemperError, throwIfAborted } from "../errors.ts";
import { elementCount } from "../onnx/graph.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import type { Ends } from "./box.ts";
import { type Crown, openCrown, type WeightedLabels } from "./crown.ts";
import { openSlopeSearch, type SlopeSearch } from "./slopes.ts";

export interface PropertyCall {
  readonly property: Property;
  /** Seconds after which nothing more is tried. Default none. */
  readonly timeLimit?: number | undefined;
  /** The random inputs of the attack are drawn from it. Default 0. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** In the words of VNN-COMP: `sat` where there is a counterexample. */
export type PropertyAnswer =
  | { readonly answer: "unsat" | "unknown" | "timeout" }
  | { readonly answer: "sat"; readonly x: Float32Array; readonly y: Float32Array };

/**
 * Looks for a counterexample, or proves that there is none. A proof holds of every float32 input of the box; a
 * counterexample was asked of the file itself.
 *
 * @param model opened without mean and std: the numbers of a property are those that the file takes
 * @throws TemperError `data-mismatch` where the property is of another network's size; `model-unsupported` where an
 *   operator has no bound, or the file's outputs are not what the property is about
 */
export async function verifyProperty(
  model: Model,
  { property, timeLimit = Number.POSITIVE_INFINITY, seed = 0, signal }: PropertyCall,
): Promise<PropertyAnswer> {
  const network = networkOf(model);
  checkFits(network, property);
  const until = performance.now() + 1000 * timeLimit;
  const isOver = (): boolean => {
    throwIfAborted(signal);
    return performance.now() > until;
  };
  const crown = openCrown(network);
  const programs = openPrograms(network, network.theta0);
  let search: SlopeSearch | undefined;
  let open = 0;
  try {
    for (const [q, query] of property.queries.entries()) {
      if (isOver()) return { answer: "timeout" };
      const { cases, box, ends } = await openCases(crown, query);
      for (const [c, unsafe] of cases.entries()) {
        const random = randomStream(seed, STREAMS.property, q, c);
        const attacked = { network, programs, random, isOver };
        for await (const x of inputsAgainst(attacked, query, unsafe)) {
          const y = await fileLogits(network, network, x, 1);
          if (isCounterexample(property, x, y)) return { answer: "sat", x, y };
        }
        const exact = unsafe.filter((constraint) => !isRounded(constraint));
        // One open case leaves the property open, so that the others are only attacked then.
        if (open === 0 && exact.length > 0 && !isOver()) {
          search ??= await openSlopeSearch(network, crown.stages);
          if (await failsBySlopes(search, { box, ends }, exact)) continue;
        }
        open++;
      }
    }
    return { answer: open === 0 ? "unsat" : isOver() ? "timeout" : "unknown" };
  } finally {
    await search?.release();
    await crown.release();
    await programs.release();
  }
}

function checkFits({ inputShape, labels, question, ending }: Network, property: Property): void {
  const inputs = elementCount(inputShape);
  if (property.inputs !== inputs || property.outputs !== labels) {
    throw new TemperError(
      "data-mismatch",
      `the property is about ${property.inputs} inputs and ${property.outputs} outputs, ` +
        `the model has ${inputs} and ${labels}\ngive the model that the property was written for`,
    );
  }
  if (question.image.type === "uint8" || question.answer.kind !== "scores") {
    const what = question.image.type === "uint8" ? "takes bytes" : "answers with the label itself";
    throw new TemperError(
      "model-unsupported",
      `the model ${what}, and a property is about real inputs and one number a label\n` +
        "export it for float images, up to its logits",
    );
  }
  const constraints = property.queries.flatMap(({ unsafe }) => unsafe.flat());
  if (ending.cut !== undefined && !constraints.every(isOrder)) {
    throw new TemperError(
      "model-unsupported",
      `the model ends in ${ending.cut}, and bounds are those of its logits: only orders of outputs can be proven\n` +
        "export it up to its logits",
    );
  }
}

/** Y_a <= Y_b: it says the same of probabilities as of logits. */
const isOrder = ({ terms, bound }: Constraint): boolean =>
  bound === 0 && terms.length === 2 && terms[0].weight === -terms[1].weight;

/** A box, and bounds of what each activation is given in it. */
interface Bounded {
  readonly box: Ends;
  readonly ends: readonly Ends[];
}

/** -w'Y, which lies below -b where the constraint fails. */
const against = ({ terms }: Constraint): WeightedLabels =>
  terms.map(({ output, weight }) => [output, -Math.fround(weight)]);

/** The cases of what is unsafe in a box of which no constraint is proven to fail. */
async function openCases(
  crown: Crown,
  { lower, upper, unsafe }: Query,
): Promise<Bounded & { readonly cases: readonly (readonly Constraint[])[] }> {
  // The nearest float32 of an end has every float32 of the box on its side.
  const box = { lower: new Float32Array(lower), upper: new Float32Array(upper) };
  const ends = await crown.refine(box);
  const all = unsafe.flat();
  const rows = all.map(against);
  const named = [...new Set(all.filter(isRounded).flatMap((each) => each.terms))];
  const sizes = named.flatMap(({ output }) => [[[output, 1] as const], [[output, -1] as const]]);
  const found = await crown.sums(box, ends, [...rows, ...sizes]);
  /** What the weights that are no float32 may add. */
  const rounding = ({ terms }: Constraint): number =>
    terms.reduce((sum, term) => {
      const at = named.indexOf(term);
      if (at < 0) return sum;
      const size = Math.max(...[0, 1].map((side) => Math.abs(found[all.length + 2 * at + side])));
      return sum + Math.abs(term.weight - Math.fround(term.weight)) * size;
    }, 0);
  let next = 0;
  const cases = unsafe.filter((constraints) => {
    const fails = constraints.map((constraint) => {
      const bound = found[next++];
      if (!isRounded(constraint)) return bound < -constraint.bound;
      const most = bound + rounding(constraint);
      return most + SLACK * Math.abs(most) < -constraint.bound;
    });
    return !fails.some(Boolean);
  });
  return { box, ends, cases };
}

/** Whether a constraint is proven to fail with better slopes; none of their weights was rounded. */
async function failsBySlopes(
  search: SlopeSearch,
  bounded: Bounded,
  exact: readonly Constraint[],
): Promise<boolean> {
  const rows = exact.map((each) => ({ ...bounded, row: against(each), below: -each.bound }));
  const found = await search.optimise(rows);
  return exact.some(({ bound }, i) => found[i] < -bound);
}

const isRounded = ({ terms }: Constraint): boolean =>
  terms.some(({ weight }) => Math.fround(weight) !== weight);

/** More than float64 rounds in a few sums. */
const SLACK = 2 ** -40;

const STARTS = 8;
const STEPS = 50;

/** What an attack asks. */
interface Attacked {
  readonly network: Network;
  readonly programs: Programs;
  readonly random: ReturnType<typeof randomStream>;
  readonly isOver: () => boolean;
}

/** Inputs of a box that meet the constraints, as far as a pass of the network says: the file has the last word. */
async function* inputsAgainst(
  { network, programs, random, isOver }: Attacked,
  { lower, upper }: Query,
  constraints: readonly Constraint[],
): AsyncGenerator<Float32Array> {
  const { labels } = network;
  const size = lower.length;
  const low = Float32Array.from(lower, (v) => (Math.fround(v) >= v ? v : above(v)));
  const high = Float32Array.from(upper, (v) => (Math.fround(v) <= v ? v : -above(-v)));
  const n = Math.min(STARTS, batchOf(network));
  const x = Float32Array.from({ length: n * size }, (_, i) => {
    const p = i % size;
    const share = i < size ? 0.5 : random.uniform();
    return Math.min(high[p], Math.max(low[p], low[p] + share * (high[p] - low[p])));
  });
  for (let step = 0; step <= STEPS && !isOver(); step++) {
    const y = await programs.logits(x, n);
    const weights = new Float32Array(n * labels);
    for (let i = 0; i < n; i++) {
      const row = y.subarray(i * labels, (i + 1) * labels);
      const gaps = constraints.map(
        ({ terms, bound }) =>
          terms.reduce((sum, { output, weight }) => sum + weight * row[output], 0) - bound,
      );
      const worst = gaps.indexOf(Math.max(...gaps));
      if (!(gaps[worst] > 0)) yield x.slice(i * size, (i + 1) * size);
      for (const { output, weight } of constraints[worst]?.terms ?? []) {
        weights[i * labels + output] = weight;
      }
    }
    if (step === STEPS) return;
    const derivative = { of: logitSum, in: "image" } as const;
    const { program, outputs } = await programs.gradient(derivative, x, weights, n);
    const gradient = outputs.get(program.gradients.get(network.graph.inputs[0].name) ?? "");
    if (gradient === undefined) return;
    // Steps shrink from a quarter of the box to a hundredth of that.
    const length = 0.25 * 0.01 ** (step / STEPS);
    for (let i = 0; i < x.length; i++) {
      const p = i % size;
      const moved = x[i] - length * (high[p] - low[p]) * Math.sign(gradient.data[i]);
      x[i] = Math.min(high[p], Math.max(low[p], moved));
    }
  }
}

/** A float32 above a number that float32 rounds down, the next one. */
function above(value: number): number {
  const near = Math.fround(value);
  return Math.fround(near + 1.01 * 2 ** -24 * Math.abs(near) + 2 ** -149);
}
