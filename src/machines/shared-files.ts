// What commands share, on a worker's disk: by content hash, taken from the queue once however many processes read it.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedFile } from "../data/cache.ts";
import { sha256 } from "../data/verify.ts";
import type { SharedFile } from "./child-task.ts";
import type { Client } from "./connect.ts";
import { checkContent, fetchContent } from "./contents.ts";
import { unpackManifest } from "./manifest.ts";
import type { SharedContent } from "./messages.ts";
import { openStored, type StoredImages } from "./stored-images.ts";

/** Values that are kept though no shard needs them now: a few thetas of a few commands. */
const KEPT = 32;

interface Held {
  readonly file: Promise<SharedFile>;
  images: StoredImages | undefined;
  users: number;
  /** Of no further run: removed when it is not used any more. */
  temporary: boolean;
}

/** What a worker holds of what commands share. */
export interface SharedFiles {
  /** Calls `use` with a file for each key; they stay until it is done. */
  using<R>(
    run: string,
    shared: Readonly<Record<string, SharedContent>>,
    use: (files: Readonly<Record<string, SharedFile>>, images: ImagesOf) => Promise<R>,
  ): Promise<R>;
  close(): Promise<void>;
}

/** The data set under a key; undefined where there is none. */
export type ImagesOf = (key: string) => StoredImages | undefined;

export async function createSharedFiles(
  client: Client,
  dataRoot: string | undefined,
): Promise<SharedFiles> {
  const folder = await mkdtemp(join(tmpdir(), "temper-worker-"));
  const held = new Map<string, Held>();

  const keep = async (path: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(path, bytes, { mode: 0o600 });
    return path;
  };
  /** A model is worth keeping for the next run; theta is not. */
  const lasting = async (run: string, content: SharedContent): Promise<string | undefined> => {
    const { hash, bytes } = content;
    const whole = async (): Promise<string | undefined> =>
      cachedFile(hash, bytes, async (path) => {
        await keep(path, await fetchContent(client, run, content));
      });
    const file = await whole();
    if (file === undefined || sha256(await readFile(file)) === hash) return file;
    await rm(file, { force: true });
    return whole();
  };
  const take = async (
    entry: Held,
    run: string,
    key: string,
    content: SharedContent,
  ): Promise<SharedFile> => {
    checkContent(content);
    const { hash, images } = content;
    const cached = key === "network" || images ? await lasting(run, content) : undefined;
    entry.temporary = cached === undefined;
    const file =
      cached ?? (await keep(join(folder, hash), await fetchContent(client, run, content)));
    if (!images) return { hash, file };
    const manifest = unpackManifest(await readFile(file));
    const source = { client, run, hash, name: images.name, dataRoot };
    entry.images = await openStored(manifest, source);
    return { hash, file, pixels: entry.images.file };
  };
  const holding = (run: string, key: string, content: SharedContent): Held => {
    const id = `${content.hash}${content.images ? " images" : ""}`;
    const known = held.get(id);
    if (known !== undefined) {
      held.delete(id);
      held.set(id, known); // Used last.
      return known;
    }
    const entry: Held = { file: undefined!, images: undefined, users: 0, temporary: true };
    Object.assign(entry, { file: take(entry, run, key, content) });
    held.set(id, entry);
    entry.file.catch(() => held.delete(id));
    return entry;
  };
  const forget = async (): Promise<void> => {
    for (const [id, entry] of held) {
      if (held.size <= KEPT) return;
      if (entry.users > 0) continue;
      held.delete(id);
      await drop(entry);
    }
  };
  const drop = async (entry: Held): Promise<void> => {
    await entry.images?.close();
    const file = await entry.file.catch(() => undefined);
    if (entry.temporary && file !== undefined) await rm(file.file, { force: true });
  };

  return {
    using: async (run, shared, use) => {
      const all = Object.entries(shared).map(
        ([key, content]) => [key, holding(run, key, content)] as const,
      );
      for (const [, entry] of all) entry.users++;
      try {
        const files = await Promise.all(
          all.map(async ([key, { file }]) => [key, await file] as const),
        );
        const images: ImagesOf = (key) => all.find(([name]) => name === key)?.[1].images;
        return await use(Object.fromEntries(files), images);
      } finally {
        for (const [, entry] of all) entry.users--;
        await forget();
      }
    },
    close: async () => {
      for (const entry of held.values()) await drop(entry);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
