// NumPy's .npz: a ZIP archive with one .npy member an array.
import { open } from "node:fs/promises";
import { unzipSync, type Zippable, zipSync } from "fflate";
import { TemperError } from "../errors.ts";
import { type NpyArray, type NpyRows, type NpyWords, readNpy, writeNpy } from "./npy.ts";
import { badArchive, listZip, MAX_DEFLATE_RATIO, unpackMember } from "./zip.ts";

/** ZIP without its 64-bit extension ends here; the rest is left to headers. */
export const MAX_ARCHIVE_BYTES = 2 ** 32 - 2 ** 20;

/** Fields of a ZIP time stamp are local time, so this is 1980-01-01 00:00 in every time zone. */
const EPOCH = new Date(1980, 0, 1);

/**
 * Reads the arrays of a .npz file; `where` names it in messages. With `only`, other members are
 * skipped, whatever they hold.
 * @throws TemperError data-unreadable: not a ZIP archive, damaged, or an array we do not read
 */
export function readNpz(
  bytes: Uint8Array,
  { where = "npz", only }: { where?: string; only?: readonly string[] | undefined } = {},
): Map<string, NpyArray> {
  const arrayName = (member: string): string => member.replace(/\.npy$/, "");
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(bytes, {
      filter: ({ name, size, originalSize }) => {
        if (!name.endsWith(".npy") || (only && !only.includes(arrayName(name)))) return false;
        if (originalSize <= (size + 1) * MAX_DEFLATE_RATIO) return true;
        throw new Error(`${name} claims ${originalSize} bytes out of ${size}`);
      },
    });
  } catch (cause) {
    throw badArchive(where, cause);
  }
  return new Map(
    Object.entries(members).map(([member, data]) => {
      const name = arrayName(member);
      return [name, readNpy(data, `${where}: array "${name}"`)];
    }),
  );
}

/** The arrays of a file, and the names of all that it holds. */
export interface NpzFile {
  readonly arrays: Map<string, NpyArray>;
  readonly held: readonly string[];
}

/**
 * Reads arrays of a .npz file of any size from the disk, each by itself.
 *
 * @throws TemperError `data-unreadable` as `readNpz`, `file-missing`, `out-of-memory`
 */
export async function readNpzFile(
  path: string,
  { where = path, only }: { readonly where?: string; readonly only: readonly string[] },
): Promise<NpzFile> {
  const file = await open(path).catch((cause: Error) => {
    throw new TemperError(
      "file-missing",
      `${path}: cannot be read: ${cause.message}\ncheck the path`,
      { cause },
    );
  });
  try {
    const members = (await listZip(file)).filter(({ name }) => name.endsWith(".npy"));
    const arrays = new Map<string, NpyArray>();
    for (const member of members) {
      const name = member.name.replace(/\.npy$/, "");
      if (!only.includes(name)) continue;
      arrays.set(name, readNpy(await unpackMember(file, member), `${where}: array "${name}"`));
    }
    return { arrays, held: members.map(({ name }) => name.replace(/\.npy$/, "")) };
  } catch (error) {
    throw error instanceof TemperError ? error : badArchive(where, error);
  } finally {
    await file.close();
  }
}

/** The names of the arrays in a readable .npz file; nothing is unpacked. */
export function namesInNpz(bytes: Uint8Array): string[] {
  const names: string[] = [];
  unzipSync(bytes, {
    filter: ({ name }) => {
      if (name.endsWith(".npy")) names.push(name.replace(/\.npy$/, ""));
      return false;
    },
  });
  return names;
}

/**
 * The bytes of a .npz file as numpy.savez writes it (members stored, not deflated); the same
 * arrays in the same order give the same bytes.
 * @throws TemperError data-mismatch when an array contradicts its shape or all exceed 4 GiB
 */
export function writeNpz(arrays: ReadonlyMap<string, NpyArray | NpyWords | NpyRows>): Uint8Array {
  const members: Zippable = {};
  let total = 0;
  for (const [name, array] of arrays) {
    const bytes = writeNpy(array);
    total += bytes.length;
    members[`${name}.npy`] = bytes;
  }
  if (total > MAX_ARCHIVE_BYTES) {
    throw new TemperError(
      "data-mismatch",
      `${total} bytes do not fit one .npz file (4 GiB)\nwrite fewer images`,
    );
  }
  return zipSync(members, { level: 0, mtime: EPOCH });
}
