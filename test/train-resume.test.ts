// A training that is stopped or killed and taken up again ends with the bytes of an uninterrupted one.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { stateFile } from "../src/train/checkpoint.ts";
import type { Architecture } from "../src/train/networks.ts";
import { type TrainOptions, train } from "../src/train/train.ts";
import { noise } from "./helpers/small.ts";

const newOut = (): string => join(mkdtempSync(join(tmpdir(), "temper-")), "model.onnx");
const filesBeside = (out: string): string[] => readdirSync(dirname(out)).toSorted();

const digits = slice(await openData("digits:train"), 0, 60);
const small: TrainOptions = { data: digits, epochs: 4, batch: 25, learningRate: 3e-3 };

/** Trains until epoch k is done. */
async function stopAfter(
  k: number,
  architecture: Architecture,
  options: TrainOptions,
): Promise<void> {
  const controller = new AbortController();
  const stopped = train(architecture, {
    ...options,
    signal: controller.signal,
    onEpoch: ({ epoch }) => {
      if (epoch === k) controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: "aborted" });
}

describe("a training taken up again", () => {
  it.each<[Architecture, TrainOptions]>([
    ["cnnlight", small],
    ["resnet8", { data: noise(5, 1, [3, 32, 32]), epochs: 4, batch: 4 }],
  ])("ends as the uninterrupted one, stopped twice: %s", async (architecture, options) => {
    const whole = await train(architecture, options);
    const out = newOut();
    await stopAfter(1, architecture, { ...options, out });
    await stopAfter(3, architecture, { ...options, out, resume: true });
    expect(filesBeside(out)).toEqual(["model.onnx.state"]);
    const resumed = await train(architecture, { ...options, out, resume: true });
    expect(resumed.epochs).toEqual(whole.epochs);
    expect(Buffer.compare(resumed.bytes, whole.bytes)).toBe(0);
    expect(filesBeside(out)).toEqual(["model.onnx"]);
    expect(Buffer.compare(readFileSync(out), whole.bytes)).toBe(0);
  });

  it("that was killed before it removed its state is finished at once, and what a kill left goes", async () => {
    const out = newOut();
    const copy = `${out}.copy`;
    const keep = (): void => copyFileSync(stateFile(out), copy);
    const { bytes } = await train("cnnlight", { ...small, out, onEpoch: keep });
    copyFileSync(copy, stateFile(out));
    writeFileSync(`${stateFile(out)}.0123456789ab.tmp`, "half");
    writeFileSync(out, "half");
    let epochs = 0;
    const onEpoch = (): void => {
      epochs++;
    };
    await train("cnnlight", { ...small, out, resume: true, onEpoch });
    expect(epochs).toBe(0);
    expect(Buffer.compare(readFileSync(out), bytes)).toBe(0);
    expect(filesBeside(out)).toEqual(["model.onnx", basename(copy)]);
  });
});

describe("an unfinished training", () => {
  it("is not started again without force, nor continued with other options or from a damaged file", async () => {
    const out = newOut();
    const options = { ...small, out };
    await stopAfter(1, "cnnlight", options);
    await expect(train("cnnlight", options)).rejects.toMatchObject({ code: "file-exists" });
    const resume = { ...options, resume: true };
    const refused = (text: string) =>
      expect.objectContaining({
        code: "run-unreadable",
        message: expect.stringContaining(text) as string,
      }) as Error;
    const longer = train("cnnlight", { ...resume, epochs: 5 });
    await expect(longer).rejects.toThrow(refused("with epochs 4, now 5"));
    const other = train("cnn", { ...resume, data: slice(digits, 0, 50) });
    await expect(other).rejects.toThrow(refused("architecture cnnlight, now cnn; data"));
    writeFileSync(stateFile(out), readFileSync(stateFile(out)).subarray(0, 5000));
    await expect(train("cnnlight", resume)).rejects.toThrow(refused("damaged"));
    const { bytes } = await train("cnnlight", { ...options, force: true });
    expect(Buffer.compare(bytes, (await train("cnnlight", small)).bytes)).toBe(0);
    expect(filesBeside(out)).toEqual(["model.onnx"]);
  });
});
