// Attacks that were stopped and go on: the same result, no shard made twice, no other command's file taken up.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AttackCall, attack, type Points } from "../src/attack/attack.ts";
import { keepShards } from "../src/attack/kept-shards.ts";
import type { Dataset } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { writePoints } from "../src/data/points.ts";
import { type Model, openModel } from "../src/engine/model.ts";
import { openWorkers, type Workers } from "../src/engine/workers.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { itLong } from "./helpers/long.ts";
import { trainedBytes } from "./helpers/trained.ts";

const beginning = { command: "test", eps: 0.1 };
const how = { eps: 0.1, steps: 2, worst: 20 } as const;

let model: Model;
let data: Dataset;
let whole: Uint8Array;
beforeAll(async () => {
  model = await openModel(await trainedBytes());
  data = await openData("digits:test[0:1000]");
  whole = writePoints((await attack(model, { ...how, data, threads: 0 })).points);
});
afterAll(() => model.close());

/** Workers of this process that count the shards they attack. */
function counting(): Workers & { shards: number } {
  const workers = openWorkers(0);
  const counted = {
    ...workers,
    shards: 0,
    map: ((task, args, options) => {
      if (task.name === "attackShard") counted.shards += args.length;
      return workers.map(task, args, options);
    }) as Workers["map"],
  };
  return counted;
}

/** Attacks 1,000 images, 250 a shard, with a file of shards, and stops after so many. */
async function attackKept(
  file: string,
  options: Partial<AttackCall> & { readonly after?: number; readonly resume?: boolean } = {},
): Promise<{ readonly found: Points; readonly made: number }> {
  const { after = Infinity, resume = true, ...call } = options;
  const workers = counting();
  const stop = new AbortController();
  const shards = await keepShards(file, beginning, { resume });
  const onProgress = (): void => {
    if (workers.shards >= after) stop.abort();
  };
  const { signal } = stop;
  try {
    const asked = { ...how, data, workers, shards, signal, onProgress, ...call };
    return { found: await attack(model, asked), made: workers.shards };
  } finally {
    await shards.close();
    await workers.close();
  }
}

describe("an attack that was stopped", () => {
  it.each([1, 3])(
    "after %i of 4 shards makes the others alone, to the same bytes",
    async (after) => {
      const file = join(newFolder(), "state");
      await expect(attackKept(file, { after })).rejects.toMatchObject({ code: "aborted" });
      const { found, made } = await attackKept(file);
      expect(made).toBe(4 - after);
      expect(writePoints(found.points)).toEqual(whole);
      expect((await attackKept(file)).made).toBe(0);
      // Of another attack, or other images, nothing in the file is of use.
      expect((await attackKept(file, { seed: 5 })).made).toBe(4);
      expect(
        (await attackKept(file, { data: { ...data, labels: data.labels.slice().fill(3) } })).made,
      ).toBe(4);
    },
  );

  itLong("goes on from a file that was torn at any place", async () => {
    const file = join(newFolder(), "state");
    await attackKept(file);
    const bytes = readFileSync(file);
    for (const [cut, made] of [
      [1, 1],
      [Math.floor(bytes.length / 2), undefined],
      [bytes.length - 5, 4],
    ] as const) {
      writeFileSync(file, bytes);
      truncateSync(file, bytes.length - cut);
      const again = await attackKept(file);
      expect(writePoints(again.found.points)).toEqual(whole);
      if (made !== undefined) expect(again.made).toBe(made);
      expect((await attackKept(file)).made).toBe(0);
    }
  });

  it("is not taken up by another command, and not overwritten", async () => {
    const file = join(newFolder(), "state");
    await expect(attackKept(file, { after: 1 })).rejects.toThrow();
    const size = statSync(file).size;
    await expect(attackKept(file, { resume: false })).rejects.toMatchObject({
      code: "file-exists",
    });
    const other = keepShards(file, { ...beginning, eps: 0.2 }, { resume: true });
    await expect(other).rejects.toThrow("eps 0.1, now 0.2");
    expect(statSync(file).size).toBe(size);
    writeFileSync(file, "something else, longer than a check");
    const strange = keepShards(file, beginning, { resume: true });
    await expect(strange).rejects.toMatchObject({ code: "run-unreadable" });
  });

  it("where the file cannot be written ends with one refusal", async () => {
    const file = join(newFolder(), "no", "folder", "state");
    await expect(attackKept(file)).rejects.toMatchObject({ code: "file-missing" });
  });
});

describe("the command", () => {
  it.runIf(existsSync("/dev/full"))("tells of a full disk in one line", async () => {
    const full = openSync("/dev/full", "w");
    const args = ["dist/cli/main.js", "inspect", "models/digits-cnnlight.onnx"];
    const ran = spawnSync(process.execPath, args, { stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    expect(ran.status).toBe(1);
    expect(String(ran.stderr)).toMatch(/^error: the output cannot be written: ENOSPC.*\n$/);
  });

  itLong("says so in one line where its output cannot be written", async () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "m.onnx"), await trainedBytes());
    writeFileSync(join(cwd, "file"), "");
    const data = ["--data", "digits:test[0:40]", "--threads", "1"];
    const run = ["correct", "m.onnx", ...data, "--worst", "2", "--eps", "0.1", "--out", "file/run"];
    const { code, stderr } = await temper(run, { cwd });
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stderr.match(/error: /g)).toHaveLength(1);
    const demo = await temper(["demo", "--out", "file/demo"], { cwd });
    expect(demo.code).toBe(1);
    expect(demo.stderr).toMatch(/^error: .*ENOTDIR.*\n$/);
  });
});
