// The bench of evaluations: each network as evaluate measures it, kept, and told with what weakens a number.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import {
  benchEvaluation,
  type EvaluationBench,
  evaluationAttacks,
  type NamedAttack,
} from "../bench/evaluation/evaluation.ts";
import { evaluationMarkdown } from "../bench/evaluation/markdown.ts";
import { openData } from "../src/data/open.ts";
import { evaluate, openModel } from "../src/index.ts";
import { trainedBytes } from "./helpers/trained.ts";

const models = await Promise.all(
  ["models/digits-cnnlight.onnx", await trainedBytes()].map((source) => openModel(source)),
);
afterAll(() => Promise.all(models.map((model) => model.close())));

const attacks: readonly NamedAttack[] = [
  { name: "FGSM (paper)", request: { attack: "fgsm", eps: 0.05, protocol: "cleverhans" } },
  { name: "PGD", request: { eps: 0.05, steps: 5 } },
];
const bench: EvaluationBench = {
  models: models.map((model, i) => ({ name: `net${i}`, model })),
  test: await openData("digits:test[0:40]"),
  attacks,
  folder: mkdtempSync(join(tmpdir(), "temper-")),
  seed: 3,
  threads: 0,
};

it("measures each network as evaluate does, and what is finished never again", async () => {
  const rows = await benchEvaluation(bench);
  expect(rows.map(({ name }) => name)).toEqual(["net0", "net1"]);
  for (const [i, { evaluation }] of rows.entries()) {
    const requests = attacks.map(({ request }) => ({ ...request, seed: 3 }));
    const { images: _, ...alone } = await evaluate(models[i], {
      data: bench.test,
      attacks: requests,
      threads: 0,
    });
    expect(evaluation).toEqual(alone);
  }
  // Nothing is left to do, so nobody hears the signal.
  const again = await benchEvaluation({ ...bench, signal: AbortSignal.abort() });
  expect(JSON.stringify(again)).toBe(JSON.stringify(rows));
  const others = { ...bench, attacks: attacks.slice(1), signal: AbortSignal.abort() };
  await expect(benchEvaluation(others)).rejects.toMatchObject({ code: "aborted" });
  const seeded = { ...bench, seed: 4 };
  await expect(benchEvaluation(seeded)).rejects.toMatchObject({ code: "file-exists" });

  const lines = evaluationMarkdown(rows, attacks).split("\n");
  expect(lines[0]).toBe("| network | clean | FGSM (paper) | PGD | worst |");
  const { clean, worst } = rows[1].evaluation;
  const cells = lines[3].split(" | ");
  const percent = (share: number): string => (100 * share).toFixed(1);
  const [low, high] = clean.interval.map(percent);
  expect(cells[1]).toBe(`${percent(clean.accuracy)} (${low}-${high})`);
  expect(cells[4]).toContain(percent(worst[1].accuracy));
  expect(lines).toContain("| `unclipped` | net0: FGSM (paper); net1: FGSM (paper) |");
});

it("has auto last, and names for all", () => {
  const names = evaluationAttacks(0.1).map(({ name }) => name);
  expect(names.at(-1)).toBe("auto");
  expect(new Set(names).size).toBe(8);
});
