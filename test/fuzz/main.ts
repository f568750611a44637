/** `npm run fuzz -- --seed S --requests N`: the fuzz run; prints its figures, and fails where there is a fault. */
import { parseArgs } from "node:util";
import { fuzzHttp } from "./http.ts";

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, requests: { type: "string", default: "20000" } },
});
const figures = await fuzzHttp(Number(values.seed), Number(values.requests));
console.log(JSON.stringify(figures, null, 2));
process.exitCode = figures.faults.length > 0 ? 1 : 0;
