// The built command: its help, what it prints where, what it writes, and how Ctrl-C ends it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { denseNetwork } from "./helpers/dense.ts";
import { trainedBytes } from "./helpers/trained.ts";

const folder = newFolder();
const [model, tan] = [join(folder, "model.onnx"), join(folder, "tan.onnx")];
writeFileSync(model, await trainedBytes());
writeFileSync(tan, denseNetwork({ last: "Tan" }));
const data = ["--data", "digits:test[0:40]"];
const attack = ["attack", model, ...data, "--out", "points.npz"];

describe.concurrent("help", () => {
  it("is on stderr, with exit code 2, where no command is given", async () => {
    const { code, stdout, stderr } = await temper([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: temper/);
  });

  it("is the same by the word help", async () => {
    const { code, stdout } = await temper(["help", "attack"]);
    expect(code).toBe(0);
    expect(stdout).toBe((await temper(["attack", "--help"])).stdout);
    expect((await temper(["help", "atack"])).code).toBe(2);
  });

  it("tells the version of the package", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(await temper(["--version"])).toMatchObject({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });

  const reading = "--classes --keys --resize --crop --preprocess --exif";
  const common = `--json --seed --device --threads --data-dir --config --augment ${reading}`;
  const ofModel = "--mean --std --output";
  const ofTraining = "--seed --device --data-dir --json --config";
  const ofPlan =
    "--certify-radius --loss-sample --memory --device --json --threads --data-dir --config";
  const ofQueue = "--queue --log";
  const ofEvaluate = `--verify ${ofQueue}`;
  const ofAttack =
    "--attack --norm --eps --eps-space --step-size --steps --restarts --clip --labels --no-random-start --protocol";
  it.each([
    [
      "attack",
      `--data --out --resume --force --worst --random --quantise ${common} ${ofQueue} ${ofModel} ${ofAttack}`,
    ],
    [
      "evaluate",
      `--data --limit --balanced --out --state --resume --force --wrong ${common} ${ofEvaluate} ${ofModel} ${ofAttack}`,
    ],
    [
      "plan",
      `--data --points --worst --random --iterations --alphas --rivals ${reading} ${ofModel} --trainable ${ofPlan}`,
    ],
    ["inspect", `--json --config --trainable ${ofModel}`],
    [
      "train",
      `--data --out --resume --force --epochs --batch --learning-rate --decay ${reading} ${ofTraining}`,
    ],
  ])("of %s lists its options with --help all, and only some without", async (command, options) => {
    const { code, stdout, stderr } = await temper([command, "--help", "all"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const listed = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option);
    expect(listed.toSorted()).toEqual([...options.split(" "), "--help"].toSorted());
    if (options.split(" ").length <= 8) return;
    const few = (await temper([command, "--help"])).stdout;
    const shown = [...few.matchAll(/^ {2}(--[\w-]+)/gm)].length;
    const rest = Number(/--help all shows (\d+) more options/.exec(few)![1]);
    expect(shown).toBeGreaterThan(1);
    expect(shown + rest).toBe(listed.length);
  });
});

describe.concurrent("evaluate", () => {
  const call = [
    "evaluate",
    model,
    ...data,
    "--attack",
    "fgsm",
    "--attack",
    "pgd",
    "--eps",
    "0.05",
    "--eps",
    "0.1",
  ];

  it("--json prints the one documented document", async () => {
    const { code, stdout, files } = await temper([...call, "--protocol", "cleverhans", "--json"]);
    expect({ code, files }).toEqual({ code: 0, files: [] });
    const share = expect.toSatisfy((x: unknown) => typeof x === "number" && x >= 0 && x <= 1);
    const shares = {
      accuracy: share,
      interval: [share, share],
      labels: Array(10).fill({ label: expect.any(Number), n: expect.any(Number), accuracy: share }),
    };
    const withstood = {
      ...shares,
      norm: "linf",
      epsSpace: "pixel",
      turned: share,
      decided: expect.any(Object),
    };
    const attacked = (name: string, eps: number): object => ({
      ...withstood,
      name,
      eps,
      epsSpace: "pixel",
      protocol: "cleverhans",
      statement: expect.stringContaining("pixels free to leave their range"),
      gradientSteps: expect.any(Number),
      queries: expect.any(Number),
      warnings: [expect.any(String), expect.any(String)],
    });
    const worst = { ...withstood, clip: null };
    expect(JSON.parse(stdout)).toEqual({
      data: { name: "digits:test[0:40]", n: 40, note: null, augment: null },
      models: [
        {
          path: model,
          parameters: 41_008,
          clean: { n: 40, loss: expect.any(Number), ...shares, warnings: [] },
          attacks: [0.05, 0.1].flatMap((eps) => [attacked("fgsm", eps), attacked("pgd", eps)]),
          worst: [
            { ...worst, eps: 0.05, over: [0, 1] },
            { ...worst, eps: 0.1, over: [0, 1, 2, 3] },
          ],
        },
      ],
      out: null,
    });
  });

  it("lets pixels leave their range where --clip is none", async () => {
    const words = ["evaluate", model, "--data", "digits:test[0:20]", "--attack", "fgsm"];
    const { code, stderr } = await temper([...words, "--eps", "0.1", "--clip", "none"]);
    expect({ code, raised: stderr.includes("[unclipped]") }).toEqual({ code: 0, raised: true });
  });

  it("prints its table on stdout and the warnings on stderr, without escape codes", async () => {
    const { code, stdout, stderr } = await temper([...call, "--protocol", "cleverhans"]);
    expect(code).toBe(0);
    const [title, headings, ...rows] = stdout.trimEnd().split("\n");
    expect(title).toBe("digits:test[0:40], 40 images");
    expect(headings.split(/ {2,}/)).toEqual([
      "model",
      "attack",
      "eps",
      "accuracy",
      "95 % interval",
      "turned",
      "lowest label",
      "loss",
    ]);
    const named = ["fgsm", "pgd"];
    const worst = ["worst of all", "worst of all"];
    expect(rows.slice(0, 7).map((row) => row.split(/ {2,}/)[1])).toEqual([
      "none",
      ...named,
      ...named,
      ...worst,
    ]);
    expect(rows[1].split(/ {2,}/)[4]).toMatch(/^\d+\.\d\d-\d+\.\d\d%$/);
    expect(rows.slice(7).map((line) => line.split(": ")[0])).toEqual([...named, ...named]);
    expect(rows[7]).toMatch(/; gradients an image 1, queries \d+$/);
    expect(stderr).toMatch(/^note \(fgsm, pgd\): labels predicted/);
    expect(stdout + stderr).not.toContain("\u001b");
  });

  it("--limit takes a sample and says so, --out writes its images, whole", async () => {
    const args = ["evaluate", model, "--data", "digits:test", "--attack", "pgd", "--eps", "0.1"];
    const small = ["--steps", "5", "--limit", "30", "--seed", "4", "--out", "images.npz"];
    const cwd = newFolder();
    const { code, stdout, files } = await temper([...args, ...small], { cwd });
    expect({ code, files }).toEqual({ code: 0, files: ["images.npz"] });
    const note = "a sample of 30 of 2000 images, by the labels' shares (seed 4)";
    expect(stdout.split("\n")[0]).toBe(`digits:test, 30 images: ${note}`);
    expect(stdout).toMatch(/\n30 attacked images written to images.npz\n$/);
    const path = join(cwd, "images.npz");
    const images = await openData(path);
    expect(images).toMatchObject({ count: 30, shape: [1, 28, 28] });
    const { labels } = await openData("digits:test");
    expect(images.labels).toEqual(images.source!.map((id) => labels[id]));
    // The same again, as one document.
    const json = await temper([...args, ...small, "--json"], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({ data: { n: 30, note }, out: "images.npz" });
    expect(await openData(path)).toEqual(images);
  });

  it("ends quietly where nobody reads on", async () => {
    const { code, stderr } = await temper(call, { deaf: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("ends within two seconds of Ctrl-C, with exit code 1 and no process left", async () => {
    const args = ["evaluate", model, "--data", "digits:train", "--attack", "pgd", "--eps", "0.1"];
    const ran = await temper([...args, "--steps", "5000", "--threads", "2"], {
      interrupt: "with workers",
    });
    expect(ran).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "error: stopped on request\n",
      files: [],
    });
    expect(ran.milliseconds).toBeLessThan(2000);
    expect(() => process.kill(-ran.group, 0)).toThrow("ESRCH");
  });
});

describe.concurrent("the other commands", () => {
  it("inspect --json tells theta and the operators apart", async () => {
    const { code, stdout, stderr } = await temper(["inspect", tan, "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ path: tan, inputShape: [1, 28, 28], labels: 10 });
    expect(document.parameterCount).toBe(7840);
    expect(document.parameters).toEqual([
      { name: "w", shape: [784, 10], offset: 0, size: 7840, kind: "weight" },
    ]);
    expect(document.operators).toEqual([
      { name: "Flatten", nodes: 1, gradient: "yes" },
      { name: "Gemm", nodes: 1, gradient: "yes" },
      { name: "Tan", nodes: 1, gradient: "no" },
    ]);
  });

  it("attack writes points that can be read, are broken, and say where they come from", async () => {
    const cwd = newFolder();
    const args = [...attack, "--eps", "0.1", "--worst", "5"];
    const { code, stdout, stderr, files } = await temper(args, { cwd });
    expect({ code, files }).toEqual({ code: 0, files: ["points.npz"] });
    expect(stdout).toMatch(
      /^40 images attacked, \d+ of them right when clean, \d+ of these turned\n/,
    );
    expect(stdout).toMatch(/\n5 points written to points.npz\n$/);
    expect(stderr).toBe("note: 5 is not a multiple of 10 labels: 5 more from any label\n");
    const path = join(cwd, "points.npz");
    const points = await openData(path);
    expect(points).toMatchObject({ count: 5, shape: [1, 28, 28] });
    const { labels } = await openData("digits:test");
    expect(points.labels).toEqual(points.source!.map((id) => labels[id]));
    const opened = await openModel(model);
    const logits = await opened.logits(points.pixels as Float32Array, 5);
    await opened.close();
    for (const [i, label] of points.labels.entries()) {
      const row = logits.subarray(10 * i, 10 * i + 10);
      expect(Math.max(...row)).toBeGreaterThan(row[label]);
    }
    // The same again, as one document.
    const json = await temper([...args, "--json"], { cwd });
    expect(JSON.parse(json.stdout)).toMatchObject({
      out: "points.npz",
      points: 5,
      attacked: 40,
      notes: [expect.any(String)],
      options: { attack: "pgd", eps: 0.1, steps: 40, clip: [0, 1] },
    });
    expect(await openData(path)).toEqual(points);
  });

  it("attack writes nothing where nothing breaks, and says so", async () => {
    const { code, stdout, files } = await temper([...attack, "--eps", "0"]);
    expect({ code, files }).toEqual({ code: 0, files: [] });
    expect(stdout).toMatch(/\nno points: nothing written\n$/);
  });

  it("train writes a network, the epochs on stderr and the result on stdout", async () => {
    const args = ["train", "cnnlight", "--data", "digits:train[0:100]", "--epochs", "2"];
    const { code, stdout, stderr, files } = await temper([...args, "--out", "net.onnx"]);
    expect({ code, files }).toEqual({ code: 0, files: ["net.onnx"] });
    expect(stdout).toBe(
      "cnnlight trained on digits:train[0:100] (100 images), written to net.onnx\n",
    );
    expect(stderr).toMatch(/^epoch 1: loss \d\.\d{4}\nepoch 2: loss \d\.\d{4}\n$/);
  });

  it("train ends on Ctrl-C and keeps the epochs that are done", async () => {
    const args = [
      "train",
      "cnn",
      "--data",
      "digits:train[0:200]",
      "--epochs",
      "9999",
      "--out",
      "net.onnx",
    ];
    const ran = await temper(args, { interrupt: "on output" });
    expect(ran).toMatchObject({ code: 1, stdout: "", files: ["net.onnx.state"] });
    expect(ran.stderr).toMatch(
      /^epoch 1: loss .*\n(epoch .*\n)*error: stopped on request; .*\nthe same command with --resume continues it\n$/,
    );
    expect(ran.milliseconds).toBeLessThan(2000);
  });
});
