// One image attacked by one attack after another: the worst of what they find, each find verified.
import { TemperError } from "../errors.ts";
import type { Dialogue } from "./dialogue.ts";
import type { SingleAttack } from "./entry.ts";
import { attemptsOf, type Part } from "./parts.ts";
import { logitsAt, marginAt, type Subject } from "./subject.ts";
import { ballAround, type PixelRange } from "./threat.ts";

export interface Image extends Pick<Subject, "clean" | "shape" | "y" | "labels"> {
  /** The index of the image in its data: it names its random streams, and the image in errors. */
  readonly id: number;
}

/** Logits that are not numbers count as a wrong answer, and no margin is below it. */
const isLower = (margin: number, than: number): boolean => !(margin >= than) && !Number.isNaN(than);

export interface AttackedImage {
  readonly x: Float32Array;
  /** f_y - max rival before and after. */
  readonly cleanMargin: number;
  readonly margin: number;
  /** The attack that made x; undefined where it is the clean image. */
  readonly by: SingleAttack | undefined;
}

/**
 * Holds an attack to its word: what it returns is a number at every pixel, inside the ball and the range.
 *
 * @throws TemperError `data-mismatch` where the model's gradient was not a number
 */
export function verify(x: Float32Array, { ball }: Pick<Subject, "ball">, id: number): void {
  if (ball.contains(x)) return; // false where a pixel is not a number
  if (x.some(Number.isNaN)) {
    throw new TemperError(
      "data-mismatch",
      `the model's gradient at image ${id} is not a number, so there is no direction to attack in\n` +
        "check the scale of the inputs and the model's weights",
    );
  }
  throw new Error(`the attack left its ball on image ${id}`);
}

/**
 * Runs the parts on an image that is right when clean until one breaks it, and keeps the smallest margin,
 * recomputed from the image that goes with it. The parts that attack all images make all their attempts.
 */
export function* attackImage(
  image: Image,
  range: PixelRange,
  parts: readonly Part[],
): Dialogue<AttackedImage> {
  const { clean, id } = image;
  const [{ norm, eps }] = parts;
  const logits = (yield* logitsAt(clean)).slice();
  const subject: Subject = { ...image, logits, ball: ballAround(clean, { norm, eps, ...range }) };
  const cleanMargin = marginAt(subject, logits);
  let best: AttackedImage = { x: clean, cleanMargin, margin: cleanMargin, by: undefined };
  for (const part of parts) {
    const { attacksAll } = part.attack;
    for (const attempt of attemptsOf(subject, part, id)) {
      if (!attacksAll && !(best.margin > 0)) break;
      const x = yield* attempt;
      verify(x, subject, id);
      const margin = marginAt(subject, yield* logitsAt(x));
      const first = attacksAll && best.by === undefined;
      if (first || isLower(margin, best.margin)) best = { x, cleanMargin, margin, by: part.attack };
    }
  }
  return best;
}
