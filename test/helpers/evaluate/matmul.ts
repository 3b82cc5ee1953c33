// Matrix products from the standard: Gemm, and MatMul with NumPy semantics.
import {
  broadcastDims,
  broadcastStrides,
  broadcastTo,
  build,
  type NDArray,
  offsetAt,
} from "./array.ts";
import type { Call } from "./call.ts";

/** numpy.matmul: a vector on the left is a row, on the right a column; leading axes broadcast. */
export function MatMul(call: Call): NDArray[] {
  const [a, b] = [call.input(0), call.input(1)];
  if (a.dims.length === 0 || b.dims.length === 0) throw new Error("a scalar cannot be multiplied");
  const aDims = a.dims.length === 1 ? [1, ...a.dims] : a.dims;
  const bDims = b.dims.length === 1 ? [...b.dims, 1] : b.dims;
  const [m, k] = aDims.slice(-2);
  const [kOfB, n] = bDims.slice(-2);
  if (k !== kOfB) throw new Error(`[${a.dims}] and [${b.dims}] do not multiply`);
  const batch = broadcastDims(aDims.slice(0, -2), bDims.slice(0, -2));
  const aStrides = broadcastStrides(aDims, [...batch, m, k]);
  const bStrides = broadcastStrides(bDims, [...batch, k, n]);
  const y = build([...batch, m, n], a.integer, (index) => {
    const [row, column] = index.slice(-2);
    const lead = index.slice(0, -2);
    let sum = 0;
    for (let j = 0; j < k; j++) {
      sum +=
        a.data[offsetAt([...lead, row, j], aStrides)] *
        b.data[offsetAt([...lead, j, column], bStrides)];
    }
    return sum;
  });
  const rows = a.dims.length === 1 ? [] : [m];
  const columns = b.dims.length === 1 ? [] : [n];
  return [{ ...y, dims: [...batch, ...rows, ...columns] }];
}

/** alpha A' B' + beta C, where A' and B' are transposed on request and C broadcasts to the result. */
export function Gemm(call: Call): NDArray[] {
  const [a, b, c] = [call.input(0), call.input(1), call.optional(2)];
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const [transA, transB] = [call.int("transA", 0) !== 0, call.int("transB", 0) !== 0];
  if (a.dims.length !== 2 || b.dims.length !== 2) throw new Error("A and B must be matrices");
  const [m, k] = transA ? [a.dims[1], a.dims[0]] : a.dims;
  const [kOfB, n] = transB ? [b.dims[1], b.dims[0]] : b.dims;
  if (k !== kOfB) throw new Error(`[${a.dims}] and [${b.dims}] do not multiply`);
  const added = c === undefined ? undefined : broadcastTo(c, [m, n]);
  return [
    build([m, n], a.integer, ([i, j], flat) => {
      let sum = 0;
      for (let l = 0; l < k; l++) {
        sum += a.data[transA ? l * m + i : i * k + l] * b.data[transB ? j * k + l : l * n + j];
      }
      return alpha * sum + (added === undefined ? 0 : beta * added.data[flat]);
    }),
  ];
}
