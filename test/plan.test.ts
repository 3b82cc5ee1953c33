// temper plan, and what correct says before it begins: parts that make sense, counts that add up, refusals that help.

import { resolve } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { partsToEnd, patternFor } from "../src/autodiff/blocks.ts";
import { selectTrainable } from "../src/autodiff/selection.ts";
import { openData } from "../src/data/open.ts";
import { workBehindTheta, workOfPasses } from "../src/engine/flops.ts";
import { networkOf, openModel } from "../src/engine/model.ts";
import type { Network } from "../src/engine/network.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { correct } from "../src/run/correct.ts";
import { estimateOf, estimates } from "../src/run/estimate.ts";
import { duration, gigabytes, proposed, taskOf } from "../src/run/fits.ts";
import { buildNetwork } from "../src/train/networks.ts";
import { temper } from "./helpers/command.ts";
import { itLong } from "./helpers/long.ts";

afterEach(() => vi.restoreAllMocks());

/** As in a container that may use so many bytes. */
const allow = (bytes: number): unknown =>
  vi.spyOn(process, "constrainedMemory").mockReturnValue(bytes);

const loadOf = async (name: "cnn" | "resnet8"): Promise<Network> =>
  networkOf(await openModel(writeGraph(buildNetwork(name, 0))));
const [cnn, resnet] = await Promise.all([loadOf("cnn"), loadOf("resnet8")]);
const sizesOf = ({ parameters }: Network) =>
  new Map(parameters.map(({ name, size }) => [name, size]));
const patterns = (network: Network) =>
  partsToEnd(network.graph, sizesOf(network)).map(({ pattern }) => pattern);

describe("parts", () => {
  it("are layers, or the blocks that exporters name, each to the end", () => {
    expect(patterns(cnn)).toEqual(["last", "fc1*,output*", "conv2*,fc1*,output*", undefined]);
    expect(patterns(resnet)).toEqual([
      "last",
      "layer3*,output*",
      "layer2*,layer3*,output*",
      "layer1*,layer2*,layer3*,output*",
      undefined,
    ]);
  });

  it("where tensors have no telling names, are those of nodes, or six of many layers", () => {
    const renamed = (names: (i: number) => string) => {
      const nodes = resnet.graph.nodes.map((node, i) => ({ ...node, name: names(i) }));
      const plain = new Map(
        [...sizesOf(resnet)].map(([name, size], i) => [`t${i}`, { name, size }]),
      );
      const to = new Map([...plain].map(([short, { name }]) => [name, short]));
      const inputs = (of: readonly string[]) => of.map((name) => to.get(name) ?? name);
      const graph = {
        ...resnet.graph,
        nodes: nodes.map((node) => ({ ...node, inputs: inputs(node.inputs) })),
      };
      return partsToEnd(graph, new Map([...plain].map(([short, { size }]) => [short, size])));
    };
    const third = Math.ceil(resnet.graph.nodes.length / 4);
    expect(renamed((i) => `/block${Math.floor(i / third)}/op${i}`)).toHaveLength(5);
    const many = renamed(() => "");
    expect(many.length).toBe(8);
    const counts = many.map(({ names }) => names.size);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  });

  it("have patterns that select them and nothing else", () => {
    const name = fc
      .array(fc.constantFrom("a", "ab", "1", "12", ".", "::", "_", "*", ","), { minLength: 1 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 12 }), fc.nat(), (names, n) => {
        const plain = names.filter((one) => !/[*,]/.test(one));
        const wanted = new Set(plain.slice(0, 1 + (n % Math.max(1, plain.length))));
        if (wanted.size === 0) return;
        const pattern = patternFor(wanted, new Set(plain));
        const tensors = plain.map((one) => ({ name: one }));
        const selected = selectTrainable(tensors, pattern, []).map((tensor) => tensor.name);
        expect(new Set(selected)).toEqual(wanted);
      }),
    );
  });
});

describe("counts", () => {
  it("behind all of theta are those of the passes; behind a part fewer, and its input is kept", () => {
    for (const network of [cnn, resnet]) {
      const { forward, thetaGradient } = workOfPasses(network);
      expect(workBehindTheta(network)).toMatchObject({ forward, thetaGradient });
    }
    const { parameters } = cnn;
    const last = workBehindTheta({ ...cnn, parameters: parameters.slice(-2) });
    // One Gemm of 100 x 10: forward, and the gradient in its weight.
    expect(last).toEqual({ forward: 2000, thetaGradient: 4000, values: 10 });
  });

  it("grow with what is asked for, and a part needs less time than all", async () => {
    const data = await openData("digits:test[0:100]");
    const asked = { iterations: 4, alphas: 4, rivals: "all" } as const;
    const task = taskOf(cnn, { data, points: 3, threads: 2 }, asked);
    expect(task).toMatchObject({ images: 100, points: 3, rivals: 9, processes: 2, held: 0 });
    const rates = { forward: 1e10, gradient: 1e10, alone: 1e-10, open: 1e-8, products: 1e9 };
    const parts = estimates(cnn, task, rates);
    const seconds = parts.map((part) => part.seconds!);
    expect(seconds).toEqual(seconds.toSorted((a, b) => a - b));
    const whole = parts.at(-1)!;
    for (const more of [{ points: 6 }, { iterations: 8 }, { images: 9000 }, { rivals: 20 }]) {
      const grown = estimateOf(cnn, { ...task, ...more }, { rates });
      expect(grown.bytes).toBeGreaterThan(whole.bytes);
      expect(grown.seconds).toBeGreaterThan(whole.seconds!);
    }
    expect(proposed(parts)).toBe(whole);
    allow(parts[0].bytes);
    expect(proposed(parts)?.trainable).toBe("last");
    allow(parts[0].bytes - 1);
    expect(proposed(parts.slice(0, 1))).toBeUndefined();
  });

  it("are told as people tell them", () => {
    expect([45, 89, 780, 5400, 90000, 4e5].map(duration)).toEqual([
      ...["45 seconds", "89 seconds", "13 minutes", "2 hours", "25 hours", "5 days"],
    ]);
    expect([4.4e9, 33.3e9, 6e8].map(gigabytes)).toEqual(["4.1 GB", "31 GB", "0.56 GB"]);
  });
});

describe("a correction that does not fit", () => {
  it("is refused before it begins, with the part that fits; not a byte above what is needed", async () => {
    const model = await openModel(writeGraph(buildNetwork("cnn", 0)));
    const data = await openData("digits:test[0:20]");
    const call = { data, points: data, iterations: 500, threads: 0 } as const;
    const asked = { iterations: 500, alphas: 10, rivals: "all" } as const;
    const task = taskOf(cnn, { data, points: 20, threads: 0 }, asked);
    allow(1e8); // the cuts are in parts where there is little room
    const whole = estimateOf(cnn, task);
    allow(whole.bytes - 1);
    await expect(correct(model, call)).rejects.toThrow(
      /^the correction needs some [\d.]+ GB, this machine has [\d.]+ GB: --trainable ".*" needs some/,
    );
    allow(whole.bytes);
    // It is random: what stops it now is the look at the data.
    await expect(correct(model, call)).rejects.toThrow(/no better than chance/);
    allow(1e8);
    await expect(correct(model, call)).rejects.toThrow(
      /: give fewer points, --iterations or --threads/,
    );
    await model.close();
  });
});

describe("thetas that one file cannot hold", () => {
  it("are refused before any is found", async () => {
    const model = await openModel(writeGraph(buildNetwork("cnn", 0)));
    const data = await openData("digits:test[0:20]");
    const most = Math.ceil(2 ** 30 / model.theta().length);
    await expect(
      correct(model, { data, points: data, iterations: most, anyway: true }),
    ).rejects.toThrow(/do not fit one thetas.npz/);
    await model.close();
  });
});

describe.concurrent("on the command line", () => {
  const MODEL = resolve("models/digits-cnnlight.onnx");
  const data = ["--data", "digits:train[0:200]"];

  itLong("a table with the part that is proposed, or one document", async () => {
    const { code, stdout } = await temper(["plan", MODEL, ...data, "--worst", "3"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^200 images, 3 points of 9 cuts, 20 iterations, \d+ processes; this/);
    expect(stdout).toMatch(/^> {2}all .* 41,008 .* GB .* seconds$/m);
    expect(stdout).toMatch(/^proposed: all weights$/m);
    const told = await temper(["plan", MODEL, ...data, "--json", "--trainable", "fc1*,output*"]);
    const { parts, proposed: best, machine } = JSON.parse(told.stdout);
    expect(parts.map((part: { trainable: string }) => part.trainable)).toEqual(["last", null]);
    expect(best.weights).toBe(39760);
    expect(machine.rates.forward).toBeGreaterThan(0);
  });

  it("one line before a correction begins", async () => {
    const words = ["--worst", "2", "--eps", "0.1", "--steps", "2", "--iterations", "1"];
    const { code, stderr } = await temper(["correct", MODEL, ...data, ...words, "--out", "RUN"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^needs some 0\.\d+ GB and \d+ seconds?$/m);
  });
});
