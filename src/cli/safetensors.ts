// A model's weights for the framework that trained it: names from a file, the tensors to another.
import { readFileSync } from "node:fs";
import { writeAtomic } from "../data/write.ts";
import type { Model } from "../engine/model.ts";
import { type StateDict, stateDict } from "../engine/state-dict.ts";
import { TemperError } from "../errors.ts";
import { text } from "../options/kinds.ts";
import { type Context, noting } from "./context.ts";
import type { Flag } from "./flags.ts";

/** --names */
export const namesFlag: Flag = {
  kind: text("<file>"),
  group: "What goes in",
  help:
    "of safetensors: a JSON object from names in the model to those of the state_dict, " +
    "where the exporter kept none",
};

/** Writes the file, and says what must be known before it is loaded. */
export async function writeStateDict(
  model: Model,
  { out, names }: { readonly out: string; readonly names?: string | undefined },
  context: Context,
): Promise<Omit<StateDict, "bytes">> {
  const { bytes, ...said } = stateDict(
    model,
    names === undefined ? {} : { names: readNames(names) },
  );
  await writeAtomic(out, bytes);
  const note = noting(context);
  for (const each of said.notes) note(each);
  return said;
}

/** @throws TemperError `file-missing`, or `bad-option` where the file holds no object */
function readNames(path: string): Record<string, string> {
  let given: string;
  try {
    given = readFileSync(path, "utf8");
  } catch (cause) {
    throw new TemperError(
      "file-missing",
      `cannot read the names "${path}": ${(cause as Error).message}`,
      { cause },
    );
  }
  try {
    const read: unknown = JSON.parse(given);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) {
      return read as Record<string, string>;
    }
  } catch {
    // What is no JSON is no object either.
  }
  throw new TemperError(
    "bad-option",
    `"${path}" holds no JSON object: expected names of the model and those of the state_dict, ` +
      'as {"onnx::MatMul_12": "fc.weight"}',
  );
}
