// Memory that is not there: refused before the work begins, with what to do; and said where it ran out all the same.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { endingWell } from "../src/cli/exit.ts";
import { bytesWithin } from "../src/data/memory.ts";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { correct } from "../src/run/correct.ts";
import { newFolder } from "./helpers/command.ts";
import { module } from "./helpers/crash-task.ts";
import { denseNetwork } from "./helpers/dense.ts";
import { GREY, png } from "./helpers/png.ts";

afterEach(() => vi.restoreAllMocks());

/** As in a container that may use so many bytes. */
const allow = (bytes: number): unknown =>
  vi.spyOn(process, "constrainedMemory").mockReturnValue(bytes);

const outOfMemory = (text: RegExp): Error =>
  expect.objectContaining({
    code: "out-of-memory",
    message: expect.stringMatching(text) as string,
  }) as Error;

it("counts the arrays inside a value", () => {
  const value = { a: new Float64Array(2), b: [new Uint8Array(3), { c: 1, d: null }], e: "text" };
  expect(bytesWithin(new Map([["k", value]]))).toBe(19);
});

it("image files that do not fit are refused before they are decoded", async () => {
  const at = newFolder();
  mkdirSync(join(at, "0"));
  for (const name of ["a", "b"])
    writeFileSync(join(at, "0", `${name}.png`), png(GREY, [20, 30], Array(600).fill(7)));
  allow(1199);
  await expect(openData(at)).rejects.toThrow(
    outOfMemory(/^2 images of \[1,30,20\] need .* GB of memory.*\ngive fewer images, or smaller/),
  );
  allow(1200);
  expect((await openData(at)).count).toBe(2);
});

it("processes that would each hold the data are refused, fewer are not", async () => {
  const values = new Float32Array(1e6);
  const workers = openWorkers(2);
  workers.share("offset", 0);
  workers.share("values", values);
  const double = { module, name: "double" };
  try {
    allow(2 * 60e6 + 3 * values.byteLength - 1);
    await expect(workers.map(double, [1])).rejects.toThrow(
      outOfMemory(/^2 processes and this one, .* need 0.123 GB .* there are 0.123 GB\ngive fewer/),
    );
    allow(2 * 60e6 + 3 * values.byteLength);
    expect(await workers.map(double, [1, 2])).toEqual([2, 4]);
  } finally {
    await workers.close();
  }
});

it("points whose cuts do not fit are refused before anything is written", async () => {
  const model = await openModel(denseNetwork());
  const points = await openData("digits:test[0:4]");
  const out = join(newFolder(), "RUN");
  // Nine cuts a point of 10 factors, and 784 numbers that enter the layer.
  allow(4 * 4 * (9 * 10 + 784) - 1);
  const call = { data: points, points, folder: out, threads: 0, anyway: true };
  await expect(correct(model, call)).rejects.toThrow(outOfMemory(/^the cuts of all points need/));
  await expect(openData(out)).rejects.toThrow(/unknown data/);
  await model.close();
});

it("memory that runs out in the midst is one line, not a stack", async () => {
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const stop = (): void => {};
  await endingWell({ progress: { stop, update: stop, line: stop } }, async () => {
    throw new RangeError("Array buffer allocation failed");
  });
  expect(process.exitCode).toBe(1);
  process.exitCode = undefined;
  expect(said.mock.calls.join()).toBe(
    "error: memory ran out: Array buffer allocation failed\ngive fewer --threads, fewer images or fewer points\n",
  );
});
