// Makes a whole network more robust: no list of points, fresh training images are attacked in every iteration.
import { fileURLToPath } from "node:url";
import { correct, evaluate, openData, openModel } from "temper-onnx";

const model = await openModel(
  fileURLToPath(new URL("../models/digits-cnnlight.onnx", import.meta.url)),
);
const data = await openData("digits:train");
const test = await openData("digits:test[0:100]");
const attack = { eps: 0.1 };

// A taste of a few seconds. Without these four a run takes minutes and reaches much further.
const briefly = { iterations: 12, sources: 200, lossSample: 300, judged: 100 };
const run = await correct(model, { recipe: "robust", data, attack, ...briefly });

const corrected = await openModel(run.bytes(run.choice));
for (const [name, network] of Object.entries({ before: model, after: corrected })) {
  const { clean, attacks } = await evaluate(network, { data: test, attacks: [attack] });
  const share = (accuracy: number): string => `${(100 * accuracy).toFixed(1)} %`;
  console.log(`${name}: clean ${share(clean.accuracy)}, PGD ${share(attacks[0].accuracy)}`);
  await network.close();
}
