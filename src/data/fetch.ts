// Fetches what a folder lacks of a published data set; what is there and right is left alone.
import { createReadStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { TemperError, throwIfAborted } from "../errors.ts";
import { type DownloadOptions, download, unwritable } from "./download.ts";
import type { Download, KnownFile } from "./published.ts";
import { readTar } from "./tar.ts";
import { sha256, verifyFiles } from "./verify.ts";
import { writeAtomic } from "./write.ts";

/** Writes `files` from the archive into `folder`, under the names of the list, each checked. */
async function unpack(
  archive: string,
  tarFolder: string,
  files: readonly KnownFile[],
  { folder, signal }: DownloadOptions,
): Promise<void> {
  const byMember = new Map(files.map((file) => [`${tarFolder}/${file.name}`, file]));
  const sizes = new Map([...byMember].map(([member, { bytes }]) => [member, bytes]));
  try {
    await pipeline(createReadStream(archive), createGunzip(), async (chunks) => {
      for await (const { name: member, bytes } of readTar(chunks, sizes)) {
        throwIfAborted(signal);
        const { name, sha256: expected } = byMember.get(member)!;
        if (sha256(bytes) !== expected) throw new Error(`the checksum of ${name} is wrong`);
        await writeAtomic(join(folder, name), bytes);
      }
    });
  } catch (cause) {
    if (cause instanceof TemperError && cause.code !== "data-unreadable") throw cause;
    throw new TemperError(
      "data-unreadable",
      `${archive}: cannot be unpacked: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/**
 * Fetches those of `downloads` whose files are missing or wrong in `folder`, which is made if need be.
 * Every byte is checked before it gets a name that `openData` reads. A wrong file is not deleted but
 * renamed to NAME.wrong once its replacement is there; an archive fetched here is removed when unpacked.
 *
 * @throws TemperError download-failed, file-missing (the folder cannot be written), data-unreadable, aborted
 */
export async function fetchFiles(
  downloads: readonly Download[],
  options: DownloadOptions,
): Promise<void> {
  const { folder, signal } = options;
  await mkdir(folder, { recursive: true }).catch(unwritable(folder));
  for (const item of downloads) {
    throwIfAborted(signal);
    const statuses = await verifyFiles(item.files, folder);
    const lacking = item.files.filter((_, i) => statuses[i].state !== "right");
    if (lacking.length === 0) continue;
    const fetched = await download(item, options);
    for (const { path, state } of statuses) {
      // Also a wrong plain file beside the right .gz: the plain one would be read.
      if (path !== null && state === "wrong")
        await rename(path, `${path}.wrong`).catch(unwritable(path));
    }
    const target = join(folder, item.name);
    if (item.tarFolder !== undefined) await unpack(fetched, item.tarFolder, lacking, options);
    if (fetched === target) continue;
    if (item.tarFolder === undefined) await rename(fetched, target).catch(unwritable(target));
    else await rm(fetched);
  }
}
