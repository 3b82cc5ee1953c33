// A training that is killed at any moment and taken up again ends with the bytes of an uninterrupted one.
import { mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { stateFile } from "../../src/train/checkpoint.ts";
import { temper } from "../helpers/command.ts";

const newOut = (): string => join(mkdtempSync(join(tmpdir(), "temper-")), "model.onnx");

it("train is taken up by the command, after kill -9 at moments that nobody chose", async () => {
  const words = ["train", "cnnlight", "--data", "digits:train[0:600]", "--epochs", "6"];
  const [reference, out] = [newOut(), newOut()];
  expect((await temper([...words, "--out", reference])).code).toBe(0);
  const written = (): number => statSync(stateFile(out), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  for (const wait of [20, 90]) {
    const before = written();
    const controller = new AbortController();
    const running = temper([...words, "--out", out, "--resume"], { kill: controller.signal });
    const watch = setInterval(() => {
      if (written() === before) return;
      clearInterval(watch);
      setTimeout(() => controller.abort(), wait);
    }, 5);
    await running;
    clearInterval(watch);
  }
  expect((await temper([...words, "--out", out, "--resume"])).code).toBe(0);
  expect(readdirSync(dirname(out))).toEqual(["model.onnx"]);
  expect(readFileSync(out).equals(readFileSync(reference))).toBe(true);
});
