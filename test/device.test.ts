// --device: it reaches every session that runs a network, in every process, and says in one line what is missing.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { checkDevice, type Device, devices, missingDevice } from "../src/engine/device.ts";
import { openModel } from "../src/engine/model.ts";
import { newFolder, type Ran, temper } from "./helpers/command.ts";
import { isLong } from "./helpers/long.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
const DATA = ["--data", "digits:train[0:60]"];

interface Opened {
  readonly pid: number;
  readonly on: readonly string[];
  /** "all": a network's passes; "disabled": the measuring of shapes; "as it is": the user's own file. */
  readonly kind: "all" | "disabled" | "as it is";
}

/** Runs a command with a device that only notes what is asked of it; the sessions of all its processes. */
async function withFakeDevice(
  cwd: string,
  args: readonly string[],
): Promise<Ran & { opened: Opened[] }> {
  const log = join(newFolder(), "sessions");
  const fake = pathToFileURL(resolve("test/helpers/fake-device.mjs")).href;
  const env = { NODE_OPTIONS: `--import ${fake}`, FAKE_DEVICE_LOG: log };
  const ran = await temper(args, { cwd, env });
  const opened = readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Opened);
  return { ...ran, opened };
}

const pidsOf = (opened: readonly Opened[], on: string): number =>
  new Set(opened.filter((one) => one.on[0] === on).map(({ pid }) => pid)).size;

// The published builds for Windows, macOS and Linux x64 list webgpu.
const listed = !(process.platform === "linux" && process.arch !== "x64");

describe.runIf(listed).concurrent("a device", () => {
  it("runs every pass of a correction, in this process and in two others; the record says so", async () => {
    const cwd = newFolder();
    const data = "digits:train[0:1100]"; // two shards, one for each process
    const words = [
      "correct",
      MODEL,
      "--data",
      data,
      "--worst",
      "2",
      "--eps",
      "0.1",
      "--steps",
      "2",
    ];
    const small = ["--iterations", "2", "--alphas", "2", "--no-report", "--threads", "2"];
    const { code, opened } = await withFakeDevice(cwd, [
      ...[...words, ...small, "--out", "RUN"],
      ...["--validate", "digits:test[0:30]", "--device", "webgpu"],
    ]);
    expect(code).toBe(0);
    const passes = opened.filter(({ kind }) => kind === "all");
    expect(new Set(passes.map(({ on }) => on[0]))).toEqual(new Set(["webgpu"]));
    expect(pidsOf(passes, "webgpu")).toBe(3);
    // What stays on the processor: shapes, and the saved file by itself.
    const rest = opened.filter(({ on }) => on[0] === "cpu");
    expect(new Set(rest.map(({ kind }) => kind))).toEqual(new Set(["disabled", "as it is"]));
    const record = JSON.parse(readFileSync(join(cwd, "RUN/run.json"), "utf8"));
    expect(record.network).toEqual({ device: "webgpu" });
    expect(record.asked.points).toBe(2);

    const again = await temper(["select", "RUN", "--weight", "1"], { cwd });
    expect(again.code).toBe(0); // a machine without the device reads the run too
  });

  const others: readonly (readonly [string, readonly string[]])[] = [
    ["evaluate", ["evaluate", MODEL, ...DATA, "--attack", "fgsm", "--eps", "0.1"]],
    ["train", ["train", "cnnlight", ...DATA, "--epochs", "1", "--out", "m.onnx"]],
    [
      "a robust correction",
      [
        ...["correct", MODEL, ...DATA, "--recipe", "robust", "--eps", "0.1", "--steps", "2"],
        ...["--iterations", "1", "--every", "1", "--sources", "30", "--judged", "30"],
        ...["--loss-sample", "50", "--groups", "3", "--no-report", "--out", "RUN"],
      ],
    ],
  ];
  it.each(isLong ? others : others.slice(0, 1))(
    "runs every pass of %s, in one process beside this one at most",
    async (_, words) => {
      const { code, opened } = await withFakeDevice(newFolder(), [...words, "--device", "webgpu"]);
      expect(code).toBe(0);
      const passes = opened.filter(({ kind }) => kind === "all");
      expect(pidsOf(passes, "webgpu")).toBeGreaterThan(0);
      expect(pidsOf(passes, "webgpu")).toBeLessThanOrEqual(2);
      // Gram entries in float64 stay on the processor; no pass of a network does.
      const onCpu = passes.filter(({ on }) => on[0] === "cpu").length;
      expect(onCpu).toBe(words.includes("robust") ? 1 : 0);
    },
  );
});

describe("without a device", () => {
  it("is on the processor, by the word too, and nothing is recorded", async () => {
    const cwd = newFolder();
    const { opened } = await withFakeDevice(cwd, ["evaluate", MODEL, ...DATA, "--device", "cpu"]);
    expect(new Set(opened.map(({ on }) => on[0]))).toEqual(new Set(["cpu"]));
  });
});

describe("what is missing is said in one line", () => {
  const machine = { listed: ["cpu", "webgpu", "cuda"], script: undefined, cause: new Error("no") };

  it.each<[Exclude<Device, "cpu">, Partial<typeof machine> | { script: string }, RegExp]>([
    ["cuda", { script: "/m/install.js" }, /node \/m\/install.js --onnxruntime-node-install=cuda12/],
    ["cuda", {}, /no NVIDIA GPU .* CUDA 12 and cuDNN 9/],
    ["cuda", { listed: ["cpu", "coreml"] }, /on Linux x64; .* knows cpu, coreml$/],
    ["webgpu", {}, /no GPU that onnxruntime can use/],
    ["dml", {}, /onnxruntime-node has it on Windows; .* knows cpu, cuda, webgpu$/],
    ["dml", { listed: ["cpu", "dml"] }, /DirectX 12/],
    ["coreml", {}, /onnxruntime-node has it on macOS/],
  ])("%s %o", (device, seen, words) => {
    const { code, message } = missingDevice({ device, ...machine, ...seen });
    expect(code).toBe("bad-option");
    expect(message).toMatch(words);
    expect(message).toMatch(new RegExp(`^device ${device}: .+$`));
  });

  it.runIf(process.platform === "linux")("by the command, before anything is done", async () => {
    for (const words of [
      ["evaluate", "there-is-no-such.onnx", ...DATA],
      ["train", "cnnlight", ...DATA, "--out", "m.onnx"],
    ]) {
      const { code, stdout, stderr, files } = await temper([...words, "--device", "dml"]);
      expect([code, stdout, files]).toEqual([2, "", []]);
      expect(stderr).toMatch(/^error: device dml: .* on Windows; .*\n$/);
    }
  });

  it("an unknown word is refused with the list", async () => {
    const { code, stderr } = await temper(["evaluate", MODEL, ...DATA, "--device", "gpu"]);
    expect(code).toBe(2);
    for (const device of devices) expect(stderr).toContain(device);
    expect(() => checkDevice("gpu" as Device)).toThrow(/device gpu: expected cpu or cuda/);
    await expect(openModel(MODEL, { device: "gpu" as Device })).rejects.toThrow(/expected cpu/);
  });
});
