// Shows the whole trade-off between points and training loss, chooses from it, and measures the choice on unseen data.
import { fileURLToPath } from "node:url";
import { attack, correct, evaluate, openData, openModel } from "temper-onnx";

const model = await openModel(
  fileURLToPath(new URL("../models/digits-cnnlight.onnx", import.meta.url)),
);
const data = await openData("digits:train[0:300]");
const test = await openData("digits:test[0:100]");

const { points } = await attack(model, { data, eps: 0.1, worst: 5 });
const run = await correct(model, { data, points, iterations: 3 });

// No candidate of the front is beaten in both: less violation of the points costs more training loss.
console.log("violation  training loss");
for (const { violation, loss } of run.front) {
  console.log(`${violation?.toFixed(3).padStart(9)}  ${loss?.toFixed(4).padStart(13)}`);
}

// A weight of 0 looks at the violation alone, a weight of 1 at the loss alone.
for (const weight of [0, 0.5]) {
  const chosen = await openModel(run.bytes(run.select(weight)));
  const { clean, attacks } = await evaluate(chosen, {
    data: test,
    attacks: [{ attack: "pgd", eps: 0.1 }],
  });
  const share = (accuracy: number): string => `${(100 * accuracy).toFixed(1)} %`;
  console.log(
    `weight ${weight}: clean ${share(clean.accuracy)}, PGD ${share(attacks[0].accuracy)}`,
  );
  await chosen.close();
}
await model.close();
