// The cutting-set form: what becomes a point was violated where it was found, and lies in its source's ball.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Candidate } from "../src/correct/candidates.ts";
import type { IterationRecord } from "../src/correct/records.ts";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import {
  correct,
  type Model,
  openData,
  openModel,
  type PointCall,
  type PointRun,
} from "../src/index.ts";
import { newFolder } from "./helpers/command.ts";
import { itLong } from "./helpers/long.ts";

const newRun = (): string => join(newFolder(), "run");
const EPS = 0.1;
const REACH = 1.5;
const MARGIN = 6;
const MOST = 2;

let model: Model;
let data: Dataset;
let sources: Dataset;
let call: PointCall;
let run: PointRun;
let reference: string;
let points: Dataset;
/** How many points each asking brought: at theta0, at theta_1, ... */
let added: number[];

beforeAll(async () => {
  model = await openModel(readFileSync("models/digits-cnnlight.onnx"));
  data = await openData("digits:train[0:400]");
  sources = slice(data, 10, 18);
  const attack = { eps: EPS, steps: 4, stepSize: 0.04 };
  call = {
    ...{ data, points: sources, reattack: true, attack, pointsPerSource: MOST, reach: REACH },
    ...{ iterations: 4, alphas: 2, threads: 0 },
  };
  reference = newRun();
  run = await correct(model, { ...call, folder: reference });
  points = await openData(join(reference, "points.npz"));
  const later = run.record.iterations.map((r) => r.asked!.added);
  added = [points.count - later.reduce((sum, n) => sum + n, 0), ...later];
});
afterAll(() => model.close());

/** margin - (f_y - max rival) of each point at a candidate: positive where it asks for a cut. */
async function hinges(candidate: Candidate, set: Dataset): Promise<number[]> {
  const at = await openModel(run.bytes(candidate));
  const logits = await at.logits(imagesOf(set), set.count);
  await at.close();
  return [...set.labels].map((label, i) => {
    const row = [...logits.subarray(10 * i, 10 * i + 10)];
    const [own] = row.splice(label, 1);
    return Math.max(...row) - own + MARGIN;
  });
}

describe("refusals, before anything is written", () => {
  it.each<[string, object]>([
    ["without a std", { epsSpace: "model" }],
    ['no option "stepsize"', { stepsize: 0.1 }],
  ])("%s", async (message, more) => {
    const folder = newRun();
    const attack = { eps: EPS, ...more };
    const asked = correct(model, { ...call, attack, folder });
    await expect(asked).rejects.toThrow(message);
    expect(existsSync(folder)).toBe(false);
  });

  it("a run is not taken up with sources whose clean images are others", async () => {
    const folder = newRun();
    const stop = new AbortController();
    const onProgress = (): void => stop.abort(); // once the run has begun
    const begun = correct(model, { ...call, folder, signal: stop.signal, onProgress });
    await expect(begun).rejects.toThrow();
    const clean = imagesOf(data, 20, 28);
    const other = correct(model, { ...call, points: { ...sources, clean }, folder, resume: true });
    await expect(other).rejects.toThrow("inputs.points.sha256");
  });
});

describe("the cutting-set form", () => {
  it("makes points of its sources, so many each, inside their balls", () => {
    const size = 28 * 28;
    const taken = new Map<number, number>();
    let farthest = 0;
    for (let i = 0; i < points.count; i++) {
      const source = points.source![i];
      taken.set(source, (taken.get(source) ?? 0) + 1);
      expect(points.labels[i]).toBe(data.labels[source]);
      const clean = imagesOf(data, source, source + 1);
      const x = imagesOf(points, i, i + 1);
      expect(points.clean!.subarray(i * size, (i + 1) * size)).toEqual(clean);
      const distance = Math.max(...x.map((v, k) => Math.abs(v - clean[k])));
      expect(distance).toBeLessThan(REACH * EPS * (1 + 1e-6));
      expect(distance).toBeGreaterThan(0);
      farthest = Math.max(farthest, distance);
    }
    expect(farthest).toBeGreaterThan(1.4 * EPS);
    expect(Math.max(...taken.values())).toBe(MOST);
    for (const source of taken.keys()) {
      expect(source >= 10 && source < 18).toBe(true);
    }
    expect(added[0]).toBeGreaterThan(0);
  });

  it("adds what was violated where it was found", async () => {
    let from = 0;
    for (const [k, n] of added.entries()) {
      const full = run.pool.find(
        ({ iteration, alpha }) => iteration === k && (k === 0 || alpha === 1),
      );
      if (n === 0) continue;
      const found = await hinges(full!, slice(points, from, from + n));
      for (const hinge of found) expect(hinge).toBeGreaterThan(0);
      from += n;
    }
    expect(from).toBe(points.count);
  });

  it("judges every candidate on all points that there are in the end", async () => {
    expect(run.after.points).toBe(points.count);
    for (const candidate of [run.pool[0], run.choice]) {
      const values = await hinges(candidate, points);
      expect(candidate.corrected).toBe(values.filter((h) => h < MARGIN).length);
    }
    expect(run.after.violation).toBeLessThan(run.before.violation);
    const falling = run.record.iterations.map((r) => r.asked!.falling);
    expect(falling.at(-1)).toBeLessThan(added[0]);
  });

  itLong("is the same where 1 process began it, was stopped, and 2 took it up", async () => {
    const folder = newRun();
    const controller = new AbortController();
    const onIteration = ({ iteration }: IterationRecord): void => {
      if (iteration === 2) controller.abort();
    };
    const { signal } = controller;
    const stopped = correct(model, { ...call, folder, threads: 1, signal, onIteration });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    await correct(model, { ...call, folder, resume: true, threads: 2 });
    for (const name of ["run.json", "corrected.onnx", "thetas.npz", "points.npz"]) {
      const same = readFileSync(join(folder, name)).equals(readFileSync(join(reference, name)));
      expect(same, name).toBe(true);
    }
  });
});
