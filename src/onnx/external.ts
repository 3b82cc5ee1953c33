// Finds tensors that are kept in files beside the model: which bytes of which file each one is.
import { TemperError } from "../errors.ts";
import { joinBytes } from "./scan.ts";
import { rewriteTensors, storedTensors, withEntries } from "./stored.ts";

/** The contents of a model's data files, by the locations that the model gives. */
export type ExternalData = ReadonlyMap<string, Uint8Array>;

/** A model file with the data files that it refers to; most have none. */
export interface ModelBytes {
  readonly file: Uint8Array;
  readonly externalData: ExternalData;
}

/** A part of a data file. */
export interface Slice {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * Reads the slice that external_data entries name.
 *
 * @param bytes how many the tensor's shape and type need
 * @throws TemperError `model-unreadable` where the entries are no slice of that length
 */
export function sliceOf(entries: ReadonlyMap<string, string>, bytes: number, where: string): Slice {
  const location = entries.get("location") ?? "";
  const offset = Number(entries.get("offset") ?? 0);
  const length = Number(entries.get("length") ?? bytes);
  if (location === "" || !Number.isSafeInteger(offset) || offset < 0 || length !== bytes) {
    throw new TemperError(
      "model-unreadable",
      `${where} needs ${bytes} bytes of another file; it names ${length} from ${offset} of "${location}"\n` +
        "export the model again",
    );
  }
  return { location, offset, length };
}

/** Returns a view of the slice's bytes. */
export function sliceBytes(data: ExternalData, slice: Slice, where: string): Uint8Array {
  const { location, offset, length } = slice;
  const file = data.get(location);
  if (file === undefined) {
    throw new TemperError(
      "file-missing",
      `${where} is kept in the file "${location}", which was not given\n` +
        "put it beside the model, as it was exported, or give openModel its bytes as externalData",
    );
  }
  if (offset + length > file.length) {
    throw new TemperError(
      "model-unreadable",
      `${where} is bytes ${offset} to ${offset + length} of "${location}", which has ${file.length}: ` +
        "it is cut short, or belongs to another model",
    );
  }
  return file.subarray(offset, offset + length);
}

/** Lists the locations that the model's tensors name; none where the bytes are no model, which reading tells. */
export function externalLocations(file: Uint8Array): string[] {
  try {
    const named = [...storedTensors(file).values()].flatMap(
      ({ external }) => external?.get("location") ?? [],
    );
    return [...new Set(named)];
  } catch {
    return [];
  }
}

// Data files are mapped into memory by page, so each starts on one where several are joined.
const PAGE = 4096;

/**
 * Puts all data of a model into one file of that name. A single data file stays as it is, byte for byte.
 */
export function joinExternalData(
  { file, externalData }: ModelBytes,
  name: string,
): { readonly file: Uint8Array; readonly data: Uint8Array } {
  const starts = new Map<string, number>();
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [location, data] of externalData) {
    const gap = (PAGE - (end % PAGE)) % PAGE;
    if (gap > 0) parts.push(new Uint8Array(gap));
    starts.set(location, end + gap);
    parts.push(data);
    end += gap + data.length;
  }
  const tensors = storedTensors(file);
  const renamed = rewriteTensors(file, (tensor, tensorName) => {
    const external = tensors.get(tensorName)?.external;
    const start = starts.get(external?.get("location") ?? "");
    if (external === undefined || start === undefined) return tensor;
    const entries = new Map([["location", name]]);
    if (start > 0) entries.set("offset", String(start + Number(external.get("offset") ?? 0)));
    return withEntries(tensor, entries);
  });
  return { file: renamed, data: parts.length === 1 ? parts[0] : joinBytes(parts) };
}
