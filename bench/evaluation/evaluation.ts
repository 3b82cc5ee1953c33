// How networks stand under each attack: every attack on the same images, one file of results a network.
import { join } from "node:path";
import {
  type AttackRequest,
  type Dataset,
  type Evaluation,
  evaluate,
  type Model,
} from "../../src/index.ts";
import { openResults } from "../results.ts";
import { type BenchWork, type Setting, settingOf } from "../work.ts";

/** An attack under the name that its column has. */
export interface NamedAttack {
  readonly name: string;
  readonly request: AttackRequest;
}

/** The paper's FGSM and PGD by its protocol, then the honest ones from PGD to auto. */
export function evaluationAttacks(eps: number): readonly NamedAttack[] {
  const honest = ["apgd-ce", "apgd-t", "fab-t", "square", "auto"] as const;
  return [
    { name: "FGSM (paper)", request: { attack: "fgsm", eps, protocol: "cleverhans" } },
    { name: "PGD (paper)", request: { attack: "pgd", eps, protocol: "cleverhans" } },
    { name: "PGD-100 x 3", request: { attack: "pgd", eps, steps: 100, restarts: 3 } },
    ...honest.map((attack) => ({ name: attack, request: { attack, eps } })),
  ];
}

/** What was measured of one network. */
export interface EvaluationRow {
  readonly name: string;
  readonly setting: Setting;
  readonly evaluation: Evaluation;
}

export interface EvaluationBench extends BenchWork {
  readonly models: readonly { readonly name: string; readonly model: Model }[];
  readonly test: Dataset;
  readonly attacks: readonly NamedAttack[];
  /** The folder keeps what is finished, so that a second call goes on. */
  readonly folder: string;
}

interface Kept {
  /** The attacks that were asked for; the evaluation is made anew when others are. */
  readonly attacks: readonly NamedAttack[];
  readonly evaluation: Evaluation | null;
}

/** Evaluates each network under all attacks; those that an earlier call finished are taken from the folder. */
export async function benchEvaluation(bench: EvaluationBench): Promise<EvaluationRow[]> {
  const { models, test, attacks, folder, seed, threads, signal, onProgress } = bench;
  const rows: EvaluationRow[] = [];
  for (const { name, model } of models) {
    const setting = settingOf(model, { test }, seed);
    const empty: Kept = { attacks, evaluation: null };
    const file = await openResults(join(folder, `${name}.json`), setting, empty);
    const same = JSON.stringify(file.kept.attacks) === JSON.stringify(attacks);
    let evaluation = same ? file.kept.evaluation : null;
    if (evaluation === null) {
      evaluation = await evaluate(model, {
        data: test,
        attacks: attacks.map(({ request }) => ({ ...request, seed })),
        threads,
        signal,
        onProgress: (stage, done, of) => onProgress?.(`${name}: ${stage}`, done, of),
      });
      await file.keep({ attacks, evaluation });
    }
    rows.push({ name, setting, evaluation });
  }
  return rows;
}
