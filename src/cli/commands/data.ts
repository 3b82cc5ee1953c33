// temper data: fetches a published data set, or lists what is in the data folder.
import { basename, join } from "node:path";
import { Argument, type Command } from "commander";
import { fetchFiles } from "../../data/fetch.ts";
import { dataFolder } from "../../data/files.ts";
import { mirrorsOf, type PublishedSet, publishedSets } from "../../data/published.ts";
import { type FileStatus, verifyFiles } from "../../data/verify.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { workFlags } from "../shared-flags.ts";
import { table } from "../table.ts";

interface Flags {
  readonly dataDir?: string;
  readonly json?: boolean;
}

interface SetStatus {
  readonly name: PublishedSet["name"];
  readonly folder: string;
  readonly files: readonly FileStatus[];
}

async function run(
  given: PublishedSet["name"] | undefined,
  flags: Flags,
  { progress, signal, print, printJson }: Context,
): Promise<void> {
  const folder = dataFolder(flags);
  const known = publishedSets.filter(({ name }) => given === undefined || name === given);
  const sets: SetStatus[] = [];
  for (const set of known) {
    const place = join(folder, set.name);
    if (given !== undefined) {
      await fetchFiles(set.downloads, {
        folder: place,
        mirrors: mirrorsOf(set),
        signal,
        onProgress: (file, done, of) =>
          progress.update(`${file}, kB`, Math.round(done / 1e3), Math.round(of / 1e3)),
      });
      progress.stop();
    }
    const files = await verifyFiles(
      set.downloads.flatMap((item) => item.files),
      place,
    );
    sets.push({ name: set.name, folder: place, files });
  }
  if (flags.json === true) {
    printJson({ folder, sets });
    return;
  }
  print(`data folder: ${folder}`);
  const rows = sets.flatMap(({ name, files }) =>
    files.map((file) => [
      name,
      basename(file.path ?? file.name),
      `${file.bytes ?? ""}`,
      file.state,
    ]),
  );
  print(table(["data", "file", "bytes", "checksum"], rows));
  for (const { name, files } of sets) {
    if (files.some(({ state }) => state !== "right")) print(`temper data ${name} fetches the rest`);
  }
}

export function addData(program: Command, context: Context): void {
  const names = publishedSets.map(({ name }) => name);
  const command = program
    .command("data")
    .summary("fetch MNIST or CIFAR-10, or list what is there")
    .description(
      "Fetches a data set into the data folder and checks its SHA-256. Without a name, " +
        "lists which files are there and whether they are right. Right files are not " +
        "fetched again, an interrupted transfer goes on where it stopped, and a wrong " +
        "file is kept as NAME.wrong. CIFAR-10 arrives as one archive of 170 MB, which is " +
        "removed once it is unpacked (184 MB).",
    )
    .addArgument(new Argument("[set]", "the set to fetch").choices(names));
  const { dataDir, json, config } = workFlags;
  addFlags(command, { dataDir, json, config })
    .addHelpText(
      "after",
      "\nTEMPER_MIRROR: the base address of a mirror of your own, used instead of the\n" +
        "public ones. It holds mnist/train-images-idx3-ubyte.gz and so on, and\n" +
        "cifar10/cifar-10-binary.tar.gz.\n" +
        "\nExample:\n  temper data mnist",
    )
    .action((given: PublishedSet["name"] | undefined, flags: Flags) => run(given, flags, context));
}
