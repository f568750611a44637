/** `skein describe`. */
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { failedOutput, sessionText } from "../session-text.ts";
import { table } from "../table.ts";

export const describe = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "SESSION", min: 1, max: 1 },
  notes: "SESSION is an id or a name: of the live session of that name, else of the latest.",
  async run({ options, positionals: [id] }) {
    const session = await withApi((skein) => skein.getSession({ path: { id: id! } }));
    if (options.json) {
      console.log(JSON.stringify(session));
      return;
    }
    const { network, epoch, createdAt, startedAt, endedAt } = session;
    const facts = [
      ...(network === null
        ? []
        : [
            ["network", `${network.driver} ${network.subnet}, MTU ${network.mtu}`],
            ["encryption", network.encryption],
            ...(network.vni === undefined ? [] : [["VNI", String(network.vni)]]),
          ]),
      ["epoch", String(epoch)],
      ["created", createdAt],
      ["started", startedAt ?? "-"],
      ["ended", endedAt ?? "-"],
    ];
    console.log(sessionText(session));
    console.log(`\n${facts.map(([what, value]) => `${what!.padEnd(12)}${value}`).join("\n")}`);
    const containers = session.containers.filter(({ containerId }) => containerId !== null);
    if (containers.length > 0) {
      const rows = containers.map(({ host, rank, image, containerId }) => [
        host,
        String(rank),
        image,
        containerId!.slice(0, 12),
      ]);
      console.log(`\n${table(["HOST", "RANK", "IMAGE", "CONTAINER"], rows)}`);
    }
    const output = failedOutput(session);
    if (output !== "") console.log(`\n${output}`);
  },
});
