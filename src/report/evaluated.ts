// Which of the models that temper evaluate measured are a run's own: its corrected file, and the one before it.
import type { EvaluationDocument, RunDocument } from "./document.ts";

/** What of a run tells which of its candidates were evaluated. */
export type EvaluatedRun = Pick<RunDocument, "record"> &
  Partial<Pick<RunDocument, "name" | "evaluation">>;

/** A model of an evaluation. */
export type Evaluated = EvaluationDocument["models"][number];

/**
 * The corrected file of a run in its evaluation, told by its path or by the last two parts of it, and the first
 * model that is neither a corrected file nor a candidate of a run. Their attacks are the same, in the same order.
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
  const isCandidate = (path: string): boolean => /candidate-\d+-\d+\.onnx$/.test(path);
  const before = models.find(({ path }) => !`/${path}`.endsWith(file) && !isCandidate(path));
  return { before, after };
}

/** An attack whose accuracy is known of some candidates. */
export interface AttackedCandidates {
  /** The attack in words. */
  readonly label: string;
  /** By the place of the candidate, as "20:10". */
  readonly accuracy: ReadonlyMap<string, number>;
}

/**
 * What the attack that leaves the least of the corrected file leaves of each candidate that was evaluated: the model
 * itself, the corrected file, and files by the name that the page gives them, candidate-20-10.onnx.
 */
export function attackedCandidates({
  name = "",
  record: { pool, choice },
  evaluation,
}: EvaluatedRun): AttackedCandidates | undefined {
  const { before, after } = evaluatedOf({ name, ...(evaluation && { evaluation }) });
  const worst = after?.attacks.toSorted((a, b) => a.accuracy - b.accuracy)[0];
  if (after === undefined || worst === undefined || pool[choice] === undefined) return undefined;
  const at = after.attacks.indexOf(worst);
  const named = (evaluation?.models ?? []).flatMap((model): [string, Evaluated][] => {
    const place = /(?:^|[/\\])candidate-(\d+)-(\d+)\.onnx$/.exec(model.path);
    return place === null ? [] : [[`${place[1]}:${place[2]}`, model]];
  });
  const { iteration, step } = pool[choice];
  const all: [string, Evaluated | undefined][] = [
    ...named,
    ["0:0", before],
    [`${iteration}:${step}`, after],
  ];
  const { name: attack, norm, eps } = worst;
  return {
    label: `accuracy under ${attack}, ${norm} ${Number(eps.toPrecision(4))}`,
    accuracy: new Map(
      all.flatMap(([id, model]) => {
        const accuracy = model?.attacks[at]?.accuracy;
        return accuracy === undefined ? [] : [[id, accuracy] as const];
      }),
    ),
  };
}
