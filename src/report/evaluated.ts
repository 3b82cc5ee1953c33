// Which of the models that temper evaluate measured are a run's own: its corrected file, and the one before it.
import type { EvaluationDocument, RunDocument } from "./document.ts";

/** A model of an evaluation. */
export type Evaluated = EvaluationDocument["models"][number];

/**
 * The corrected file of a run in its evaluation, told by its path or by the last two parts of it, and the first
 * model that is no corrected file. Their attacks are the same, in the same order.
 */
export function evaluatedOf({ name, evaluation }: Pick<RunDocument, "name" | "evaluation">): {
  readonly before?: Evaluated | undefined;
  readonly after?: Evaluated | undefined;
} {
  const file = "/corrected.onnx";
  const plain = (path: string): string => path.replace(/\/+/g, "/").replace(/^(\.\/)+/, "");
  const folder = plain(`${name}/`).replace(/\/$/, "");
  const models = evaluation?.models ?? [];
  const after =
    models.find(({ path }) => plain(path) === plain(`${folder}${file}`)) ??
    models.find(({ path }) => plain(`/${path}`).endsWith(`/${folder.split("/").at(-1)}${file}`));
  const before = models.find(({ path }) => !`/${path}`.endsWith(file));
  return { before, after };
}
