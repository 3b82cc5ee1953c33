// What temper correct says before its work begins: what it will need; and the refusal of what does not fit, with the
// part that would and the time that it takes.
import type { Network } from "../engine/network.ts";
import { measureRates } from "../engine/rate.ts";
import type { Workers } from "../engine/workers.ts";
import { estimateOf, restricted, type Task } from "../run/estimate.ts";
import { fits, needs, proposed, smallerParts, tooLarge } from "../run/fits.ts";

/** A short look: a run of some seconds must not wait for it. */
const SECONDS = 0.2;

/**
 * Measures the machine and says what a correction will need.
 *
 * @param anyway whether it goes on where it does not fit
 * @throws TemperError `out-of-memory`
 */
export async function foretell(
  workers: Workers,
  network: Network,
  task: Task,
  { anyway, say }: { readonly anyway: boolean; readonly say: (line: string) => void },
): Promise<void> {
  const whole = estimateOf(network, task);
  if (fits(whole)) {
    const rates = await measureRates(workers, network, SECONDS);
    say(`needs ${needs(estimateOf(network, task, { rates }))}`);
  } else if (anyway) say(`needs ${needs(whole)}, which this machine seems not to have`);
  else {
    const best = proposed(smallerParts(network, task));
    if (best === undefined) throw tooLarge(whole, best);
    const part = restricted(network, best.names);
    const rates = await measureRates(workers, part, SECONDS);
    const { trainable } = best;
    throw tooLarge(whole, estimateOf(part, task, { trainable, rates }));
  }
}
