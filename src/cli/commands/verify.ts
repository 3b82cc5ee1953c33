// temper verify: which images are proven right in their whole ball, which are broken, which stay open.
import type { Command } from "commander";
import { verifyTable } from "../../bounds/options.ts";
import { type CountedShare, type Verification, verify } from "../../bounds/verify.ts";
import { writeVerification } from "../../bounds/write.ts";
import type { DataOptions } from "../../data/open.ts";
import { writeAtomic } from "../../data/write.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import { TemperError } from "../../errors.ts";
import { text } from "../../options/kinds.ts";
import { partOf } from "../../options/table.ts";
import type { Context } from "../context.ts";
import { addFlags, givenIn } from "../flags.ts";
import { checkOutput, openLargeDataset, openModelFile } from "../open.ts";
import { checkSample, type SampleFlags, sampled, sampleFlags } from "../sampling.ts";
import {
  augmentFlags,
  dataFlag,
  deviceFlags,
  flagsOf,
  modelFlags,
  readFlags,
  workFlags,
} from "../shared-flags.ts";
import { percent, table } from "../table.ts";
import { runProperty } from "../verify-property.ts";
import { queueFlags, type WorkingFlags, workersFor } from "../working.ts";

interface Flags extends NetworkOptions, DataOptions, SampleFlags, WorkingFlags {
  readonly vnnlib?: string;
  readonly data?: string;
  readonly eps?: number;
  readonly out?: string;
  readonly json?: boolean;
}

const HEADINGS = ["", "images", "share", "95 % interval", "by"];

function rowsOf({ proven, broken, open, images }: Verification): string[][] {
  const row = (status: "proven" | "broken" | "open", { n, share, interval }: CountedShare) => {
    const by = new Map<string, number>();
    for (const one of images) {
      if (one.status === status && one.by !== null) by.set(one.by, (by.get(one.by) ?? 0) + 1);
    }
    const [low, high] = interval.map(percent);
    return [
      ...[status, `${n}`, percent(share), `${low.slice(0, -1)}-${high}`],
      [...by].map(([name, count]) => `${name} ${count}`).join(", "),
    ];
  };
  return [row("proven", proven), row("broken", broken), row("open", open)];
}

/** The radii that were searched for: of what share of the images each tenth is proven at least. */
function radiusLine({ images, n }: Verification): string {
  const radii = images.map(({ radius = 0 }) => radius).toSorted((a, b) => a - b);
  const at = (share: number): string => radii[Math.floor(share * (n - 1))].toPrecision(3);
  const mean = radii.reduce((a, c) => a + c, 0) / n;
  return (
    `largest proven eps: mean ${mean.toPrecision(3)}, median ${at(0.5)}, ` +
    `a tenth of the images below ${at(0.1)}, a tenth above ${at(0.9)}`
  );
}

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  const { out, vnnlib, data: dataName, eps } = flags;
  if (vnnlib !== undefined) return runProperty(path, { ...flags, vnnlib }, context);
  if (dataName === undefined || eps === undefined) {
    const missing = dataName === undefined ? "--data" : "--eps";
    throw new TemperError(
      "bad-option",
      `verify needs ${missing}\ngive --data DATA --eps 0.1, or --vnnlib FILE for a property`,
    );
  }
  checkSample(flags);
  if (out !== undefined) await checkOutput(out, ".npz");
  const model = await openModelFile(path, flags);
  const whole = await openLargeDataset(dataName, flags, context, model);
  const data = sampled(whole, flags);
  const workers = await workersFor(flags, context);
  const found = await verify(model, {
    ...partOf(verifyTable, flags),
    eps,
    data,
    workers,
    signal: context.signal,
    onProgress: context.progress.update,
  }).finally(workers.close);
  await model.close();
  context.progress.stop();
  if (out !== undefined) await writeAtomic(out, writeVerification(found, data));
  const { name, count: n, note = null } = data;
  if (flags.json === true) {
    const { counterexamples: _, ...rest } = found;
    context.printJson({ path, data: { name, n, note }, ...rest, out: out ?? null });
    return;
  }
  context.print(`${name}, ${n} images${data === whole ? "" : `: ${note}`}`);
  context.print(table(HEADINGS, rowsOf(found)));
  if (found.options.radius) context.print(radiusLine(found));
  if (found.attack !== null) context.print(`${found.options.attack}: ${found.attack}`);
  if (out !== undefined) {
    context.print(`${found.broken.n} inputs that break images written to ${out}`);
  }
  if (found.timedOut) {
    context.progress.line("note: the time was up before every image was looked at [time-limit]");
  }
}

const verifyFlags = flagsOf(verifyTable, [
  { words: "", table: verifyTable, options: {}, facts: undefined },
]);

export function addVerify(program: Command, context: Context): void {
  const command = program
    .command("verify")
    .summary("prove images right in their whole ball, or break them")
    .description(
      "Looks at the ball of radius eps around each image of DATA, cut to the range of pixels: the image is proven " +
        "right in all of it, broken by an input in it, or open. A proof holds of the network as onnxruntime computes " +
        "it in float32, in whatever order it adds; docs/guarantees.md says what it rests on.",
    )
    .argument("<model>", "ONNX file");
  addFlags(command, {
    data: {
      ...dataFlag(
        "images to verify: mnist:test, cifar10:test[0:1000], file.npz, a folder of images",
      ),
      required: false,
    },
    vnnlib: {
      kind: text("<file>"),
      group: "What goes in",
      everyday: true,
      help: "answer this property in VNN-LIB 1.0 instead: sat (a counterexample), unsat (proven) or unknown",
    },
    ...sampleFlags,
    ...augmentFlags,
    ...readFlags,
    out: {
      kind: text("<file>"),
      group: "What comes out",
      everyday: true,
      help:
        "an npz: x, y, source of the inputs that break images; index, status (0 open, 1 proven, 2 broken), " +
        "bound and radius of every image; of --vnnlib FILE.counterexample, as VNN-COMP has it",
    },
    ...verifyFlags,
    eps: { ...verifyFlags.eps, required: false },
    ...modelFlags,
    ...deviceFlags,
    ...workFlags,
    ...queueFlags,
  })
    .addHelpText(
      "after",
      "\nExamples:\n  temper verify model.onnx --data mnist:test --eps 0.1\n" +
        "  temper verify model.onnx --data mnist:test --limit 1000 --eps 0.02 --method crown --radius --out v.npz\n" +
        "  temper verify model.onnx --vnnlib property.vnnlib --out found.counterexample",
    )
    .action((path: string) => run(path, givenIn(command) as object as Flags, context));
}
