// The recipe robust: aggregate cuts with a moving centre, of images attacked anew in every iteration.
import { checkAttackable } from "../../attack/attackable.ts";
import { movingCentre } from "../../correct/moving-centre.ts";
import type { CentreState } from "../../correct/state.ts";
import { scorePoints } from "../../correct/violation.ts";
import { workOfPasses } from "../../engine/flops.ts";
import { type Model, networkOf } from "../../engine/model.ts";
import type { Network } from "../../engine/network.ts";
import { demand } from "../../errors.ts";
import { checkInputs, type RobustCall, requestIn } from "../call.ts";
import type { Certificate } from "../certificate.ts";
import { cutMeter } from "../cut-meter.ts";
import { centreState } from "../folder/state.ts";
import { inputOf } from "../inputs.ts";
import type { Job, JobContext, Plan } from "../plan.ts";
import { checkCertifiable } from "./certified.ts";
import { type Split, splitOf } from "./draws.ts";
import { type RobustOptions, robustOptions, robustTable } from "./options.ts";
import { createSeparation, type Separation } from "./separation.ts";

/** Resolves the options, and refuses what cannot be done before anything is computed or written. */
export function planRobust(model: Model, call: RobustCall): Plan<"robust", CentreState> {
  const network = networkOf(model);
  const { data, points, sourcesFrom, origin } = call;
  const request = { ...requestIn(robustTable, call), recipe: call.recipe };
  const { forward: flops } = workOfPasses(network);
  const options = robustOptions(request, {
    flops,
    points: points?.count ?? 0,
    labels: network.labels,
  });
  checkInputs(model, call);
  const bounded = options.certify === true && options.certifyShare === 1;
  if (!bounded) checkAttackable(network, options.attack, "recipe robust");
  if (options.certify === true) checkCertifiable(network, options.attack);
  const moves = network.theta0.some((v) => v !== 0);
  const expected =
    "weights that are not all 0: a step of the recipe robust is a share of their length";
  demand(moves, "trainable", network.options.trainable ?? "all", expected);
  const split = splitOf(data, sourcesFrom ?? data, options);
  return {
    options,
    inputs: {
      ...(points && { points: { ...inputOf(points), ...(origin && { origin }) } }),
      ...(sourcesFrom && { sources: inputOf(sourcesFrom) }),
    },
    state: centreState,
    start: (context) => startRobust({ ...call, ...context, options, split }),
  };
}

type RobustRun = JobContext<CentreState> &
  Pick<RobustCall, "data" | "points" | "sourcesFrom" | "validation" | "onIteration"> & {
    readonly options: RobustOptions;
    readonly split: Split;
  };

function startRobust(run: RobustRun): Job<"robust"> {
  const { options, points, clock, signal, onProgress } = run;
  let stage: string | undefined; // undefined while iterations are counted: their number says more than that of shards
  const meter = cutMeter(clock, run.work);
  const separationOf = (network: Network): Separation =>
    createSeparation({
      ...run,
      network,
      own: points,
      images: run.sourcesFrom,
      metered: meter.metered,
      onShard: (done, of) => stage === undefined || onProgress?.(stage, done, of),
    });
  const separation = separationOf(run.network);
  const own = points?.count ?? 0;
  return {
    find: async () => {
      const { timeLimit } = options;
      const found = await movingCentre(separation, {
        ...options,
        signal,
        spent: () => (timeLimit === undefined ? 0 : clock.times().seconds / timeLimit),
        state: run.state,
        onState: run.onState,
        onIteration: (record) => {
          clock.lap();
          onProgress?.("iterations", record.iteration, options.iterations);
          run.onIteration?.(record);
        },
        onLine: (done, of) => onProgress?.("candidates", done, of),
        stage: clock.stage,
      });
      stage = "check";
      return { ...found, contradictions: [] };
    },
    measure: async (saved, loss) => {
      const { theta0, judge, judged, rightOf } = separationOf(saved);
      const { y, logits } = await judge(theta0);
      const { violation, corrected, wrong } = scorePoints(logits, y, options.margin);
      const found = {
        measured: { violation, corrected, points: y.length, loss },
        wrong: wrong.filter((point) => point < own),
        logits,
      };
      if (options.certify !== true) return found;
      const { validation: held } = run;
      const { eps, epsSpace, clip } = options.attack;
      const { certifyMethod: method = "ibp" } = options;
      const certificate: Certificate = {
        ...{ method, norm: "linf", eps, epsSpace, clip },
        judging: { images: judged, proven: judged - (wrong.length - found.wrong.length) },
        ...(held && {
          validation: { images: held.count, proven: await rightOf(theta0, held) },
        }),
      };
      return { ...found, certificate };
    },
    asked: async (data) => ({ network: run.network, data }),
    points: () => points,
    work: meter.work,
    close: async () => {},
  };
}
