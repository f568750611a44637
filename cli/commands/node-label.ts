/** `skein node label`. */
import { UsageError } from "../cli-error.ts";
import { withApi } from "../client.ts";
import { defineCommand, JSON_OPTION } from "../command.ts";
import { nodeTable } from "../node-text.ts";
import { print, printJson } from "../print.ts";

export const nodeLabel = defineCommand({
  options: JSON_OPTION,
  positionals: { name: "NODE K=V K-", min: 2, max: 1024 },
  notes: "K=V sets a label, K- removes one; the others stay. Sessions that run there stay, too.",
  async run({ options, positionals: [id, ...words] }) {
    const changes = words.map(labelChange);
    const node = await withApi(async (skein) => {
      const { labels } = await skein.getNode({ path: { id: id! } });
      return await skein.patchNode({ path: { id: id! }, body: { labels: changedLabels(labels, changes) } });
    });
    if (options.json) printJson(node);
    else print(nodeTable([node]));
  },
});

/** A label's name, and its value; without one the label goes. */
export type LabelChange = [key: string, value?: string];

/** @throws UsageError */
export function labelChange(word: string): LabelChange {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  if (key !== undefined) return [key, value!];
  if (/^[^=]+-$/.test(word)) return [word.slice(0, -1)];
  throw new UsageError(`${word} is no label: write K=V to set one, K- to remove one`);
}

/** In the order in which they are given. */
export function changedLabels(
  labels: Readonly<Record<string, string>>,
  changes: readonly LabelChange[],
): Record<string, string> {
  const after = new Map(Object.entries(labels));
  for (const [key, value] of changes) {
    if (value === undefined) after.delete(key);
    else after.set(key, value);
  }
  return Object.fromEntries(after);
}
