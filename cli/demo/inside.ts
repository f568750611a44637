/** The demo itself, inside the lab's namespaces: it runs every command line that it shows, and prints their real output. */
import { once } from "node:events";
import { join } from "node:path";
import type { Session } from "../../sdk/index.ts";
import { type Cluster, startCluster } from "../../test/lab/cluster.ts";
import { run } from "../../test/lab/command.ts";
import { ROOT } from "../paths.ts";
import { print } from "../print.ts";
import { report } from "../report.ts";
import { bold, text } from "../terminal-text.ts";
import { nothingLeft } from "./evidence.ts";
import { type Keep, openDoors, SOCKETS_DIR } from "./keep.ts";

const IMAGE = "skein/debian:12";
const started = Date.now();

function chapter(title: string): void {
  print(text`\n${bold(`== ${title}`)}\n`);
}

/** Runs `./skein …` as a user beside the lab would, and shows it. */
async function skein(cluster: Cluster, ...args: string[]): Promise<void> {
  const env = { ...process.env, SKEIN_API: cluster.api.url, SKEIN_TOKEN: cluster.api.token };
  print(`$ ./skein ${args.join(" ")}`);
  print((await run([join(ROOT, "skein"), ...args], { env })).trimEnd());
}

/** Runs a command line in a container of a session, and shows it. */
async function inContainer(cluster: Cluster, session: Session, host: string, script: string): Promise<void> {
  const { code, stdout, stderr } = await cluster.exec(session, host, ["sh", "-c", script]);
  print(`${host}$ ${script}\n${(stdout + stderr).trimEnd()}`);
  if (code !== 0) throw new Error(`exit ${code} from this command in ${host} of ${session.name}`);
}

/** Shows one session: where it runs, its containers' environment, and that they reach each other. */
async function show(cluster: Cluster, name: string, flags: string[]): Promise<void> {
  await skein(cluster, "run", "--name", name, "--image", IMAGE, ...flags);
  const session = await cluster.skein.getSession({ path: { id: name } });
  const others = session.containers.map(({ host }) => host).filter((host) => host !== "main1");
  print("");
  await inContainer(cluster, session, "main1", "env | grep BACKENDAI_CLUSTER_ | sort");
  for (const host of others) {
    await inContainer(
      cluster,
      session,
      "main1",
      `ssh ${host} 'echo "$(hostname), rank $BACKENDAI_CLUSTER_LOCAL_RANK"'`,
    );
  }
  await inContainer(cluster, session, others.at(-1)!, "ssh main1 hostname");
}

async function tour(cluster: Cluster): Promise<void> {
  chapter(`An API, and ${cluster.lab.hosts.length} Linux hosts with a Docker engine and an agent each`);
  await skein(cluster, "node", "ls");

  chapter("A single-node session: 3 containers on a private bridge network");
  await show(cluster, "single", ["--size", "3"]);

  chapter("A multi-node session: 4 containers on a private overlay network");
  await show(cluster, "multi", ["--mode", "multi-node", "--size", "4"]);

  chapter("Both at once, then neither");
  await skein(cluster, "ps");
  await skein(cluster, "rm", "single", "multi");
  print(text`\n${await nothingLeft(cluster)}`);
  print(`\nDone in ${((Date.now() - started) / 1000).toFixed(1)} s.`);
}

async function main(): Promise<number> {
  const told = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  const keep = process.env[SOCKETS_DIR];
  const cluster = await startCluster({ hosts: 3 });
  try {
    // Ctrl-C at any moment: the demo skips the rest and removes everything.
    const finished = await Promise.race([tour(cluster).then(() => true), told.then(() => false)]);
    if (!finished) return 130;
    if (keep !== undefined) {
      print(`\n${await openDoors(JSON.parse(keep) as Keep, cluster)}`);
      await told;
    }
    return 0;
  } finally {
    await cluster.close();
  }
}

// Exits explicitly: the relays of --keep would keep the process alive.
process.exit(await main().catch((error: unknown) => report(error, { command: "demo", json: false })));
