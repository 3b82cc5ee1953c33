// The recipe robust from model to RUN folder: what it claims is true, and the same however it came about.

import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CentreRecord } from "../src/correct/records.ts";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import { networkOf } from "../src/engine/model.ts";
import { networkBytes } from "../src/engine/network.ts";
import {
  attack,
  correct,
  type Model,
  openData,
  openModel,
  openRun,
  type RobustCall,
  type Run,
} from "../src/index.ts";

const scratch = (): string => join(mkdtempSync(join(tmpdir(), "temper-")), "run");
const FILES = ["corrected.onnx", "thetas.npz", "predictions.npz", "run.json"];

let model: Model;
let data: Dataset;
let points: Dataset;
let call: RobustCall;
let run: Run;
let reference: string;

beforeAll(async () => {
  model = await openModel(readFileSync("models/digits-cnnlight.onnx"));
  data = await openData("digits:train[0:400]");
  points = (
    await attack(model, { data: slice(data, 0, 200), eps: 0.1, worst: 4, steps: 10, threads: 0 })
  ).points;
  call = {
    ...{ recipe: "robust", data, points, threads: 0, iterations: 5, every: 2, alphas: 2 },
    ...{
      sources: 60,
      groups: 8,
      lossSample: 200,
      judged: 40,
      lossSlack: 0.05,
      momentum: 0.3,
      stepCap: 0.02,
    },
    attack: { eps: 0.1, steps: 3, stepSize: 0.04 },
  };
  reference = scratch();
  run = await correct(model, { ...call, folder: reference });
});
afterAll(() => model.close());

/** The images that a file gets wrong, a tie included. */
async function wrongOf(file: Uint8Array, set: Dataset): Promise<number[]> {
  const at = await openModel(file);
  const logits = await at.logits(imagesOf(set), set.count);
  await at.close();
  return [...set.labels.keys()].filter((i) => {
    const row = [...logits.subarray(10 * i, 10 * i + 10)];
    const [own] = row.splice(set.labels[i], 1);
    return own <= Math.max(...row);
  });
}

it("is refused where theta0 is 0, before anything is written", async () => {
  const zero = await openModel(
    networkBytes(networkOf(model), new Float32Array(model.parameterCount)),
  );
  const folder = scratch();
  const asked = correct(zero, { ...call, folder });
  await expect(asked).rejects.toThrow("trainable all: expected weights that are not all 0");
  expect(existsSync(folder)).toBe(false);
  await zero.close();
});

describe("a robust correction", () => {
  it("lowers the violation of images it was not fitted to, and holds the loss", () => {
    const { record, before, after, choice } = run;
    expect(record.end).toBe("iterations");
    expect(run.pool.map(({ iteration, step }) => [iteration, step])).toEqual([
      [0, 0],
      [2, 2],
      [4, 2],
      [5, 2],
      [5, 1],
    ]);
    expect(before).toMatchObject({ points: 44 });
    expect(after.violation).toBeLessThan(0.9 * before.violation);
    expect(after.corrected).toBeGreaterThan(before.corrected);
    expect(after.loss).toBeLessThan(before.loss + 0.1);
    // What the file does when it is read again is what the pool says of the choice, to the bit.
    const { violation, loss, corrected } = choice;
    expect(after).toEqual({ violation, loss, corrected, points: 44 });
    expect(run.front).toContain(choice);
  });

  it("names the points that are still wrong, by its file", async () => {
    const file = readFileSync(join(reference, "corrected.onnx"));
    expect(new Uint8Array(file)).toEqual(run.bytes(run.choice));
    const corrected = await openModel(file);
    expect(corrected.theta()).toEqual(run.theta(run.choice));
    const loss = await corrected.loss(imagesOf(data), data.labels);
    await corrected.close();
    const wrong = await wrongOf(file, points);
    expect(run.record.wrong).toEqual(wrong);
    expect(wrong.length).toBeLessThan(points.count);
    expect(Math.abs(run.after.loss / loss - 1)).toBeLessThan(1e-6);
  });

  it("is the same where 1 process began it, was stopped between two candidates, and 2 took it up", async () => {
    const folder = scratch();
    const controller = new AbortController();
    const seen: number[] = [];
    const onIteration = ({ iteration }: CentreRecord): void => {
      seen.push(iteration);
      if (seen.length === 3) controller.abort();
    };
    const { signal } = controller;
    const stopped = correct(model, { ...call, folder, threads: 1, signal, onIteration });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    expect(readdirSync(folder)).toContain("state");
    await expect(openRun(folder)).rejects.toThrow("unfinished");
    const again = { ...call, folder, resume: true, threads: 2, onIteration };
    const { timings } = await correct(model, again);
    expect(seen).toEqual([1, 2, 3, 3, 4, 5]);
    expect(timings.iterations).toHaveLength(5);
    expect(readdirSync(folder).toSorted()).toEqual(readdirSync(reference).toSorted());
    for (const name of [...FILES, "points.npz"]) {
      const same = readFileSync(join(folder, name)).equals(readFileSync(join(reference, name)));
      expect(same, name).toBe(true);
    }
  });
});

describe("without points", () => {
  it("there is no points.npz, the run is read back, and the points fare worse than cut one by one", async () => {
    const validation = await openData("digits:test[0:100]");
    const folder = scratch();
    const { points: _, ...rest } = call;
    const bare = await correct(model, { ...rest, folder, validation });
    expect(readdirSync(folder).toSorted()).toEqual([...FILES, "timings.json"].toSorted());
    expect(bare.before.points).toBe(40);
    expect(bare.record.wrong).toEqual([]);
    const opened = await openRun(folder);
    expect(opened.record).toEqual(bare.record);
    expect(opened.bytes(opened.select(1))).toEqual(bare.bytes(bare.select(1)));
    const copy = scratch();
    await opened.save(copy);
    expect(readdirSync(copy).toSorted()).toEqual(readdirSync(folder).toSorted());

    const right = async (file: Uint8Array, set: Dataset): Promise<number> =>
      set.count - (await wrongOf(file, set)).length;
    expect(await right(run.bytes(run.choice), points)).toBeGreaterThan(
      await right(bare.bytes(bare.choice), points),
    );
    const held = bare.record.validation!.front;
    expect(held).toHaveLength(bare.front.length);
    for (const [c, candidate] of bare.front.entries())
      expect(held[c].accuracy).toBe((await right(bare.bytes(candidate), validation)) / 100);
  });

  it("a run that has no time at all is the model as it was", async () => {
    const folder = scratch();
    const { points: _, ...rest } = call;
    const { record, before, after } = await correct(model, { ...rest, folder, timeLimit: 0 });
    expect(record).toMatchObject({ end: "time-limit", iterations: [], choice: 0, distance: 0 });
    expect(after).toEqual(before);
    const opened = await openRun(folder);
    expect(opened.theta(opened.choice)).toEqual(model.theta());
  });

  it("sources of their own are attacked in place of the data's, and are in the record", async () => {
    const sourcesFrom = slice(data, 0, 30);
    const { points: _, ...rest } = call;
    const { record } = await correct(model, { ...rest, sourcesFrom, iterations: 1 });
    expect(record.inputs.sources).toMatchObject({ count: 30 });
    expect(record.iterations).toMatchObject([{ points: 30 }]);
  });
});

describe("the options", () => {
  it.each<[string, object, string]>([
    ["no radius", { attack: undefined }, "needs a radius; give --eps"],
    ["an option of Algorithm 1", { rivals: 3 }, "rivals does not belong to the recipe robust"],
    ["a share of nothing", { share: 0 }, "share 0: expected a number above 0"],
    ["no group", { groups: 0 }, "groups 0: expected a whole number, 1 or more"],
    ["an unknown word", { keep: "all" }, "keep all: expected clean or balanced or robust"],
    ["units the model has not", { attack: { eps: 1, epsSpace: "model" } }, "opened without a std"],
  ])("refuse %s before anything is written", async (_, wrong, said) => {
    const folder = scratch();
    const refused = correct(model, { ...call, folder, ...wrong } as RobustCall);
    await expect(refused).rejects.toThrow(said);
    expect(() => readdirSync(folder)).toThrow("ENOENT");
  });
});
