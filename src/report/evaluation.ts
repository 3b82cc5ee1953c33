// The JSON of temper evaluate, read and checked, so that a report takes its figures from nothing else.
import { readFile } from "node:fs/promises";
import { TemperError } from "../errors.ts";
import type { EvaluationDocument } from "./document.ts";

const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isShare = (value: unknown): boolean =>
  isNumber(value) && (value as number) >= 0 && (value as number) <= 1;
const isList = (of: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(of);
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

type Fields = Readonly<Record<string, (value: unknown) => boolean>>;

const ofModel = { path: isText, clean: isObject, attacks: isList(isObject) };
const share = { accuracy: isShare, interval: isList(isShare) };
const ofClean = { n: isNumber, loss: isNumber, ...share };
const ofAttack = {
  ...{ name: isText, norm: isText, eps: isNumber, protocol: isText },
  ...{ ...share, turned: isShare, warnings: isList(isText) },
};

/**
 * Reads what `temper evaluate --json` printed.
 *
 * @throws TemperError `file-missing`; `data-unreadable` naming what it lacks
 */
export async function readEvaluation(path: string): Promise<EvaluationDocument> {
  const refuse = (what: string, cause?: unknown): TemperError =>
    new TemperError(
      "data-unreadable",
      `"${path}" is not the JSON of temper evaluate: ${what}\n` +
        "make it with temper evaluate MODEL RUN/corrected.onnx --data DATA --json > FILE",
      { cause },
    );
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new TemperError("file-missing", `cannot read "${path}": ${cause.message}`, { cause });
  });
  /** The fields of an object and no others. */
  const pick = (from: unknown, fields: Fields, where: string): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(fields).map(([name, holds]) => {
        const value = (from as Record<string, unknown> | null)?.[name];
        if (!holds(value)) throw refuse(`it has no ${where}${name}, or a wrong one`);
        return [name, value];
      }),
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refuse((cause as Error).message, cause);
  }
  const { models } = pick(json, { models: isList(isObject) }, "");
  const checked = (models as unknown[]).map((model, i) => {
    const where = `models[${i}].`;
    const { path: file, clean, attacks } = pick(model, ofModel, where);
    return {
      path: file,
      clean: pick(clean, ofClean, `${where}clean.`),
      attacks: (attacks as unknown[]).map((one, k) =>
        pick(one, ofAttack, `${where}attacks[${k}].`),
      ),
    };
  });
  return { models: checked } as unknown as EvaluationDocument;
}
