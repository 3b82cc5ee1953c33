// An attack on one image as a dialogue with the network; the questions of many images share a pass.
//
// So each attack reads as its paper does, for one image, and cannot depend on who is in the batch. An image
// that is done leaves the batch: the work shrinks by itself.
import { BATCH } from "../engine/batches.ts";
import type { Objective } from "../engine/loss.ts";
import type { Classifier } from "./classifier.ts";

/** What the network is asked of an image: its logits, or also the gradient of a loss. */
export interface Question {
  readonly x: Float32Array;
  readonly loss?: Objective;
  /** The row of the covector that goes with the loss, [labels]. */
  readonly row?: Float32Array;
}

/** What the network answered, in views that hold until the next question. */
export interface Answer {
  readonly logits: Float32Array;
  /** The gradient in x of the loss that was asked for; empty where none was. */
  readonly gradient: Float32Array;
}

export type Dialogue<R> = Generator<Question, R, Answer>;

/** A dialogue's end, and the passes its image took: with a gradient, and without one. */
export interface Ended<R> {
  readonly result: R;
  readonly gradientSteps: number;
  readonly queries: number;
}

interface Waiting {
  readonly i: number;
  readonly question: Question;
}

const none = new Float32Array(0);

/** Holds all dialogues to their ends, which come in the order of the dialogues. */
export async function converse<R>(
  classifier: Classifier,
  dialogues: readonly Dialogue<R>[],
): Promise<Ended<R>[]> {
  const { labels, batch = BATCH } = classifier;
  const results = new Array<R>(dialogues.length);
  const gradientSteps = new Int32Array(dialogues.length);
  const queries = new Int32Array(dialogues.length);
  const waiting = new Map<Objective | undefined, Waiting[]>();
  const advance = (i: number, next: IteratorResult<Question, R>): void => {
    if (next.done === true) {
      results[i] = next.value;
      return;
    }
    const { loss } = next.value;
    if (!waiting.has(loss)) waiting.set(loss, []);
    waiting.get(loss)!.push({ i, question: next.value });
  };

  for (const [i, dialogue] of dialogues.entries()) advance(i, dialogue.next());
  let images = none;
  let rows = none;
  for (;;) {
    // The next pass answers what most of them wait for, so that passes are full.
    let loss: Objective | undefined;
    let most = 0;
    for (const [of, { length }] of waiting) if (length > most) [loss, most] = [of, length];
    if (most === 0) break;
    const asked = waiting.get(loss)!.splice(0, batch);
    const size = asked[0].question.x.length;
    if (images.length === 0) {
      images = new Float32Array(batch * size);
      rows = new Float32Array(batch * labels);
    }
    for (const [at, { question }] of asked.entries()) {
      images.set(question.x, at * size);
      if (loss !== undefined) rows.set(question.row!, at * labels);
    }
    const n = asked.length;
    const x = images.subarray(0, n * size);
    const { logits, gradient } =
      loss === undefined
        ? { logits: await classifier.logits(x, n), gradient: none }
        : await classifier.gradient(loss, x, rows.subarray(0, n * labels));
    for (const [at, { i }] of asked.entries()) {
      if (loss === undefined) queries[i]++;
      else gradientSteps[i]++;
      const answer = {
        logits: logits.subarray(at * labels, (at + 1) * labels),
        gradient: gradient.subarray(at * size, (at + 1) * size),
      };
      advance(i, dialogues[i].next(answer));
    }
  }
  return results.map((result, i) => ({
    result,
    gradientSteps: gradientSteps[i],
    queries: queries[i],
  }));
}
