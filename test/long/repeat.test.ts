// A run repeated by --like from its own record: the same bytes of the record, the model and the candidates.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { newFolder, temper } from "../helpers/command.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
const base = ["correct", MODEL, "--data", "digits:train[0:200]", "--threads", "1"];
const quick = ["--iterations", "2", "--steps", "3", "--eps", "0.1"];
const commands: [string, string[]][] = [
  ["--random with --reattack", ["--random", "3", "--reattack", "--reach", "1.1", ...quick]],
  ["--worst of a part", ["--worst", "3", "--alphas", "2", "--trainable", "fc*", ...quick]],
  [
    "--recipe robust",
    ["--recipe", "robust", "--every", "1", "--sources", "30", "--judged", "20", ...quick],
  ],
];

describe.concurrent("--like", () => {
  it.each(commands)("repeats a run with %s, record and all", async (_, words) => {
    const cwd = newFolder();
    const first = await temper([...base, ...words, "--out", "FIRST"], { cwd });
    expect(first.stderr).not.toContain("error:");
    const again = await temper([...base, "--like", "FIRST", "--out", "AGAIN"], { cwd });
    expect(again.stderr).not.toContain("error:");
    for (const name of ["run.json", "corrected.onnx", "thetas.npz"]) {
      const [a, b] = ["FIRST", "AGAIN"].map((run) => readFileSync(join(cwd, run, name)));
      expect(a.equals(b), name).toBe(true);
    }
  });
});
