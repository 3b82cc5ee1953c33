// Wrong use of the built command: said on stderr in at most three lines, exit code 2, nothing written.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writePoints } from "../src/data/points.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { denseNetwork } from "./helpers/dense.ts";
import { noise } from "./helpers/small.ts";
import { trainedBytes } from "./helpers/trained.ts";

const folder = newFolder();
const write = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

const bytes = await trainedBytes();
const model = write("model.onnx", bytes);
const truncated = write("truncated.onnx", bytes.subarray(0, 90_000));
const text = write("text.onnx", "layers:\n  - conv\n");
const empty = write("empty.onnx", "");
const tan = write("tan.onnx", denseNetwork({ last: "Tan" }));
const misfit = write("misfit.onnx", denseNetwork({ inputs: 783 }));
const few = noise(4);
const small = write("small.npz", writePoints(noise(4, 1, [1, 8, 8])));
const label12 = write("label12.npz", writePoints({ ...few, labels: Int32Array.of(1, 12, 3, 4) }));
const holed = few.pixels.slice() as Float32Array;
holed[784 + 5] = Number.NaN;
const nan = write("nan.npz", writePoints({ ...few, pixels: holed }));

const data = ["--data", "digits:test[0:40]"];
const attack = ["attack", model, ...data, "--out", "points.npz"];

describe.concurrent("wrong use", () => {
  it.each<[string, string[], RegExp]>([
    [
      "a truncated model",
      ["evaluate", truncated, ...data],
      /truncated.onnx.*90000 bytes, cut short/,
    ],
    ["a text as a model", ["inspect", text], /text.onnx: not an ONNX model/],
    ["an empty model", ["inspect", empty], /empty.onnx: not an ONNX model: this is an empty file/],
    ["the second model of two", ["evaluate", model, text, ...data], /text.onnx: /],
    ["a folder as a model", ["inspect", folder], /cannot read the model/],
    [
      "an operator without a rule",
      ["attack", tan, ...attack.slice(2), "--eps", "0.1"],
      /no gradient rule for Tan/,
    ],
    [
      "a graph onnxruntime refuses",
      ["inspect", misfit],
      /misfit.onnx: the shapes at Gemm do not fit/,
    ],
    [
      "data of another shape",
      ["evaluate", model, "--data", small],
      /\[1,8,8\], but the model takes \[1,28,28\]/,
    ],
    ["a label out of range", ["evaluate", model, "--data", label12], /label of image 1 is 12/],
    [
      "a pixel that is no number",
      ["evaluate", model, "--data", nan],
      /image 1 holds NaN at pixel 5/,
    ],
    [
      "a slice out of range",
      ["evaluate", model, "--data", "digits:test[0:2001]"],
      /does not fit 2000 images/,
    ],
    [
      "the units of a model without a std",
      [...attack, "--eps", "0.1", "--eps-space", "model"],
      /without a std/,
    ],
    ["no folder of data", ["evaluate", model, "--data", "mnist:test"], /TEMPER_DATA or --data-dir/],
    [
      "no folder for --out",
      [...attack.slice(0, -1), "no/points.npz", "--eps", "0.1"],
      /no folder "no"/,
    ],
    ["a folder as --out", [...attack.slice(0, -1), folder, "--eps", "0.1"], /it is a folder/],
    [
      "points over a model",
      [...attack.slice(0, -1), model, "--eps", "0.1"],
      /expected a name that ends in .npz/,
    ],
    [
      "--resume with --force",
      ["correct", model, ...data, "--points", "p.npz", "--out", "RUN", "--resume", "--force"],
      /give one of them/,
    ],
    [
      "no source of points",
      ["correct", model, ...data, "--out", "RUN"],
      /give one of --points DATA, --worst N, --random N/,
    ],
    ["no --eps", attack, /required option '--eps <radius>' not specified/],
    [
      "--attack without --eps",
      ["evaluate", model, ...data, "--attack", "pgd"],
      /--attack needs --eps/,
    ],
    [
      "--out of two radii",
      [
        "evaluate",
        model,
        ...data,
        "--attack",
        "pgd",
        "--eps",
        "0.1",
        "--eps",
        "0.2",
        "--out",
        "x.npz",
      ],
      /--out is for one model at one radius; given 1 models and 2 --eps/,
    ],
    [
      "images over a model",
      ["evaluate", model, ...data, "--attack", "pgd", "--eps", "0.1", "--out", model],
      /expected a name that ends in .npz/,
    ],
    [
      "a negative radius",
      [...attack, "--eps", "-0.1"],
      /'-0.1' is invalid. Expected a number, 0 or more/,
    ],
    [
      "an unknown option",
      [...attack, "--eps", "1", "--step", "1"],
      /unknown option '--step'\n\(Did you mean --steps\?\)/,
    ],
    [
      "an unknown command",
      ["evalute", model],
      /unknown command 'evalute'\n\(Did you mean evaluate\?\)/,
    ],
    [
      "an unknown network",
      ["train", "resnet9", ...data, "--out", "x"],
      /unknown architecture "resnet9"/,
    ],
  ])("%s", async (_, args, said) => {
    const { code, stdout, stderr, files } = await temper(args);
    expect(stderr).toMatch(said);
    expect({ code, stdout, files }).toEqual({ code: 2, stdout: "", files: [] });
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
    expect(stderr).toMatch(/^error: /);
    expect(stderr.match(/error: /g)).toHaveLength(1);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stderr).not.toContain("\u001b");
  });
});

it.concurrent("what onnxruntime said comes behind the refusal with --verbose alone, wherever it stands", async () => {
  const raw = /\nbehind it: .*(ShapeInference|onnxruntime)/;
  const quiet = await temper(["inspect", misfit]);
  expect(quiet.stderr).not.toMatch(/behind it|ShapeInference/);
  for (const args of [
    ["inspect", misfit, "--verbose"],
    ["--verbose", "inspect", misfit],
  ]) {
    const { code, stderr } = await temper(args);
    expect(code).toBe(2);
    expect(stderr.startsWith(quiet.stderr)).toBe(true);
    expect(stderr).toMatch(raw);
  }
});
