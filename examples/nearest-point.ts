// The solver by itself, without a network: the point nearest to the origin in a polyhedron A d <= b.
import { denseRows, nearestPoint, nearestPointDense } from "temper-onnx";

// Beyond the line x + y = 2 and to the right of x = 1.5, written as rows of A d <= b.
const rows = [Float64Array.of(-1, -1), Float64Array.of(-1, 0)];
const rhs = Float64Array.of(-2, -1.5);
const { status, point } = nearestPointDense({ rows, rhs });
console.log(status, point);

// Rows that exclude each other are a result, not an error; the certificate shows it.
const apart = nearestPointDense({
  rows: [Float64Array.of(1, 0), Float64Array.of(-1, 0)],
  rhs: Float64Array.of(-1, -1),
});
console.log(apart.status, apart.certificate);

// An elastic row may be violated at a price. Here each unit costs 0.5, less than holding x >= 1.5 does.
const upper = Float64Array.of(Infinity, 0.5);
console.log(nearestPointDense({ rows, rhs, upper }).point);

// The solver itself sees rows by their inner products alone, and goes on from an earlier active set.
const growing = denseRows(2);
growing.addRow(rows[0]);
const first = nearestPoint({ rows: growing, rhs: rhs.slice(0, 1) });
growing.addRow(rows[1]);
const second = nearestPoint({ rows: growing, rhs }, { start: first.active });
console.log(second.status, second.multipliers);
