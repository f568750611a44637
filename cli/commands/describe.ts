/** `skein describe`. */
import type { Session } from "../../sdk/index.ts";
import { sayLimits } from "../../shared/plan/limits.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { lastOutput } from "../last-output.ts";
import { print, printJson } from "../print.ts";
import { sessionText, summaryText } from "../session-text.ts";
import { facts, table } from "../table.ts";
import { joined, type Text } from "../terminal-text.ts";

/** More containers than a screen has lines for. */
const MANY = 16;

export const describe = defineCommand({
  options: {
    all: { type: "boolean", short: "a", about: "a line for each container, however many there are" },
    ...JSON_OPTION,
  },
  positionals: { name: "SESSION", min: 1, max: 1 },
  notes:
    "SESSION is an id or a name: of the live session of that name, else of the latest.\n" +
    `Of more than ${MANY} containers it shows a line for each node, and those in trouble.`,
  async run({ options, positionals: [id] }) {
    const session = await withApi((skein) => skein.getSession({ path: { id: id! } }));
    if (options.json) return printJson(session);
    const isLong = session.containers.length > MANY && !options.all;
    const parts = isLong
      ? [summaryText(session), factsOf(session), lastOutput(session)]
      : [sessionText(session), factsOf(session), madeContainers(session), lastOutput(session)];
    print(
      joined(
        parts.flatMap((part) => part ?? []),
        "\n\n",
      ),
    );
  },
});

function factsOf({ apps, network, epoch, createdAt, startedAt, endedAt }: Session): Text {
  const ofNetwork: [string, string][] =
    network === null
      ? []
      : [
          ["network", `${network.driver} ${network.subnet}, MTU ${network.mtu}`],
          ["encryption", network.encryption],
          ...(network.vni === undefined ? [] : [["VNI", String(network.vni)] as [string, string]]),
        ];
  return facts(
    [
      ...ofNetwork,
      ...apps.map(({ name, port }): [string, string] => [`app ${name}`, `port ${port} of main1`]),
      ["epoch", String(epoch)],
      ["created", createdAt],
      ["started", startedAt ?? "-"],
      ["ended", endedAt ?? "-"],
    ],
    Math.max(12, ...apps.map(({ name }) => `app ${name}  `.length)),
  );
}

/** Undefined while no node has made one. */
function madeContainers({ containers }: Session): Text | undefined {
  const made = containers.filter(({ containerId }) => containerId !== null);
  if (made.length === 0) return undefined;
  const rows = made.map(({ host, rank, image, limits, containerId }) => [
    host,
    rank,
    image,
    limits === null ? "-" : sayLimits(limits),
    containerId!.slice(0, 12),
  ]);
  return table(["HOST", "RANK", "IMAGE", "LIMITS", "CONTAINER"], rows);
}
