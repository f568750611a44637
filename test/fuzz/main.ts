/** `npm run fuzz -- --seed S --requests N --frames M`: the fuzz run; prints its figures, and fails if it finds a problem. */
import { parseArgs } from "node:util";
import { fuzzAgentLink } from "./agent-link.ts";
import { fuzzAgentTunnel } from "./agent-tunnel.ts";
import { fuzzHttp } from "./http.ts";
import { fuzzNodeLink } from "./node-link.ts";
import { fuzzStreams } from "./streams.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    requests: { type: "string", default: "20000" },
    /** Frames to each side of the link, and of streams. */
    frames: { type: "string", default: "20000" },
  },
});
const [seed, requests, frames] = [values.seed, values.requests, values.frames].map(Number) as [
  number,
  number,
  number,
];
const runs = {
  http: fuzzHttp,
  framesToAgent: fuzzAgentLink,
  framesToApi: fuzzNodeLink,
  streamsToApi: fuzzStreams,
  streamsToAgent: fuzzAgentTunnel,
};
for (const [name, run] of Object.entries(runs)) {
  const figures = await run(seed, name === "http" ? requests : frames);
  console.log(JSON.stringify({ [name]: figures }, null, 2));
  if (figures.faults.length > 0) process.exitCode = 1;
}
