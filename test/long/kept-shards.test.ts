// An attack by the command that is killed and goes on: the same result, and nothing left behind.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { newFolder, type Ran, temper } from "../helpers/command.ts";
import { trainedBytes } from "../helpers/trained.ts";

const shared = ["m.onnx", "--data", "digits:test[0:1000]", "--eps", "0.1", "--steps", "30"];

/** Kills a command once it has kept a shard. */
async function killed(args: readonly string[], cwd: string, state: string): Promise<Ran> {
  const stop = new AbortController();
  const timer = setInterval(() => {
    if (existsSync(join(cwd, state)) && statSync(join(cwd, state)).size > 300) stop.abort();
  }, 5);
  return temper(args, { cwd, kill: stop.signal }).finally(() => clearInterval(timer));
}

it.each([
  ["attack", ["--worst", "10", "--out", "points.npz"], "points.npz.state"],
  ["evaluate", ["--attack", "pgd", "--json", "--state", "kept"], "kept"],
])("%s that is killed goes on with --resume, with the same result", async (name, more, state) => {
  const cwd = newFolder();
  writeFileSync(join(cwd, "m.onnx"), await trainedBytes());
  const args = [name, ...shared, ...more, "--threads", "1"];
  const first = await killed(args, cwd, state);
  expect(first.code).toBeNull();
  expect(readdirSync(cwd).toSorted()).toEqual(["m.onnx", state].toSorted());
  const refused = await temper([...args, "--resume", "--seed", "3"], { cwd });
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toMatch(/is of a command with .*seed/);
  const again = await temper([...args, "--resume"], { cwd });
  expect(again.code).toBe(0);
  expect(readdirSync(cwd)).not.toContain(state);
  const points = name === "attack" && readFileSync(join(cwd, "points.npz"));
  const straight = await temper([...args, "--force"], { cwd });
  expect(again.stdout).toBe(straight.stdout);
  if (points) expect(readFileSync(join(cwd, "points.npz"))).toEqual(points);
});
