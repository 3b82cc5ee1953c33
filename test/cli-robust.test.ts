// The recipe robust on the command line: its options and their defaults, its documents, and what Ctrl-C leaves.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { openData } from "../src/data/open.ts";
import { writePoints } from "../src/data/points.ts";
import { openModel } from "../src/engine/model.ts";
import { stateDict } from "../src/engine/state-dict.ts";
import { openRun } from "../src/run/folder/open.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { noise } from "./helpers/small.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
const correct = [
  "correct",
  MODEL,
  "--data",
  "digits:train[0:200]",
  "--out",
  "RUN",
  "--threads",
  "1",
];
const robust = [...correct, "--recipe", "robust"];
const small = [
  ...["--eps", "0.1", "--steps", "3", "--iterations", "2", "--every", "1"],
  ...["--sources", "30", "--judged", "30", "--loss-sample", "50", "--groups", "5"],
];

describe.concurrent("a robust correction", () => {
  it("prints one document, its table on stderr; select chooses from the run again", async () => {
    const cwd = newFolder();
    const points = noise(2, 5);
    writeFileSync(join(cwd, "points.npz"), writePoints(points));
    const words = [...robust, ...small, "--points", "points.npz", "--augment", "crop-flip"];
    const { code, stdout, stderr } = await temper([...words, "--json"], { cwd });
    const { seconds, chosen, report, ...record } = JSON.parse(stdout);
    const { pool, ...whole } = JSON.parse(readFileSync(join(cwd, "RUN/run.json"), "utf8"));
    expect(record).toEqual(whole);
    expect(chosen).toEqual(pool[whole.choice]);
    expect(report).toBe("RUN/report.html");
    expect(readFileSync(join(cwd, report), "utf8")).toContain('"recipe":"robust"');
    expect(seconds).toBeGreaterThan(0);
    expect(whole.options).toMatchObject({ recipe: "robust", sources: 30, keep: "balanced" });
    expect(code).toBe(whole.after.violation < whole.before.violation ? 0 : 1);
    const [heading, ...rows] = stderr.trimEnd().split("\n");
    expect(heading.trim()).toMatch(/^iteration +attacked +wrong +hinge .* violation +right +loss$/);
    expect(rows.slice(0, 2).map((row) => row.trim().split(/ +/)[0])).toEqual(["1", "2"]);
    // Points are corrected as they are given; --augment is for the data.
    expect((await openData(join(cwd, "RUN/points.npz"))).pixels).toEqual(points.pixels);
    expect(whole.inputs.data.augment).toBe("crop-flip");

    // The same again finds the finished run, and says what it is in words.
    const again = await temper([...words, "--resume"], { cwd });
    expect(again.stdout).toMatch(/\nbefore .*\nafter .*\n/);
    expect(again.stdout).toContain('"temper select RUN --weight 0.2" chooses again');

    const select = await temper(["select", "RUN", "--weight", "1", "--out", "chosen.onnx"], {
      cwd,
    });
    expect(select.code, select.stderr).toBe(0);
    const run = await openRun(join(cwd, "RUN"));
    const written = new Uint8Array(readFileSync(join(cwd, "chosen.onnx")));
    expect(written).toEqual(run.bytes(run.select(1)));
    expect(select.stdout.match(/^>? +\d+:\d+ /gm)).toHaveLength(run.front.length);

    // The same choice for PyTorch: all of theta, by its names.
    const tensors = ["select", "RUN", "--weight", "1", "--out", "chosen.safetensors"];
    expect((await temper(tensors, { cwd })).code).toBe(0);
    const { bytes } = stateDict(await openModel(written));
    expect(new Uint8Array(readFileSync(join(cwd, "chosen.safetensors")))).toEqual(bytes);
    const useless = await temper(["select", "RUN", "--weight", "1", "--names", "n.json"], { cwd });
    expect(useless).toMatchObject({ code: 2, stderr: expect.stringContaining("--names is for") });
  });

  it("ends within two seconds of Ctrl-C, says how to go on, and leaves no process", async () => {
    const cwd = newFolder();
    const endless = [...robust, "--eps", "0.1", "--every", "1", "--sources", "100"];
    const ran = await temper(endless, { cwd, interrupt: "on output" });
    expect(ran).toMatchObject({ code: 1, stdout: "", files: ["RUN"] });
    expect(ran.stderr).toMatch(
      /\nerror: stopped on request; "RUN" keeps what is done\nthe same command with --resume continues it\n$/,
    );
    expect(ran.milliseconds).toBeLessThan(2000);
    expect(() => process.kill(-ran.group, 0)).toThrow("ESRCH");
  });

  it.each<[string, string[], RegExp]>([
    ["no radius", robust, /needs a radius; give --eps/],
    [
      "its option in another recipe",
      [...correct, "--worst", "2", "--eps", "1", "--keep", "clean"],
      /--keep does not belong to the recipe standard; give --recipe robust/,
    ],
  ])("refuses %s", async (_, args, said) => {
    const { code, stdout, stderr, files } = await temper(args);
    expect(stderr).toMatch(said);
    expect({ code, stdout, files }).toEqual({ code: 2, stdout: "", files: [] });
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
  });
});
