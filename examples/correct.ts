// Corrects a model on the ten of its training images that an attack turns most easily.
import { attack, correct, openData, openModel } from "temper-onnx";

const model = await openModel("model.onnx");
const data = await openData("train.npz");
const { points } = await attack(model, { data, eps: 0.03, worst: 10 });
const run = await correct(model, { data, points });
await run.save("RUN");
console.log(run.before, run.after, run.select(0.2));
await model.close();
