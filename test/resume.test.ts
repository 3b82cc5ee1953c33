// A run that is stopped and taken up again ends with the bytes of an uninterrupted one.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, slice } from "../src/data/dataset.ts";
import { attack, correct, type Model, openData, openModel, openRun } from "../src/index.ts";
import type { PointCall } from "../src/run/call.ts";
import { temper } from "./helpers/command.ts";
import { isLong, itLong } from "./helpers/long.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
const scratch = (): string => mkdtempSync(join(tmpdir(), "temper-"));

let model: Model;
let call: PointCall;
let points: Dataset;
let reference: string;

beforeAll(async () => {
  model = await openModel(MODEL);
  const data = await openData("digits:train[0:1000]");
  const found = await attack(model, {
    data: slice(data, 0, 200),
    eps: 0.1,
    worst: 4,
    steps: 10,
    threads: 0,
  });
  points = found.points;
  call = { data, points, iterations: 5, alphas: 3, threads: 0 };
  reference = join(scratch(), "reference");
  await correct(model, { ...call, folder: reference });
});
afterAll(() => model.close());

/** Stops a run in `folder` once iteration k is done. */
async function stopAfter(folder: string, k: number, other: Partial<PointCall> = {}): Promise<void> {
  const controller = new AbortController();
  const stopped = correct(model, {
    ...call,
    ...other,
    folder,
    signal: controller.signal,
    onIteration: ({ iteration }) => {
      if (iteration === k) controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "aborted" });
}

function expectSameRun(folder: string, as = reference): void {
  expect(readdirSync(folder).toSorted()).toEqual(readdirSync(as).toSorted());
  for (const name of ["run.json", "corrected.onnx", "thetas.npz", "points.npz"]) {
    expect(readFileSync(join(folder, name)).equals(readFileSync(join(as, name))), name).toBe(true);
  }
}

describe("a run taken up again", () => {
  it.each(isLong ? [1, 3, 4] : [3])(
    "after iteration %i ends as the uninterrupted one",
    async (k) => {
      const folder = join(scratch(), "run");
      await stopAfter(folder, k);
      const { record, timings } = await correct(model, { ...call, folder, resume: true });
      expectSameRun(folder);
      // The times of its parts are added: every iteration has its own, those before the stop too.
      expect(timings.iterations).toHaveLength(record.iterations.length);
      for (const name of ["qp", "gram"]) {
        const laps = timings.iterations.reduce((sum, lap) => sum + lap[name], 0);
        expect(laps).toBeCloseTo(timings.stages[name], 9);
      }
      expect(timings.stages.loss).toBeLessThan(timings.seconds);
    },
  );

  itLong("after being stopped twice, too, and from another number of processes", async () => {
    const folder = join(scratch(), "run");
    await stopAfter(folder, 1);
    await stopAfter(folder, 3, { resume: true });
    await correct(model, { ...call, folder, resume: true, threads: 2 });
    expectSameRun(folder);
  });

  it("while the losses of its lines are found goes on with those it has", async () => {
    const folder = join(scratch(), "run");
    const controller = new AbortController();
    const lines: number[] = [];
    const counted = (stage: string, done: number): void => {
      if (stage !== "line points") return;
      lines.push(done);
      if (lines.length === 5) controller.abort();
    };
    const stopped = correct(model, {
      ...call,
      folder,
      signal: controller.signal,
      onProgress: counted,
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    await correct(model, { ...call, folder, resume: true, onProgress: counted });
    expect(lines).toEqual([1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]); // two of each of 5 iterations
    expectSameRun(folder);
  });

  it("and tells of those that were sampled what it would have told", async () => {
    const sampled = { ...call, alphas: 6, lossSample: 200 };
    const whole = join(scratch(), "whole");
    const { record } = await correct(model, { ...sampled, folder: whole });
    expect(record.screened!.candidates).toBeGreaterThan(0);
    const folder = join(scratch(), "run");
    const controller = new AbortController();
    const onProgress = (stage: string, done: number): void => {
      if (stage === "line points" && done === 17) controller.abort();
    };
    const stopped = correct(model, { ...sampled, folder, signal: controller.signal, onProgress });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    await correct(model, { ...sampled, folder, resume: true });
    expectSameRun(folder, whole);
  });

  itLong("after its cuts contradicted each other, too", async () => {
    // The first point once more, with another label.
    const size = points.pixels.length / points.count;
    const twin = points.pixels.slice(0, size);
    const both: Dataset = {
      name: "twins",
      shape: points.shape,
      count: 2,
      pixels: Float32Array.from([...twin, ...twin]),
      labels: Int32Array.of(points.labels[0], (points.labels[0] + 1) % 10),
    };
    const whole = join(scratch(), "whole");
    const { record } = await correct(model, { ...call, points: both, folder: whole });
    expect(record.contradictions.length).toBeGreaterThan(0);
    const folder = join(scratch(), "run");
    await stopAfter(folder, 1, { points: both });
    await correct(model, { ...call, points: both, folder, resume: true });
    expectSameRun(folder, whole);
  });

  it("that had finished is opened as it is", async () => {
    const run = await correct(model, { ...call, folder: reference, resume: true });
    expect(run.record).toEqual((await openRun(reference)).record);
  });
});

describe("an unfinished run", () => {
  it("is not opened, not overwritten without force, and not continued with other options", async () => {
    const folder = join(scratch(), "run");
    await stopAfter(folder, 1);
    await expect(openRun(folder)).rejects.toMatchObject({ code: "run-unreadable" });
    await expect(correct(model, { ...call, folder })).rejects.toMatchObject({
      code: "file-exists",
    });
    const other = correct(model, { ...call, folder, resume: true, margin: 0.2 });
    await expect(other).rejects.toThrow("options.margin 0.1, now 0.2");
    const fewer = correct(model, { ...call, points: slice(points, 0, 2), folder, resume: true });
    await expect(fewer).rejects.toThrow("inputs.points");
    await correct(model, { ...call, folder, force: true });
    expectSameRun(folder);
  });
});

describe("the state of a run", () => {
  it("that a kill left beside a finished record does not go into the next", async () => {
    const [folder, left] = [join(scratch(), "run"), join(scratch(), "left")];
    await stopAfter(left, 2, { margin: 2 });
    cpSync(reference, folder, { recursive: true });
    cpSync(join(left, "state"), join(folder, "state"), { recursive: true });
    const stop = new AbortController();
    const onProgress = (): void => stop.abort(); // once the run has begun
    await expect(
      correct(model, { ...call, folder, force: true, signal: stop.signal, onProgress }),
    ).rejects.toMatchObject({ code: "aborted" });
    expect(existsSync(join(folder, "state"))).toBe(false);
    await correct(model, { ...call, folder, resume: true });
    expectSameRun(folder);
  });

  it("is refused by name where it is damaged", async () => {
    const folder = join(scratch(), "run");
    await stopAfter(folder, 1);
    const path = join(folder, "state", "state.npz");
    writeFileSync(path, readFileSync(path).subarray(0, 200));
    await expect(correct(model, { ...call, folder, resume: true })).rejects.toMatchObject({
      code: "run-unreadable",
      message: expect.stringContaining("state.npz"),
    });
  });
});

describe("the command", () => {
  it("refuses to resume in a folder that holds no run before anything is computed", async () => {
    const out = scratch();
    writeFileSync(join(out, "notes.txt"), "mine");
    const words = ["correct", MODEL, "--data", "digits:train[0:400]", "--worst", "2"];
    const refused = await temper([...words, "--eps", "0.1", "--out", out, "--resume"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("not a run of Temper");
    expect(refused.stderr).not.toContain("pgd");
  });

  itLong("refuses to resume with another attack, and to write into a finished run", async () => {
    const out = join(scratch(), "run");
    const words = [
      "correct",
      MODEL,
      "--data",
      "digits:train[0:400]",
      "--out",
      out,
      "--threads",
      "1",
    ];
    const few = ["--iterations", "1", "--alphas", "2", "--steps", "3", "--resume"];
    expect((await temper([...words, ...few, "--worst", "3", "--eps", "0.1"])).code).toBe(0);
    const other = await temper([...words, ...few, "--worst", "4", "--eps", "0.2"]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("inputs.points.origin.attack.eps 0.1, now 0.2");
    const select = ["select", out, "--weight", "0", "--out", join(out, "corrected.onnx")];
    const inside = await temper(select);
    expect(inside.code).toBe(2);
    expect(inside.stderr).toContain("never changes");
  });
});
