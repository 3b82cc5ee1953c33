// temper points: points as PNG images, for eyes and for other tools.
import type { Command } from "commander";
import type { DataOptions } from "../../data/open.ts";
import { writeImageFolder } from "../../data/png.ts";
import { text } from "../../options/kinds.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { openDataset } from "../open.ts";
import { workFlags } from "../shared-flags.ts";

interface Flags extends DataOptions {
  readonly png: string;
  readonly json?: boolean;
}

async function run(name: string, flags: Flags, context: Context): Promise<void> {
  const { png, json } = flags;
  const points = await openDataset(name, flags, context);
  const { files, changed } = await writeImageFolder(points, png);
  if (changed > 0) {
    context.progress.line(
      `note: pixels of ${changed} of ${files.length} images are no bytes and were rounded: ` +
        "an image may be right again; temper attack --quantise 255 makes points that survive it",
    );
  }
  if (json === true) context.printJson({ png, images: files.length, changed });
  else context.print(`${files.length} images and index.csv written to ${png}`);
}

export function addPoints(program: Command, context: Context): void {
  const command = program
    .command("points")
    .summary("write points as PNG images")
    .description(
      "Writes the images of POINTS as PNG files, a folder for each label, with index.csv: file, label, and the index " +
        "in the original data where it is known. The folder opens again as DATA or --points.",
    )
    .argument("<points>", "points.npz, or any data");
  const { json, dataDir, config } = workFlags;
  addFlags(command, {
    png: {
      kind: text("<dir>"),
      group: "What comes out",
      required: true,
      help: "the folder to write; it must not hold anything",
    },
    ...{ json, dataDir, config },
  })
    .addHelpText("after", "\nExample:\n  temper points points.npz --png images")
    .action((name: string, flags: Flags) => run(name, flags, context));
}
