// Runs that are killed at random moments and resumed end with the bytes of one that was not.
//
// One run by default; TEMPER_STRESS=50 kills fifty.
import { existsSync, mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { slice } from "../../src/data/dataset.ts";
import { writePoints } from "../../src/data/points.ts";
import { attack, openData, openModel } from "../../src/index.ts";
import { type Random, randomStream } from "../../src/tensor/random.ts";
import { newFolder, temper } from "../helpers/command.ts";

const RUNS = Number(process.env.TEMPER_STRESS ?? 1);
/** Kills a run before it is left alone. */
const KILLS = 3;
const MODEL = resolve("models/digits-cnnlight.onnx");
const BYTES = ["run.json", "corrected.onnx", "thetas.npz", "points.npz"];

let reference: string;
let points: string;
/** Milliseconds that the command takes when it is left alone. */
let whole: number;

const command = (out: string): string[] => [
  ...["correct", MODEL, "--data", "digits:train[0:1000]", "--points", points, "--out", out],
  ...["--iterations", "5", "--alphas", "3", "--threads", "1", "--resume"],
];

beforeAll(async () => {
  const folder = newFolder();
  const model = await openModel(MODEL);
  const data = slice(await openData("digits:train[0:1000]"), 0, 200);
  const found = await attack(model, { data, eps: 0.1, worst: 4, steps: 10, threads: 0 });
  await model.close();
  points = join(folder, "points.npz");
  writeFileSync(points, writePoints(found.points));
  reference = join(folder, "reference");
  const { code, milliseconds } = await temper(command(reference));
  expect(code).toBe(0);
  whole = milliseconds;
});

/** Fires after a share of the time that a run takes. */
const atMoment = (random: Random): AbortSignal =>
  AbortSignal.timeout(Math.ceil(whole * random.uniform()));

/** Fires when the folder changes for the n-th time: in the midst of writing. */
function atWrite(folder: string, random: Random): AbortSignal {
  const controller = new AbortController();
  let left = 1 + random.below(20);
  mkdirSync(folder, { recursive: true });
  const watcher = watch(folder, { recursive: true }, () => {
    if (--left > 0) return;
    watcher.close();
    controller.abort();
  });
  watcher.on("error", () => {}); // a file that is gone before it can be watched
  return controller.signal;
}

const isFinished = (folder: string): boolean =>
  existsSync(join(folder, "run.json")) &&
  JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).end !== undefined;

/** Kills the run in a new folder up to three times; how often it was there to be killed. */
async function killed(out: string, random: Random): Promise<number> {
  let hits = 0;
  for (let kill = 0; kill < KILLS && !isFinished(out); kill++) {
    const signal = random.below(2) === 0 ? atMoment(random) : atWrite(out, random);
    const { code, stderr } = await temper(command(out), { kill: signal });
    if (code === null) hits++;
    else expect(code, stderr).toBe(0);
  }
  return hits;
}

it.each(Array.from({ length: RUNS }, (_, i) => i))("run %i", async (i) => {
  const random = randomStream(7, i);
  let out: string;
  do out = join(newFolder(), "run");
  while ((await killed(out, random)) === 0);
  const { code, stderr } = await temper(command(out));
  expect(code, stderr).toBe(0);
  expect(readdirSync(out).toSorted()).toEqual(readdirSync(reference).toSorted());
  for (const name of BYTES) {
    const same = readFileSync(join(out, name)).equals(readFileSync(join(reference, name)));
    expect(same, name).toBe(true);
  }
});
