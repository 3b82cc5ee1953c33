// What a run must have reached, and the summary of a run: a truth table, refusals, and never more than twenty lines.
import { describe, expect, it } from "vitest";
import { evaluatedOf } from "../src/report/evaluated.ts";
import { LINES, summaryOf } from "../src/report/markdown.ts";
import { type FinishedRun, judge, parseRequirements } from "../src/report/require.ts";

const labels = [0, 1, 2, 3].map((label) => ({
  ...{ label, count: 500, before: 0.98, after: 0.97, negativeFlips: label },
}));
const clean = { count: 2000, before: 0.978, after: 0.973, negativeFlips: 12, labels };

const attack = (name: string, accuracy: number) => ({
  ...{ name, norm: "linf", eps: 0.1, protocol: "standard", accuracy, turned: 0.5 },
  ...{ interval: [accuracy, accuracy] as const, warnings: [`weak [${name}]`] },
});

const model = (path: string, ...accuracies: number[]) => ({
  path,
  clean: { n: 1000, loss: 0.1, accuracy: 0.9, interval: [0.88, 0.92] as const },
  attacks: accuracies.map((accuracy, i) => attack(["fgsm", "pgd", "fab", "square"][i], accuracy)),
});

const candidate = { iteration: 2, step: 3, alpha: 0.3, violation: 0, loss: 0.06, corrected: 9 };

const record = {
  options: { recipe: "standard", loss: "cross-entropy", weight: 0, reattack: false },
  inputs: { data: { classes: ["a|b", "`c`", "<b>", "d\ne"] } },
  pool: [{ ...candidate, distance: 1, front: true }],
  choice: 0,
  before: { corrected: 0, points: 10, loss: 0.05, violation: 9 },
  after: { corrected: 9, points: 10, loss: 0.06, violation: 0.1 },
  clean: { ...clean, validation: { ...clean, after: 0.979 } },
  ...{ distance: 1, wrong: [3], notes: [], contradictions: [], iterations: [] },
  asked: { points: 10, right: 8, images: 100, same: 100 },
};

const run = {
  ...{ name: "out/RUN", record },
  evaluation: {
    models: [model("m.onnx", 0.2, 0.04), model("./out/RUN/corrected.onnx", 0.6, 0.468)],
  },
} as unknown as FinishedRun;

const met = (text: string): boolean[] => judge(run, parseRequirements(text)).map((one) => one.met);

describe("requirements", () => {
  it.each([
    ["corrected=all", false],
    ["corrected>=9", true],
    ["corrected>=10", false],
    ["clean>=-0.5", true], // 50 of 2000 fewer are exactly half a point
    ["clean>=-0.49", false],
    ["validation>=0", true],
    ["validation>=0.2", false],
    ["flips<=12", true],
    ["flips<=11", false],
    ["loss<=0.06", true],
    ["loss<=5.9e-2", false],
    ["attacked>=46.8", true],
    ["attacked >= 46.8 %", true],
    ["attacked>=47%", false],
  ])("%s: %s", (text, expected) => {
    expect(met(text)).toEqual([expected]);
  });

  it("are all judged, each with its number", () => {
    const judged = judge(run, parseRequirements("corrected=all, clean>=-0.5,attacked>=90"));
    expect(judged.map(({ text, met: is, said }) => [text, is, said])).toEqual([
      ["corrected=all", false, "9 of 10"],
      ["clean>=-0.5", true, "-0.5 points"],
      ["attacked>=90", false, "46.80 % under pgd, linf 0.1"],
    ]);
  });

  it.each([
    ["corected=all", "did you mean corrected?"],
    ["accuracy>=1", "known are corrected, clean, validation, flips, loss, attacked"],
    ["clean", "put it in quotes"],
    ["clean=0", "expected clean>=NUMBER"],
    ["clean>=all", "expected clean>=NUMBER"],
    ["clean>=-1%", "expected clean>=NUMBER"],
    ["flips<=", "expected flips<=NUMBER"],
    ["loss<=all", "expected loss<=NUMBER"],
    ["corrected=9", "expected corrected>=NUMBER"],
    ["corrected=all,", "no such word"],
    ["toString>=1", "no such word"],
  ])("refuse %s", (text, message) => {
    expect(() => parseRequirements(text)).toThrow(message);
  });

  it("refuse what was not measured", () => {
    const { evaluation: _, ...plain } = run;
    expect(() => judge(plain, parseRequirements("attacked>=1"))).toThrow("give --evaluation");
    const bare = { ...run, record: { ...run.record, clean } };
    expect(() => judge(bare, parseRequirements("validation>=0"))).toThrow("--validate DATA");
  });
});

describe("the models of an evaluation", () => {
  it("are told by the path of the run, or by its last parts", () => {
    const models = [model("m.onnx"), model("b/RUN/corrected.onnx"), model("/x/RUN/corrected.onnx")];
    const of = (name: string) => evaluatedOf({ name, evaluation: { models } });
    expect(of("./b/RUN/").after?.path).toBe("b/RUN/corrected.onnx");
    expect(of("/x/RUN").after?.path).toBe("/x/RUN/corrected.onnx");
    expect(of("elsewhere/RUN").after?.path).toBe("b/RUN/corrected.onnx");
    expect(of("OTHER").after).toBeUndefined();
    expect(of("b/RUN").before?.path).toBe("m.onnx");
  });
});

describe("the summary", () => {
  const lines = (...of: Parameters<typeof summaryOf>): string[] =>
    summaryOf(...of)
      .trimEnd()
      .split("\n");

  it("shows figures before and after, and the labels that lost most", () => {
    expect(lines([run], judge(run, parseRequirements("corrected=all,flips<=12")))).toEqual([
      "### `out/RUN`: corrected by the recipe standard",
      "",
      "|  | before | after |",
      "| --- | --- | --- |",
      "| points right | 0 of 10 | 9 of 10 |",
      "| training loss (cross-entropy) | 0.05000 | 0.06000 |",
      "| clean accuracy on DATA | 97.80 % | 97.30 % |",
      "| clean accuracy held out | 97.80 % | 97.90 % |",
      "| under pgd, linf 0.1 | 4.00 % (4.0–4.0) | 46.80 % (46.8–46.8) |",
      "| under fgsm, linf 0.1 | 20.00 % (20.0–20.0) | 60.00 % (60.0–60.0) |",
      "| distance from θ₀ | 0 | 1.000 |",
      "",
      "- Right before, wrong now: DATA 12 of 2000 images (label `d e`: 3, `<b>`: 2, `` `c` ``: 1); " +
        "held out 12 of 2000 images (label `d e`: 3, `<b>`: 2, `` `c` ``: 1)",
      "- Chosen: candidate 2:3 of 1, 1 on the efficient front (weight 0)",
      "- Required: **`corrected=all` not met (9 of 10)**; `flips<=12` met (12 of 2000)",
      "- Again: `temper correct MODEL --data DATA --like out/RUN --out AGAIN`",
      "- Note: still wrong: 1 of the points (3)",
      "- Note: asked by itself, image by image, the saved file gets 8 of 10 points right",
      "- Note: fgsm: weak \\[fgsm\\]",
      "- Note: pgd: weak \\[pgd\\]",
    ]);
  });

  it("has at most twenty lines, and says what it leaves out", () => {
    const notes = Array.from({ length: 9 }, (_, i) => `note ${i} of <a>|*b*`);
    const long = {
      ...run,
      record: { ...run.record, notes },
      evaluation: { models: [model("out/RUN/corrected.onnx", 0.1, 0.2, 0.3, 0.4)] },
    };
    const one = lines([long], judge(long, parseRequirements("loss<=1")));
    expect(one).toHaveLength(LINES);
    expect(one.at(-1)).toMatch(/^- \d+ notes more: see the report\.$/);
    expect(one).toContain("- Note: note 0 of \\<a\\>\\|\\*b\\*");
    const several = lines(
      Array.from({ length: 30 }, (_, i) => ({ ...long, name: `r|${i}` })),
      [],
    );
    expect(several.length).toBeLessThanOrEqual(LINES);
    expect(several.filter((line) => line.startsWith("| `r\\|"))).toHaveLength(13);
    expect(several).toContain("- 17 more runs are in the report.");
  });
});
