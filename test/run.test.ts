// A whole correction: what the record claims is true of the files, and the same for any number of processes.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { attack, correct, type Model, openModel, openRun, type Run } from "../src/index.ts";
import { dominates } from "./helpers/dominance.ts";
import { isLong } from "./helpers/long.ts";

const MARGIN = 0.1;
const shipped = readFileSync("models/digits-cnnlight.onnx");

let model: Model;
let data: Dataset;
let points: Dataset;
let run: Run;
const call = { iterations: 3, alphas: 4 } as const;

const scratch = (): string => mkdtempSync(join(tmpdir(), "temper-"));

beforeAll(async () => {
  model = await openModel(shipped);
  data = await openData("digits:train[0:1500]");
  points = (
    await attack(model, { data: slice(data, 0, 300), eps: 0.1, worst: 6, steps: 10, threads: 0 })
  ).points;
  run = await correct(model, { data, points, ...call, threads: 0 });
});
afterAll(() => model.close());

/** (10) with the margin, written out again, and the number of points that are right. */
async function measure(
  file: Uint8Array,
): Promise<{ violation: number; loss: number; corrected: number }> {
  const opened = await openModel(file);
  const logits = await opened.logits(imagesOf(points), points.count);
  const { labels } = opened;
  let violation = 0;
  let corrected = 0;
  for (const [i, y] of points.labels.entries()) {
    const row = logits.subarray(i * labels, (i + 1) * labels);
    const rivals = [...row].filter((_, l) => l !== y);
    for (const f of rivals) violation += Math.max(0, f - row[y] + MARGIN);
    if (rivals.every((f) => f < row[y])) corrected++;
  }
  const loss = await opened.loss(imagesOf(data), data.labels);
  await opened.close();
  return { violation, loss, corrected };
}

describe("a correction", () => {
  it("lowers the violation of points that were all wrong", () => {
    expect(run.before).toMatchObject({ corrected: 0, points: 6 });
    expect(run.after.violation).toBeLessThan(0.05 * run.before.violation);
    expect(run.record.end).toBe("iterations");
    expect(run.pool).toHaveLength(1 + call.iterations * call.alphas);
  });

  it("claims of its file what the file does", async () => {
    const measured = await measure(run.bytes(run.choice));
    expect(run.after.violation).toBeCloseTo(measured.violation, 4);
    expect(run.after.corrected).toBe(measured.corrected);
    expect(Math.abs(run.after.loss / measured.loss - 1)).toBeLessThan(1e-6);
    expect(run.record.wrong).toHaveLength(points.count - measured.corrected);
    // The pool's numbers come from other graphs (the full step's from the gradient graph).
    expect(Math.abs(run.after.loss / run.choice.loss! - 1)).toBeLessThan(1e-6);
    expect(run.after.violation).toBeCloseTo(run.choice.violation!, 4);
  });

  it("can rebuild every candidate", async () => {
    for (const candidate of [run.pool[2], run.pool[7], run.pool.at(-1)!]) {
      const measured = await measure(run.bytes(candidate));
      expect(measured.violation).toBeCloseTo(candidate.violation!, 3);
      expect(measured.corrected).toBe(candidate.corrected);
      const { loss, lossAtLeast } = candidate;
      if (loss === null) expect(measured.loss).toBeGreaterThan(lossAtLeast! * (1 - 1e-6));
      else expect(Math.abs(measured.loss / loss - 1)).toBeLessThan(1e-6);
    }
  });

  it("stops evaluations that cannot matter: the front and the choice are those of the full pool", async () => {
    const full = await correct(model, { data, points, ...call, fullPool: true, threads: 0 });
    expect(run.pool.some(({ lossAtLeast }) => lossAtLeast !== undefined)).toBe(true);
    expect(full.pool.every(({ loss }) => loss !== null)).toBe(true);
    expect(full.front).toEqual(run.front);
    expect(full.choice).toEqual(run.choice);
    expect(full.bytes(full.choice)).toEqual(run.bytes(run.choice));
  });

  it("has a front that no candidate dominates, and chooses from it", () => {
    for (const member of run.front) {
      expect(run.pool.some((other) => dominates(other, member))).toBe(false);
    }
    expect(run.front).toContain(run.choice);
    expect(run.select(run.record.options.weight)).toBe(run.choice);
    expect(run.select(1).loss).toBe(Math.min(...run.front.map(({ loss }) => loss!)));
  });

  it("changes bytes of weights only: the rest of the file stays", async () => {
    const bytes = run.bytes(run.choice);
    expect(bytes.length).toBe(shipped.length);
    const changed = [...bytes.keys()].filter((i) => bytes[i] !== shipped[i]).length;
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThanOrEqual(4 * model.parameterCount);
    const opened = await openModel(bytes);
    expect((await opened.withParameters(model.theta())).bytes()).toEqual(Uint8Array.from(shipped));
    await opened.close();
  });
});

describe("the same seed", () => {
  it("gives the same record and model in this process and in others", async () => {
    for (const threads of isLong ? [1, 2] : [2]) {
      const again = await correct(model, { data, points, ...call, threads });
      expect(JSON.stringify(again.record)).toBe(JSON.stringify(run.record));
      expect(again.bytes(again.choice)).toEqual(run.bytes(run.choice));
    }
  });
});

describe("a RUN folder", () => {
  it("is read back as it was", async () => {
    const folder = join(scratch(), "run");
    await run.save(folder);
    // The page is the command line's to add.
    const files = run.record.files.filter((name) => name !== "report.html");
    expect(readdirSync(folder).toSorted()).toEqual(files.toSorted());
    const opened = await openRun(folder);
    expect(opened.record).toEqual(run.record);
    expect(opened.bytes(opened.select(0.5))).toEqual(run.bytes(run.select(0.5)));
    expect(new Uint8Array(readFileSync(join(folder, "corrected.onnx")))).toEqual(
      run.bytes(run.choice),
    );
    const saved = await openData(join(folder, "points.npz"));
    expect(imagesOf(saved)).toEqual(imagesOf(points));
    expect(saved.source).toEqual(points.source);
  });

  it("is not overwritten, and with force only the files of a run are", async () => {
    const folder = scratch();
    await run.save(folder);
    writeFileSync(join(folder, "notes.txt"), "mine");
    await expect(run.save(folder)).rejects.toMatchObject({ code: "file-exists" });
    await run.save(folder, { force: true });
    expect(readFileSync(join(folder, "notes.txt"), "utf8")).toBe("mine");
    const other = scratch();
    writeFileSync(join(other, "notes.txt"), "mine");
    await expect(run.save(other, { force: true })).rejects.toMatchObject({ code: "file-exists" });
  });

  it("that was changed is refused", async () => {
    const folder = scratch();
    await run.save(folder);
    const path = join(folder, "thetas.npz");
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(path, bytes);
    await expect(openRun(folder)).rejects.toMatchObject({ code: "run-unreadable" });
  });

  it.each([null, 5, [], { format: 1, end: "iterations" }, { format: 1, end: "x", pool: [] }])(
    "whose run.json is %j is refused",
    async (record) => {
      const folder = scratch();
      await run.save(folder);
      writeFileSync(join(folder, "run.json"), JSON.stringify(record));
      await expect(openRun(folder)).rejects.toMatchObject({ code: "run-unreadable" });
    },
  );
});

describe("another loss", () => {
  it("is what the run holds: brier, the squared distance of the softmax from the label", async () => {
    const found = await correct(model, { data, points, loss: "brier", ...call, threads: 0 });
    const opened = await openModel(found.bytes(found.choice));
    const logits = await opened.logits(imagesOf(data), data.count);
    await opened.close();
    let sum = 0;
    for (const [i, y] of data.labels.entries()) {
      const row = logits.slice(10 * i, 10 * i + 10);
      const total = row.reduce((t, f) => t + Math.exp(f - row[y]), 0);
      for (const [l, f] of row.entries()) {
        sum += (Math.exp(f - row[y]) / total - (l === y ? 1 : 0)) ** 2;
      }
    }
    expect(Math.abs(found.after.loss / (sum / data.count) - 1)).toBeLessThan(1e-5);
    expect(found.after.violation).toBeLessThan(0.05 * found.before.violation);
  });
});

describe("held-out data", () => {
  it("give the accuracy and the negative flips of every candidate of the front", async () => {
    const validation = await openData("digits:test[0:400]");
    const { record, front, bytes } = await correct(model, {
      data,
      points,
      validation,
      ...call,
      threads: 0,
    });
    const rightOf = async (file: Uint8Array): Promise<boolean[]> => {
      const opened = await openModel(file);
      const logits = await opened.logits(imagesOf(validation), validation.count);
      await opened.close();
      return [...validation.labels].map((y, i) => {
        const row = [...logits.subarray(10 * i, 10 * i + 10)];
        return row.every((f, l) => l === y || f < row[y]);
      });
    };
    const before = await rightOf(shipped);
    const share = (flags: boolean[]): number => flags.filter(Boolean).length / 400;
    expect(record.validation).toMatchObject({ count: 400, before: share(before) });
    expect(record.validation?.front).toHaveLength(front.length);
    for (const [c, candidate] of front.entries()) {
      const right = await rightOf(bytes(candidate));
      const negativeFlips = before.filter((was, i) => was && !right[i]).length;
      const { iteration, step } = candidate;
      const expected = { iteration, step, accuracy: share(right), negativeFlips };
      expect(record.validation?.front[c]).toEqual(expected);
    }
  });
});

describe("the last layer alone", () => {
  it("makes the logits linear in theta: one cut each is exact, and the first step meets all of them", async () => {
    const last = await openModel(shipped, { trainable: "last" });
    expect(last.parameters.map(({ name }) => name)).toEqual(["output.weight", "output.bias"]);
    const found = await correct(last, {
      data,
      points: slice(points, 0, 2),
      ...call,
      lossSlack: 10,
      threads: 0,
    });
    // theta_1 meets every cut up to the rounding of float32, and no later cut says anything new.
    const first = found.pool.find(({ iteration, alpha }) => iteration === 1 && alpha === 1)!;
    expect(first.violation).toBeLessThan(1e-4);
    const later = found.pool.filter(({ iteration, alpha }) => iteration > 1 && alpha === 1);
    for (const { distance } of later)
      expect(Math.abs(distance / first.distance - 1)).toBeLessThan(1e-5);
    // Only the last layer's bytes changed.
    const moved = await openModel(found.bytes(found.choice));
    const theta = moved.theta();
    const p = last.parameterCount;
    expect(theta.subarray(0, theta.length - p)).toEqual(
      model.theta().subarray(0, theta.length - p),
    );
    await moved.close();
    await last.close();
  });
});

describe("special points", () => {
  it("that are right already leave the model as it is", async () => {
    const logits = await model.logits(imagesOf(data, 0, 50), 50);
    const right = [...Array(50).keys()].find((i) => {
      const row = [...logits.subarray(i * 10, i * 10 + 10)];
      const own = row.splice(data.labels[i], 1)[0];
      return own > Math.max(...row) + MARGIN;
    })!;
    const done = await correct(model, { data, points: slice(data, right, right + 1), threads: 0 });
    expect(done.record.end).toBe("corrected-already");
    expect(done.bytes(done.choice)).toEqual(Uint8Array.from(shipped));
    expect(done.after).toMatchObject({ violation: 0, corrected: 1 });
  });

  it("that contradict each other are named, and the run goes on without them", async () => {
    // One image with two labels: no network can serve both.
    const size = points.pixels.length / points.count;
    const pixels = Float32Array.from([
      ...imagesOf(points, 0, 1),
      ...imagesOf(points, 0, 1),
      ...imagesOf(points, 1, 2),
    ]);
    const [first, , third] = points.labels;
    const labels = Int32Array.of(first, (first + 1) % 10, third);
    expect(pixels.length).toBe(3 * size);
    const conflicting: Dataset = {
      name: "conflict",
      shape: points.shape,
      count: 3,
      pixels,
      labels,
    };
    const done = await correct(model, { data, points: conflicting, iterations: 3, threads: 0 });
    expect(done.record.contradictions[0]).toMatchObject({ iteration: 1, rows: 28 });
    expect(done.record.contradictions[0].points).toEqual(expect.arrayContaining([0, 1]));
    // The run goes on in the elastic form and serves the point that can be served.
    expect(done.record.wrong).not.toContain(2);
    expect(done.after.violation).toBeLessThan(done.before.violation);
  });
});
