/** A Session's storage: its record, spec, plans and assignments, and the tables of its parts and containers. */
import type { Plan } from "../../shared/plan/plan.ts";
import type { Layout, Part } from "../../shared/protocol/assignment.ts";
import { assignmentsOf } from "../../shared/protocol/assignments.ts";
import type { SessionSpec } from "../../shared/request/spec.ts";
import type { SessionRecord } from "../../shared/session/session-record.ts";
import { EVENTS_SCHEMA, EventTable } from "../events/event-table.ts";
import { MAIL_SCHEMA } from "../mailbox/mailbox.ts";
import { DOCUMENTS, getDocument, putDocument } from "../platform/documents.ts";
import { SETTINGS } from "../platform/installation-settings.ts";
import type { Start } from "../platform/messages.ts";
import { CONTAINERS_SCHEMA, ContainerTable } from "./container-table.ts";
import { PARTS_SCHEMA, PartTable } from "./part-table.ts";

/** Document: the stored assignments of the last plan. */
const ASSIGNMENTS = "assignments";
/** Document: users' keys, once some came after the request. */
const SSH_KEYS = "sshKeys";
/** Events that are kept. A plan of 1,024 containers has about 7 for each, so one fits whole. */
export const SESSION_EVENTS = 10_000;
const FED = "fed";

interface Written {
  epoch: number;
  layout: Layout;
  /** By node id. */
  parts: Record<string, Part>;
}

export class SessionStore {
  readonly parts: PartTable;
  readonly containers: ContainerTable;
  readonly events: EventTable;
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  #spec: SessionSpec | undefined;
  #plan: { epoch: number; plan: Plan } | undefined;
  #written: Written | undefined;
  #sshKeys: readonly string[] | undefined;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.parts = new PartTable(storage.sql);
    this.containers = new ContainerTable(storage.sql);
    this.events = new EventTable(storage.sql, SESSION_EVENTS);
  }

  /** Undefined if the session was never created. */
  record(): SessionRecord | undefined {
    return this.#storage.kv.get<SessionRecord>("session");
  }

  putRecord(record: SessionRecord): void {
    this.#storage.kv.put("session", record);
  }

  create(record: SessionRecord, spec: SessionSpec): void {
    this.#sql.exec(PARTS_SCHEMA + CONTAINERS_SCHEMA + EVENTS_SCHEMA + MAIL_SCHEMA + DOCUMENTS);
    putDocument(this.#sql, "spec", spec);
    this.putRecord(record);
  }

  spec(): SessionSpec {
    this.#spec ??= getDocument<SessionSpec>(this.#sql, "spec")!;
    return this.#spec;
  }

  /** Users' keys that may log in: those of the request, and then those that came later. */
  sshKeys(): readonly string[] {
    this.#sshKeys ??= getDocument<string[]>(this.#sql, SSH_KEYS) ?? this.spec().sshKeys ?? [];
    return this.#sshKeys;
  }

  /** `all` begins with those that were there before: their number tells a node's agent which ones it lacks. */
  putSshKeys(all: readonly string[]): void {
    putDocument(this.#sql, SSH_KEYS, all);
    this.#sshKeys = all;
  }

  /** The plan of an epoch; undefined before the first. */
  plan(epoch: number): Plan | undefined {
    if (this.#plan?.epoch !== epoch) {
      const plan = getDocument<Plan>(this.#sql, `plan/${epoch}`);
      this.#plan = plan && { epoch, plan };
    }
    return this.#plan?.plan;
  }

  /**
   * Stores a new epoch: its plan, parts, containers and assignments. Assignments are stored once and sent as stored, so that another
   * release or other settings cannot change them. O(nodes + containers) bytes, a fixed number of statements.
   */
  begin(record: SessionRecord, { epoch, plan, nodesChange }: Start): void {
    putDocument(this.#sql, `plan/${epoch}`, plan);
    this.#storage.kv.put("nodesChange", nodesChange);
    const { layout, parts } = assignmentsOf(this.spec(), plan, record, SETTINGS);
    this.#written = { epoch, layout, parts: Object.fromEntries(parts) };
    putDocument(this.#sql, ASSIGNMENTS, this.#written);
    this.parts.begin(epoch, plan.nodes);
    this.containers.begin(plan.containers);
  }

  /** The layout, which all nodes of the last plan get, as JSON text. */
  layout(): string {
    return JSON.stringify(this.#assignments().layout);
  }

  /** One node's part of the last plan. */
  part(node: string): Part {
    return this.#assignments().parts[node]!;
  }

  #assignments(): Written {
    this.#written ??= getDocument<Written>(this.#sql, ASSIGNMENTS)!;
    return this.#written;
  }

  /** Number of the last join or leave that nodes must know before they start on this plan. */
  nodesChange(): number {
    return this.#storage.kv.get<number>("nodesChange") ?? 0;
  }

  /** Number of the last event that the project's Feed has taken. */
  fed(): number {
    return this.#storage.kv.get<number>(FED) ?? 0;
  }

  putFed(seq: number): void {
    this.#storage.kv.put(FED, seq);
  }

  /** Deletes everything of the session. */
  async forget(): Promise<void> {
    this.#spec = undefined;
    this.#plan = undefined;
    this.#written = undefined;
    this.#sshKeys = undefined;
    this.parts.clear();
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }
}
