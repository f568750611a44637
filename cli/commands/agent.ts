/** `skein agent`: this machine as a node, in the foreground. */
import { resolve } from "node:path";
import { allowedGiven } from "../allowed-given.ts";
import { carryBytes } from "../carry-bytes.ts";
import { CliError, UsageError } from "../cli-error.ts";
import { defineCommand, JSON_ERRORS } from "../command.ts";
import { ensureKit } from "../kit.ts";
import { AGENT_STATE, KIT_ROOT } from "../paths.ts";
import { byteSize, decimalNumber, httpUrl, keyValues, wholeNumber } from "../values.ts";

export const agent = defineCommand({
  options: {
    api: { type: "string", value: "URL", about: "the API's URL" },
    join: { type: "string", value: "TOKEN", about: "from skein join-token; only the first time" },
    name: {
      type: "string",
      value: "NAME",
      about: "the node's, unique in its fleet (default: the machine's)",
    },
    state: {
      type: "string",
      value: "DIR",
      about: "its key and sessions (default: .skein/agent of this checkout)",
    },
    docker: {
      type: "string",
      value: "SOCKET",
      about: "the engine's socket path or URL (default: as docker has it)",
    },
    address: {
      type: "string",
      value: "IP",
      about: "what other nodes reach this one at (default: found out)",
    },
    label: { type: "string", multiple: true, value: "K=V", about: "for placement" },
    cpu: { type: "string", value: "N", about: "cores to give to sessions (default: all)" },
    memory: { type: "string", value: "SIZE", about: "memory to give to sessions, like 32GiB (default: all)" },
    gpu: { type: "string", value: "N", about: "GPUs to give to sessions (default: those found)" },
    "log-space": {
      type: "string",
      value: "SIZE",
      about: "what all containers' stored output may take (default: 5GiB)",
    },
    allow: {
      type: "string",
      multiple: true,
      value: "WHAT",
      about: "what containers may have of this node itself (default: nothing)",
    },
    ...JSON_ERRORS,
    "rotate-key": { type: "boolean", about: "replace the node's key once the link is up, then go on" },
  },
  notes:
    "WHAT is mount=PATH, mount=PATH:rw, device=PATH, privileged or host-network; see docs/security.md.\n" +
    "Runs until Ctrl-C. Sessions outlive it: they carry on, and it finds them again.",
  async run({ options }) {
    if (options.api === undefined) throw new UsageError("--api is missing");
    const { join, name, docker, address, cpu, memory, gpu, "log-space": logSpace } = options;
    const given = {
      api: httpUrl("--api", options.api),
      labels: keyValues("label", options.label),
      allowed: allowedGiven("allow", options.allow),
      ...(join === undefined ? {} : { joinToken: join }),
      ...(name === undefined ? {} : { name }),
      ...(docker === undefined ? {} : { docker }),
      ...(address === undefined ? {} : { address }),
      ...(cpu === undefined ? {} : { cpu: decimalNumber("cpu", cpu) }),
      ...(memory === undefined ? {} : { memory: byteSize("memory", memory) }),
      ...(gpu === undefined ? {} : { gpu: wholeNumber("gpu", gpu) }),
      ...(logSpace === undefined ? {} : { logSpace: byteSize("log-space", logSpace) }),
    };
    if (process.platform !== "linux")
      throw new CliError("a node needs Linux: this system is a client and an API only");
    await ensureKit();
    // Loaded only here, since only a node needs it.
    const { runAgent } = await import("../../agent/index.ts");
    carryBytes();
    const code = await runAgent({
      ...given,
      rotateKey: options["rotate-key"],
      stateDir: resolve(options.state ?? AGENT_STATE),
      kitRoot: KIT_ROOT,
    });
    // Exits explicitly: open streams from the engine would keep the process alive as long as its containers run.
    process.exit(code);
  },
});
