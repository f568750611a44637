/**
 * Brings up a lab and keeps it up until SIGINT or SIGTERM, to look around or try things by hand. `node test/lab/enter.ts -- node
 * test/lab/hold.ts [HOSTS]` prints one line of JSON when everything is up.
 */
import { once } from "node:events";
import { startLab } from "./lab.ts";

const told = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
const lab = await startLab({ hosts: Number(process.argv[2] ?? 2) });
console.log(
  JSON.stringify({
    dir: lab.dir,
    api: lab.api.address,
    hosts: lab.hosts.map(({ name, address, dockerSocket }) => ({ name, address, dockerSocket })),
  }),
);
// A promise alone does not keep Node running.
const alive = setInterval(() => {}, 60_000);
await told;
clearInterval(alive);
await lab.close();
