// Whether a network can be attacked as an attack is stated: asked before any work begins.
import type { Network } from "../engine/network.ts";
import { demandInputGradient } from "../engine/programs.ts";
import type { StatedAttack } from "./options.ts";
import { partsOf, usesGradients } from "./parts.ts";
import { checkUnits } from "./units.ts";

/**
 * @param what needs the attack, for the refusal
 * @throws TemperError `bad-option` where the network has too few labels for the attack, or no units of its own;
 *   `model-unsupported` where the attack needs gradients in the image and there are none
 */
export function checkAttackable(network: Network, attack: StatedAttack, what: string): void {
  partsOf({ ...attack, seed: 0 }, network.labels);
  checkUnits(attack, network.options.std);
  if (usesGradients(attack)) demandInputGradient(network, what);
}
