// Each warning of evaluate: raised by a model, data or attack that deserves it, and by no other.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type EvaluateCall, type Evaluation, evaluate } from "../src/attack/evaluate.ts";
import type { AttackRequest } from "../src/attack/options.ts";
import { warnings } from "../src/attack/warnings.ts";
import type { Dataset } from "../src/data/dataset.ts";
import { type Model, openModel } from "../src/engine/model.ts";
import { node, tensor } from "./helpers/graph-builder.ts";
import {
  answered,
  bytes,
  hard,
  mixing,
  mixingWhite,
  noisy,
  type OddModel,
  oddModel,
  rounded,
  softmax,
} from "./helpers/odd-models.ts";

const EPS = 0.1;
const pgd = { eps: EPS } as const;
const fgsm = { attack: "fgsm", eps: EPS } as const;

interface Case {
  readonly odd?: OddModel;
  readonly attacks?: readonly AttackRequest[];
  readonly change?: (data: Dataset, model: Model) => Dataset;
}

async function measured({
  odd = {},
  attacks = [pgd],
  change = (data) => data,
}: Case): Promise<Evaluation> {
  const model = await openModel(oddModel(odd));
  try {
    const call: EvaluateCall = {
      data: change(await answered(model, 60), model),
      attacks,
      threads: 0,
    };
    return await evaluate(model, call);
  } finally {
    await model.close();
  }
}

/** The names at the ends of the warnings. */
const named = (texts: readonly string[]): string[] =>
  texts.map((text) => /\[([\w-]+)\]$/.exec(text)![1]);

/** Names of the warnings beside the clean accuracy, then beside each attack's. */
async function raised(one: Case): Promise<string[][]> {
  const { clean, attacks } = await measured(one);
  return [named(clean.warnings), ...attacks.map((attack) => named(attack.warnings))];
}

describe("no warning", () => {
  it("is given of a plain model under honest attacks", async () => {
    expect(await raised({ attacks: [fgsm, pgd] })).toEqual([[], [], []]);
  });

  it("is given without attacks but of what concerns the clean accuracy", async () => {
    expect(await raised({ odd: softmax, attacks: [] })).toEqual([[]]);
    expect(await raised({ odd: noisy, attacks: [] })).toEqual([["random-outputs"]]);
  });
});

describe("the protocol", () => {
  it("predicted-labels, unclipped", async () => {
    expect(await raised({ attacks: [{ ...pgd, labels: "predicted" }] })).toEqual([
      [],
      ["predicted-labels"],
    ]);
    expect(await raised({ attacks: [{ ...pgd, clip: null }, pgd] })).toEqual([
      [],
      ["unclipped"],
      [],
    ]);
  });

  it("outside-clip", async () => {
    const attacks: AttackRequest[] = [{ ...pgd, clip: [0.2, 0.8] }, pgd];
    expect(await raised({ attacks })).toEqual([[], ["outside-clip"], []]);
  });

  it("more-steps, where half of the steps do not cross the ball", async () => {
    const slow = { ...pgd, steps: 5, stepSize: EPS / 10, randomStart: false } as const;
    const { attacks } = await measured({ attacks: [slow, { ...slow, steps: 20 }] });
    expect(named(attacks[0].warnings)).toEqual(["more-steps"]);
    expect(attacks[0].warnings[0]).toMatch(/^\d+ of \d+ images that withstood it fall to twice/);
    expect(attacks[1].warnings).toEqual([]);
  });

  it("nothing-turned", async () => {
    const tiny = { ...pgd, eps: 1e-7 };
    expect(await raised({ attacks: [tiny] })).toEqual([[], ["nothing-turned"]]);
    expect(await raised({ attacks: [{ ...pgd, eps: 0 }] })).toEqual([[], []]);
  });
});

describe("the data", () => {
  it("near-chance, where the labels are of other images", async () => {
    const change = (data: Dataset): Dataset => ({
      ...data,
      labels: data.labels.map((label) => (label + 1) % 3),
    });
    const names = await raised({ change, attacks: [] });
    expect(names).toEqual([["near-chance"]]);
    // Chance is 1/3: of 60 so many as 24 are right by luck once in six times, 45 never.
    const right =
      (count: number) =>
      (data: Dataset): Dataset => ({
        ...data,
        labels: data.labels.map((label, i) => (i < count ? label : (label + 1) % 3)),
      });
    expect(await raised({ change: right(24), attacks: [] })).toEqual([["near-chance"]]);
    expect(await raised({ change: right(45), attacks: [] })).toEqual([[]]);
  });
});

describe("the model", () => {
  it("random-outputs beside every number", async () => {
    const [clean, ...attacks] = await raised({ odd: noisy, attacks: [fgsm] });
    expect([clean, attacks[0]]).toEqual([["random-outputs"], ["random-outputs"]]);
  });

  const square = { attack: "square", eps: EPS, steps: 100 } as const;

  it("mixed-images beside every number, where no noise showed it when the model was opened", async () => {
    const change = (data: Dataset): Dataset => ({
      ...data,
      pixels: (data.pixels as Float32Array).map((v, i) => (i % 3 === 0 ? 1 : v)),
    });
    const [clean, attacked] = await raised({ odd: mixingWhite, attacks: [square], change });
    expect(clean).toContain("mixed-images");
    expect(attacked).toContain("mixed-images");
    const [alone] = await raised({ odd: mixing, attacks: [], change });
    expect(alone).not.toContain("mixed-images");
    expect(alone).toContain("reading");
  });

  it.each([
    ["rounded", rounded],
    ["bytes", bytes],
  ])("quantised-input beside attacks with gradients, and square-wins: %s", async (_, odd) => {
    const { attacks } = await measured({ odd, attacks: [fgsm, pgd, square] });
    expect(attacks[0].turned).toBe(0);
    expect(named(attacks[0].warnings)).toEqual(["quantised-input", "nothing-turned"]);
    expect(attacks[0].warnings[0]).toMatch(/^the image is quantised at Round "/);
    expect(named(attacks[1].warnings)).toContain("quantised-input");
    expect(named(attacks[1].warnings)).toContain("square-wins");
    const [, won] = /turned (\d+) images that no/.exec(attacks[1].warnings.at(-1)!)!;
    expect(Number(won)).toBeGreaterThan(10);
    expect(attacks[2].turned).toBeGreaterThan(attacks[1].turned);
    expect(attacks[2].warnings).toEqual([]);
  });

  it("hard-output, also inside auto", async () => {
    const { clean, attacks } = await measured({
      odd: hard,
      attacks: [fgsm, square, { attack: "auto", eps: EPS, steps: 2 }],
    });
    expect(clean.accuracy).toBe(1);
    expect(named(attacks[0].warnings)).toEqual(["hard-output", "nothing-turned"]);
    expect(attacks[0].warnings[0]).toContain('ends at ArgMax "answer"');
    expect(attacks[1].turned).toBeGreaterThan(0);
    expect(named(attacks[2].warnings)).toEqual(["hard-output", "square-wins"]);
    expect(attacks[2].decided.square).toBeGreaterThan(1);
  });

  it("surrogate-gradients, beside attacks with gradients through a quantiser", async () => {
    const initializers = { step: tensor([], [1 / 8]) };
    const before = [
      node("QuantizeLinear", ["x", "step"], ["q"], {}, "eighths"),
      node("DequantizeLinear", ["q", "step"], ["image"]),
    ];
    const { attacks } = await measured({ odd: { initializers, before }, attacks: [pgd, square] });
    expect(named(attacks[0].warnings)).toContain("surrogate-gradients");
    expect(attacks[0].warnings[0]).toContain('straight through QuantizeLinear "eighths"');
    expect(attacks[0].turned).toBeGreaterThan(0);
    expect(attacks[1].warnings).toEqual([]);
    // Square is measured once a ball by itself, asked for or not, and in no other model.
    const smaller = { ...pgd, eps: EPS / 2 };
    const beside = await measured({
      odd: { initializers, before },
      attacks: [pgd, smaller, { ...square, eps: EPS }],
    });
    expect(beside.attacks.map(({ name, eps }) => [name, eps])).toEqual([
      ["pgd", EPS],
      ["pgd", EPS / 2],
      ["square", EPS],
      ["square", EPS / 2],
    ]);
    expect(beside.worst.map(({ eps, over }) => [eps, over])).toEqual([
      [EPS, [0, 1, 2, 3]],
      [EPS / 2, [1, 3]],
    ]);
    const alone = await measured({ odd: { initializers, before }, attacks: [square] });
    expect(alone.attacks).toHaveLength(1);
    expect((await measured({})).attacks).toHaveLength(1);
  });

  it("without a gradient rule is attacked by Square alone, and refused to the others before any work", async () => {
    const odd = { after: [node("Sin", ["sums"], ["y"], {}, "bent")] };
    const { attacks } = await measured({ odd, attacks: [square] });
    expect(attacks[0].turned).toBeGreaterThan(0);
    expect(attacks[0].warnings).toEqual([]);
    await expect(measured({ odd, attacks: [square, pgd] })).rejects.toThrow(
      /no gradient rule for Sin "bent"\n.*\nthe attack square needs no gradient$/,
    );
  });

  it("vanishing-gradients, where logits are so large that the softmax is exact", async () => {
    const { attacks } = await measured({ odd: { scale: 300 } });
    expect(named(attacks[0].warnings)).toContain("vanishing-gradients");
    const [, vanished, right] = /at (\d+) of (\d+) right images/.exec(attacks[0].warnings[0])!;
    expect(Number(right)).toBe(60);
    expect(Number(vanished)).toBeGreaterThan(20);
    expect(Number(vanished)).toBeLessThan(60);
  });

  it("ties, where a Softmax over the images leaves every label 1", async () => {
    const odd = { after: [node("Softmax", ["sums"], ["y"], { axis: 0 })] };
    const { clean } = await measured({ odd });
    expect(clean.accuracy).toBe(0);
    expect(named(clean.warnings)).toContain("ties");
    expect(clean.warnings.join()).toContain("at 60 of 60 images looked at the label shares");
  });

  it("softmax-ending", async () => {
    expect(await raised({ odd: softmax, attacks: [fgsm, pgd] })).toEqual([
      [],
      ["softmax-ending"],
      ["softmax-ending"],
    ]);
  });
});

describe("an attack beside others", () => {
  const idle = { ...pgd, steps: 1, stepSize: 0, randomStart: false } as const;

  it("beaten-by-weaker, and only in the same ball", async () => {
    const names = await raised({ attacks: [fgsm, { ...idle, steps: 1 }, { ...idle, eps: 0.2 }] });
    expect(names[1]).toEqual([]);
    expect(names[2]).toContain("beaten-by-weaker");
    expect(names[3]).not.toContain("beaten-by-weaker");
  });

  it("square-wins over nobody where gradients are honest, nor over a single step", async () => {
    const square = { attack: "square", eps: EPS, steps: 200 } as const;
    const dlr = { attack: "apgd-dlr", eps: EPS } as const;
    expect(await raised({ attacks: [dlr, square] })).toEqual([[], [], []]);
    const bent = { odd: rounded, attacks: [fgsm, square] };
    expect((await raised(bent))[1]).not.toContain("square-wins");
  });

  it("beaten-by-weaker: auto, by any of its parts", async () => {
    const names = await raised({ attacks: [pgd, { attack: "auto", eps: EPS, steps: 20 }] });
    expect(names).toEqual([[], [], []]);
  });

  it("beaten-by-smaller, and only by the same attack", async () => {
    const names = await raised({ attacks: [pgd, { ...idle, eps: 0.2 }, { ...fgsm, eps: 0.2 }] });
    expect(names[2]).toContain("beaten-by-smaller");
    expect([names[1], names[3]]).toEqual([[], []]);
  });
});

describe("the list", () => {
  it("has a name of its own for each warning, and docs/evaluation.md a row with its words", () => {
    const names = warnings.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const [, section] = readFileSync("docs/evaluation.md", "utf8").split("\n## Warnings\n");
    const rows = section
      .split("\n")
      .filter((line) => /^\| `[\w-]+` \|/.test(line))
      .map((line) => line.split(" | ").slice(0, 2).join(" | "));
    for (const { name, when } of warnings) expect(rows).toContain(`| \`${name}\` | ${when}`);
    expect(rows).toHaveLength(warnings.length);
  });
});
