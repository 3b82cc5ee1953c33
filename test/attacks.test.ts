// The table of attacks: each entry does what it claims, watched while it attacks images of a linear classifier.
import { describe, expect, it } from "vitest";
import { type AttackName, attackOf, attacks, NONE } from "../src/attack/attacks.ts";
import { converse, type Dialogue } from "../src/attack/dialogue.ts";
import type { SingleAttack } from "../src/attack/entry.ts";
import { attackImage } from "../src/attack/image.ts";
import { attackOptions } from "../src/attack/options.ts";
import { mostPasses, partsOf } from "../src/attack/parts.ts";
import { statement } from "../src/attack/statement.ts";
import { rangeOf } from "../src/attack/threat.ts";
import type { Objective } from "../src/engine/loss.ts";
import { randomStream } from "../src/tensor/random.ts";
import { linearClassifier } from "./helpers/linear-classifier.ts";

const SIZE = 9;

/** A classifier of so many labels, an image that it gets right, and one that it gets wrong. */
function problem(labels: number) {
  const random = randomStream(labels, 8);
  const weights = Array.from({ length: labels }, () =>
    Array.from({ length: SIZE }, () => 2 * random.uniform() - 1),
  );
  const clean = Float32Array.from({ length: SIZE }, () => random.uniform());
  const logits = weights.map((w) => w.reduce((sum, v, j) => sum + v * clean[j], 0));
  const ranked = [...logits.keys()].toSorted((a, b) => logits[b] - logits[a]);
  return { classifier: linearClassifier(weights), clean, right: ranked[0], wrong: ranked[1] };
}

/** What an attack asks of an image with the label y, question by question. */
async function watched(attack: AttackName, labels: number, of: "right" | "wrong", restarts = 1) {
  const { classifier, clean, ...label } = problem(labels);
  const options = attackOptions({ attack, eps: 1e-4, steps: 4, restarts });
  const image = { clean, shape: [3, 3], y: label[of], labels, id: 5 };
  const asked: (Objective | undefined)[] = [];
  const seen = function* (): Dialogue<string> {
    const dialogue = attackImage(image, rangeOf([0, 1], SIZE), partsOf(options, labels));
    let next = dialogue.next();
    while (next.done !== true) {
      asked.push(next.value.loss);
      next = dialogue.next(yield next.value);
    }
    return next.value.by?.name ?? NONE;
  };
  const [{ result, gradientSteps, queries }] = await converse(classifier, [seen()]);
  return { by: result, asked, passes: gradientSteps + queries, options };
}

describe.each(attacks.map((entry) => [entry.name as AttackName, entry] as const))(
  "%s",
  (name, entry) => {
    it("asks for gradients exactly where it says so", async () => {
      const { asked } = await watched(name, 6, "right");
      expect(asked.some((loss) => loss !== undefined)).toBe(entry.usesGradients);
    });

    it("leaves an image alone that is wrong when clean, or attacks all, as it says", async () => {
      const { by, passes } = await watched(name, 6, "wrong");
      expect(by === NONE && passes === 1).toBe(!entry.attacksAll);
    });

    it("has the default steps that it states, and takes no more passes than it counts", async () => {
      expect(attackOptions({ attack: name, eps: 0.1 }).steps).toBe(entry.steps);
      for (const restarts of [1, 3]) {
        const { passes, options } = await watched(name, 6, "right", restarts);
        expect(passes).toBeLessThanOrEqual(mostPasses(options, 6));
      }
    });

    it("is refused by name for too few labels, and defined for as many as it says", async () => {
      const options = attackOptions({ attack: name, eps: 0.1 });
      const least = "run" in entry ? entry.leastLabels : 2;
      expect((await watched(name, least, "right")).passes).toBeGreaterThan(1);
      if (least > 2)
        expect(() => partsOf(options, least - 1)).toThrow(`${name} needs ${least} labels`);
    });

    it("says how often it starts", () => {
      const options = attackOptions({ attack: name, eps: 0.1, restarts: 3 });
      const oneStep = "run" in entry && entry.oneStep === true;
      expect(/3 (random starts|runs|times)/.test(statement(options, { labels: 10 }))).toBe(
        !oneStep,
      );
    });
  },
);

describe.each(attacks.filter((entry): entry is SingleAttack => "run" in entry))(
  "$name",
  (entry) => {
    it("repeats itself with the same seed, and has none where it takes one step", async () => {
      const { classifier, clean, right: y } = problem(6);
      const x = async (seed: number): Promise<Float32Array> => {
        const request = {
          attack: entry.name as AttackName,
          eps: 0.02,
          steps: 3,
          restarts: 2,
          seed,
        };
        const parts = partsOf(attackOptions(request), 6);
        const image = { clean, shape: [3, 3], y, labels: 6, id: 5 };
        const [{ result }] = await converse(classifier, [
          attackImage(image, rangeOf(null, SIZE), parts),
        ]);
        return result.x;
      };
      expect(await x(1)).toEqual(await x(1));
      if (entry.oneStep) expect(await x(2)).toEqual(await x(1));
    });
  },
);

it("an unknown attack is refused by name, and none has the name that stands for none", () => {
  expect(() => attackOf("cw")).toThrow(/^attack cw: expected fgsm or pgd or/);
  expect(() => attackOf(NONE)).toThrow(/^attack none: expected/);
});
