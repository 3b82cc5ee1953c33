// The table of attacks: to add one, write its file and name it here. The order is that of lists in help.
import { demand } from "../errors.ts";
import { apgdCeAttack, apgdDlrAttack, apgdTAttack } from "./apgd.ts";
import { autoAttack } from "./auto.ts";
import type { AttackEntry } from "./entry.ts";
import { fabTAttack } from "./fab.ts";
import { fgsmAttack, pgdAttack } from "./pgd.ts";
import { squareAttack } from "./square.ts";

const table = [
  fgsmAttack,
  pgdAttack,
  apgdCeAttack,
  apgdDlrAttack,
  apgdTAttack,
  fabTAttack,
  squareAttack,
  autoAttack,
] as const;

/**
 * Attacks by name: `fgsm` and `pgd` with the cross-entropy; of AutoAttack `apgd-ce`, `apgd-dlr`, `apgd-t` (targeted
 * DLR), `fab-t` and `square`; `auto` runs AutoAttack's four in turn.
 */
export type AttackName = (typeof table)[number]["name"];

export const attacks: readonly AttackEntry[] = table;

export const attackNames: readonly AttackName[] = table.map(({ name }) => name);

/** Stands in the place of an attack's name where no attack improved on the clean image. */
export const NONE = "none";

/** @throws TemperError `bad-option` for a name that is not in the table */
export function attackOf(name: string): AttackEntry {
  const found = attacks.find((attack) => attack.name === name);
  demand(found !== undefined, "attack", name, attackNames.join(" or "));
  return found!;
}
