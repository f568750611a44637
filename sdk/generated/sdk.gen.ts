// @ts-nocheck

import { client } from './client.gen.ts';
import type { Client, ClientMeta, Options as Options2, RequestResult, ServerSentEventsResult, TDataShape } from './client/index.ts';
import type { AddSshKeysData, AddSshKeysErrors, AddSshKeysResponses, ConnectAgentData, ConnectAgentErrors, CreateAppLinkData, CreateAppLinkErrors, CreateAppLinkResponses, CreateJoinTokenData, CreateJoinTokenErrors, CreateJoinTokenResponses, CreateSessionData, CreateSessionErrors, CreateSessionResponses, CreateTokenData, CreateTokenErrors, CreateTokenResponses, EndSessionData, EndSessionErrors, EndSessionResponses, ExecContainerData, ExecContainerErrors, ForwardPortData, ForwardPortErrors, GetDocsData, GetDocsErrors, GetDocsResponses, GetFilesData, GetFilesErrors, GetFilesResponses, GetHealthData, GetHealthErrors, GetHealthResponses, GetNodeData, GetNodeErrors, GetNodeResponses, GetOpenApiData, GetOpenApiErrors, GetOpenApiResponses, GetRegistryData, GetRegistryErrors, GetRegistryResponses, GetSessionData, GetSessionErrors, GetSessionResponses, GetSessionSchemaData, GetSessionSchemaErrors, GetSessionSchemaResponses, JoinAgentData, JoinAgentErrors, JoinAgentResponses, ListAuditData, ListAuditErrors, ListAuditResponses, ListNodesData, ListNodesErrors, ListNodesResponses, ListRegistriesData, ListRegistriesErrors, ListRegistriesResponses, ListSessionsData, ListSessionsErrors, ListSessionsResponses, ListTokensData, ListTokensErrors, ListTokensResponses, OpenTunnelData, OpenTunnelErrors, PatchNodeData, PatchNodeErrors, PatchNodeResponses, PlanSessionData, PlanSessionErrors, PlanSessionResponses, PutFilesData, PutFilesErrors, PutFilesResponses, ReadLogsData, ReadLogsErrors, ReadLogsResponses, RemoveNodeData, RemoveNodeErrors, RemoveNodeResponses, RemoveRegistryData, RemoveRegistryErrors, RemoveRegistryResponses, RevokeTokenData, RevokeTokenErrors, RevokeTokenResponses, SetRegistryData, SetRegistryErrors, SetRegistryResponses, StartSessionData, StartSessionErrors, StartSessionResponses, StreamEventsData, StreamEventsErrors, StreamEventsResponse, StreamEventsResponses, StreamSessionEventsData, StreamSessionEventsErrors, StreamSessionEventsResponse, StreamSessionEventsResponses } from './types.gen.ts';

export type Options<TData extends TDataShape = TDataShape, ThrowOnError extends boolean = boolean, TResponse = unknown> = Options2<TData, ThrowOnError, TResponse> & {
    /**
     * You can provide a client instance returned by `createClient()` instead of
     * individual options. This might be also useful if you want to implement a
     * custom client.
     */
    client?: Client;
    /**
     * You can pass arbitrary values through the `meta` object. This can be
     * used to access values that aren't defined as part of the SDK function.
     */
    meta?: keyof ClientMeta extends never ? Record<string, unknown> : ClientMeta;
};

/**
 * This document, for people
 *
 * Swagger UI: to search, to read, and to try operations with a token. It loads nothing from elsewhere. Needs no token.
 */
export const getDocs = <ThrowOnError extends boolean = false>(options?: Options<GetDocsData, ThrowOnError>): RequestResult<GetDocsResponses, GetDocsErrors, ThrowOnError> => (options?.client ?? client).get<GetDocsResponses, GetDocsErrors, ThrowOnError>({ url: '/docs', ...options });

/**
 * Is it there?
 *
 * Needs no token.
 */
export const getHealth = <ThrowOnError extends boolean = false>(options?: Options<GetHealthData, ThrowOnError>): RequestResult<GetHealthResponses, GetHealthErrors, ThrowOnError> => (options?.client ?? client).get<GetHealthResponses, GetHealthErrors, ThrowOnError>({ url: '/healthz', ...options });

/**
 * This document
 *
 * OpenAPI 3.1. Needs no token.
 */
export const getOpenApi = <ThrowOnError extends boolean = false>(options?: Options<GetOpenApiData, ThrowOnError>): RequestResult<GetOpenApiResponses, GetOpenApiErrors, ThrowOnError> => (options?.client ?? client).get<GetOpenApiResponses, GetOpenApiErrors, ThrowOnError>({ url: '/openapi.json', ...options });

/**
 * The JSON Schema of a request for a session
 *
 * For editors that check and complete a file for `skein run -f`. JSON Schema draft 7. Needs no token.
 */
export const getSessionSchema = <ThrowOnError extends boolean = false>(options?: Options<GetSessionSchemaData, ThrowOnError>): RequestResult<GetSessionSchemaResponses, GetSessionSchemaErrors, ThrowOnError> => (options?.client ?? client).get<GetSessionSchemaResponses, GetSessionSchemaErrors, ThrowOnError>({ url: '/schema/session.json', ...options });

/**
 * Join the fleet
 *
 * A node joins with a join token and its public key. The private key stays on the node.
 */
export const joinAgent = <ThrowOnError extends boolean = false>(options: Options<JoinAgentData, ThrowOnError>): RequestResult<JoinAgentResponses, JoinAgentErrors, ThrowOnError> => (options.client ?? client).post<JoinAgentResponses, JoinAgentErrors, ThrowOnError>({
    url: '/v1/agents',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * A node's link (WebSocket)
 *
 * Speaks shared/protocol/protocol.ts (docs/protocol.md). The node proves its key by signing a nonce.
 */
export const connectAgent = <ThrowOnError extends boolean = false>(options: Options<ConnectAgentData, ThrowOnError>): RequestResult<unknown, ConnectAgentErrors, ThrowOnError> => (options.client ?? client).get<unknown, ConnectAgentErrors, ThrowOnError>({ url: '/v1/agents/connect', ...options });

/**
 * A node's tunnel for one session's streams (WebSocket)
 *
 * An agent dials it when its link asks for it, and proves its key by signing a nonce.
 */
export const openTunnel = <ThrowOnError extends boolean = false>(options: Options<OpenTunnelData, ThrowOnError>): RequestResult<unknown, OpenTunnelErrors, ThrowOnError> => (options.client ?? client).get<unknown, OpenTunnelErrors, ThrowOnError>({ url: '/v1/agents/tunnel', ...options });

/**
 * Who changed what, who entered which container, and what was refused
 *
 * Of all projects, newest first. Needs the role `admin`.
 */
export const listAudit = <ThrowOnError extends boolean = false>(options?: Options<ListAuditData, ThrowOnError>): RequestResult<ListAuditResponses, ListAuditErrors, ThrowOnError> => (options?.client ?? client).get<ListAuditResponses, ListAuditErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/audit',
    ...options
});

/**
 * Follow all sessions
 *
 * Those of the token's project. Server-sent events: `event: session` when its status, reason or epoch changed, `event: container` when a container's status, reason or exit code changed. `id` grows in each stream. `event: progress` says at most once per second and container how far the pull of its image is; it has no id and is not kept. A comment `: ping` comes after 15 s of silence. Progress is only in a session's own stream. Needs the role `viewer` or more.
 */
export const streamEvents = <ThrowOnError extends boolean = false>(options?: Options<StreamEventsData, ThrowOnError, StreamEventsResponse>): Promise<ServerSentEventsResult<StreamEventsResponses>> => (options?.client ?? client).sse.get<StreamEventsResponses, StreamEventsErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/events',
    ...options
});

/**
 * Make a join token
 *
 * One node joins with it, within an hour. It is shown once; only its hash is kept. Needs the role `admin`.
 */
export const createJoinToken = <ThrowOnError extends boolean = false>(options?: Options<CreateJoinTokenData, ThrowOnError>): RequestResult<CreateJoinTokenResponses, CreateJoinTokenErrors, ThrowOnError> => (options?.client ?? client).post<CreateJoinTokenResponses, CreateJoinTokenErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/join-tokens',
    ...options
});

/**
 * List nodes
 *
 * Newest first: what they have, what of it is allocated, whether their link is up. Needs the role `admin`.
 */
export const listNodes = <ThrowOnError extends boolean = false>(options?: Options<ListNodesData, ThrowOnError>): RequestResult<ListNodesResponses, ListNodesErrors, ThrowOnError> => (options?.client ?? client).get<ListNodesResponses, ListNodesErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/nodes',
    ...options
});

/**
 * Forget a node
 *
 * Its link is closed and its agent ends. With `force` also while it has work: those sessions fail. Needs the role `admin`.
 */
export const removeNode = <ThrowOnError extends boolean = false>(options: Options<RemoveNodeData, ThrowOnError>): RequestResult<RemoveNodeResponses, RemoveNodeErrors, ThrowOnError> => (options.client ?? client).delete<RemoveNodeResponses, RemoveNodeErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/nodes/{id}',
    ...options
});

/**
 * Get a node
 *
 * What it has, what of it is allocated, whether its link is up. Needs the role `admin`.
 */
export const getNode = <ThrowOnError extends boolean = false>(options: Options<GetNodeData, ThrowOnError>): RequestResult<GetNodeResponses, GetNodeErrors, ThrowOnError> => (options.client ?? client).get<GetNodeResponses, GetNodeErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/nodes/{id}',
    ...options
});

/**
 * Cordon or label a node
 *
 * A cordoned node keeps what it runs and gets nothing new. Needs the role `admin`.
 */
export const patchNode = <ThrowOnError extends boolean = false>(options: Options<PatchNodeData, ThrowOnError>): RequestResult<PatchNodeResponses, PatchNodeErrors, ThrowOnError> => (options.client ?? client).patch<PatchNodeResponses, PatchNodeErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/nodes/{id}',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * What would run where
 *
 * A dry run: the same body as a session, the same planner, nothing changed. It says whether there is room now, and ignores the queue: a session may have to wait behind others all the same. Needs the role `viewer` or more.
 */
export const planSession = <ThrowOnError extends boolean = false>(options: Options<PlanSessionData, ThrowOnError>): RequestResult<PlanSessionResponses, PlanSessionErrors, ThrowOnError> => (options.client ?? client).post<PlanSessionResponses, PlanSessionErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/plans',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * List registries
 *
 * Those for which the token's project has credentials, newest first; without the passwords. Needs the role `admin`.
 */
export const listRegistries = <ThrowOnError extends boolean = false>(options?: Options<ListRegistriesData, ThrowOnError>): RequestResult<ListRegistriesResponses, ListRegistriesErrors, ThrowOnError> => (options?.client ?? client).get<ListRegistriesResponses, ListRegistriesErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/registries',
    ...options
});

/**
 * Forget credentials for a registry
 *
 * What runs goes on. New sessions ask the registry without credentials. Needs the role `admin`.
 */
export const removeRegistry = <ThrowOnError extends boolean = false>(options: Options<RemoveRegistryData, ThrowOnError>): RequestResult<RemoveRegistryResponses, RemoveRegistryErrors, ThrowOnError> => (options.client ?? client).delete<RemoveRegistryResponses, RemoveRegistryErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/registries/{host}',
    ...options
});

/**
 * Get a registry
 *
 * Who the project asks the registry as; not the password. Needs the role `admin`.
 */
export const getRegistry = <ThrowOnError extends boolean = false>(options: Options<GetRegistryData, ThrowOnError>): RequestResult<GetRegistryResponses, GetRegistryErrors, ThrowOnError> => (options.client ?? client).get<GetRegistryResponses, GetRegistryErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/registries/{host}',
    ...options
});

/**
 * Store credentials for a registry
 *
 * The project's sessions pull images of this registry with them, also where a node has the image already. Stored encrypted. They replace earlier ones, and are not tried here. Needs the role `admin`.
 */
export const setRegistry = <ThrowOnError extends boolean = false>(options: Options<SetRegistryData, ThrowOnError>): RequestResult<SetRegistryResponses, SetRegistryErrors, ThrowOnError> => (options.client ?? client).put<SetRegistryResponses, SetRegistryErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/registries/{host}',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * List sessions
 *
 * Those of the token's project, newest first, ended ones included as long as they are kept. Without the containers' output, which each session itself has. Needs the role `viewer` or more.
 */
export const listSessions = <ThrowOnError extends boolean = false>(options?: Options<ListSessionsData, ThrowOnError>): RequestResult<ListSessionsResponses, ListSessionsErrors, ThrowOnError> => (options?.client ?? client).get<ListSessionsResponses, ListSessionsErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions',
    ...options
});

/**
 * Create a session
 *
 * Plans it and starts it as soon as there is room and it is its turn; all of its containers or none. While it waits, `reason` says for what, and its place in the queue. Needs the role `user` or more.
 */
export const createSession = <ThrowOnError extends boolean = false>(options: Options<CreateSessionData, ThrowOnError>): RequestResult<CreateSessionResponses, CreateSessionErrors, ThrowOnError> => (options.client ?? client).post<CreateSessionResponses, CreateSessionErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * End a session
 *
 * SIGTERM, 10 s, SIGKILL; then nothing of it is left. Ending an ended one is no error. One whose containers stay for a while (`holdAtEnd`) loses them now. Needs the role `user` or more.
 */
export const endSession = <ThrowOnError extends boolean = false>(options: Options<EndSessionData, ThrowOnError>): RequestResult<EndSessionResponses, EndSessionErrors, ThrowOnError> => (options.client ?? client).delete<EndSessionResponses, EndSessionErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}',
    ...options
});

/**
 * Get a session
 *
 * As it is now, or with `wait` when it has settled. Needs the role `viewer` or more.
 */
export const getSession = <ThrowOnError extends boolean = false>(options: Options<GetSessionData, ThrowOnError>): RequestResult<GetSessionResponses, GetSessionErrors, ThrowOnError> => (options.client ?? client).get<GetSessionResponses, GetSessionErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}',
    ...options
});

/**
 * A link that opens an app in a browser
 *
 * Good for 60 s, and once. It gives the browser a cookie for this app alone, which ends with the session or the token. `skein open` needs no link. Needs the role `user` or more.
 */
export const createAppLink = <ThrowOnError extends boolean = false>(options: Options<CreateAppLinkData, ThrowOnError>): RequestResult<CreateAppLinkResponses, CreateAppLinkErrors, ThrowOnError> => (options.client ?? client).post<CreateAppLinkResponses, CreateAppLinkErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/apps/{name}/links',
    ...options
});

/**
 * Run a command in a container (WebSocket)
 *
 * With a terminal, or with stdin, stdout and stderr apart. The first frame says which command; docs/streams.md has all frames. A browser passes its token as the subprotocol `base64url.bearer.authorization.skein.TOKEN`, with the token in base64url, after `skein.v1`. Needs the role `user` or more.
 */
export const execContainer = <ThrowOnError extends boolean = false>(options: Options<ExecContainerData, ThrowOnError>): RequestResult<unknown, ExecContainerErrors, ThrowOnError> => (options.client ?? client).get<unknown, ExecContainerErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/containers/{host}/exec',
    ...options
});

/**
 * Read files of a container (tar)
 *
 * A tar archive of the file or directory, whose names begin with the path's last part. The header `Skein-Path-Stat` has JSON in base64url: `name`, `type`, `isDirectory` (of what it leads to), `size`, `mode`, `linkTarget`. HEAD answers with that header alone. An answer that breaks off before the archive's end is not whole. Needs the role `user` or more.
 */
export const getFiles = <ThrowOnError extends boolean = false>(options: Options<GetFilesData, ThrowOnError>): RequestResult<GetFilesResponses, GetFilesErrors, ThrowOnError> => (options.client ?? client).get<GetFilesResponses, GetFilesErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/containers/{host}/files',
    ...options
});

/**
 * Write files into a container, or into all (tar)
 *
 * Unpacks a tar archive in a directory, which must be there unless `parents` is true. The container may run, wait at its gate, or have ended. The files belong to the container's user; modes and links are kept. The body has no limit: it is passed on as fast as the container takes it. With `*` it goes into all containers, and a problem names those that failed. Needs the role `user` or more.
 */
export const putFiles = <ThrowOnError extends boolean = false>(options: Options<PutFilesData, ThrowOnError>): RequestResult<PutFilesResponses, PutFilesErrors, ThrowOnError> => (options.client ?? client).put<PutFilesResponses, PutFilesErrors, ThrowOnError>({
    bodySerializer: null,
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/containers/{host}/files',
    ...options,
    headers: {
        'Content-Type': 'application/x-tar',
        ...options.headers
    }
});

/**
 * Connect to a TCP port of a container (WebSocket)
 *
 * First 127.0.0.1 inside the container, then its address in the session. One WebSocket is one connection; docs/streams.md has the frames. Needs the role `user` or more.
 */
export const forwardPort = <ThrowOnError extends boolean = false>(options: Options<ForwardPortData, ThrowOnError>): RequestResult<unknown, ForwardPortErrors, ThrowOnError> => (options.client ?? client).get<unknown, ForwardPortErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/containers/{host}/ports/{port}',
    ...options
});

/**
 * Follow a session
 *
 * Server-sent events: `event: session` when its status, reason or epoch changed, `event: container` when a container's status, reason or exit code changed. `id` grows in each stream. `event: progress` says at most once per second and container how far the pull of its image is; it has no id and is not kept. A comment `: ping` comes after 15 s of silence. The stream ends with the session's last event. Needs the role `viewer` or more.
 */
export const streamSessionEvents = <ThrowOnError extends boolean = false>(options: Options<StreamSessionEventsData, ThrowOnError, StreamSessionEventsResponse>): Promise<ServerSentEventsResult<StreamSessionEventsResponses>> => (options.client ?? client).sse.get<StreamSessionEventsResponses, StreamSessionEventsErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/events',
    ...options
});

/**
 * Read the output of a session's containers
 *
 * JSON lines, or with `Accept: text/plain` the containers' own bytes. Several containers are merged by time, and in text each line begins with `HOST | `. It answers until the session's retention ends. An empty line comes after 15 s of silence. A node that cannot be reached gives one notice; with `follow` its lines go on once it is back. To go on after a broken connection, ask again with the last `time` as `since`. Needs the role `viewer` or more.
 */
export const readLogs = <ThrowOnError extends boolean = false>(options: Options<ReadLogsData, ThrowOnError>): RequestResult<ReadLogsResponses, ReadLogsErrors, ThrowOnError> => (options.client ?? client).get<ReadLogsResponses, ReadLogsErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/logs',
    ...options
});

/**
 * Let more SSH keys log in
 *
 * Adds OpenSSH public keys to a live session, for all of its containers, also those that start later. A key that it has already changes nothing. Answers once the nodes that are connected have taken them, after 10 s at the latest. Needs the role `user` or more.
 */
export const addSshKeys = <ThrowOnError extends boolean = false>(options: Options<AddSshKeysData, ThrowOnError>): RequestResult<AddSshKeysResponses, AddSshKeysErrors, ThrowOnError> => (options.client ?? client).post<AddSshKeysResponses, AddSshKeysErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/ssh-keys',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * Start a session that waits at its gate
 *
 * Opens the gate of a session that was made with `gate: "manual"`, so that its commands run. Before its time this is remembered, and the session will not wait. One that runs is left as it is. Needs the role `user` or more.
 */
export const startSession = <ThrowOnError extends boolean = false>(options: Options<StartSessionData, ThrowOnError>): RequestResult<StartSessionResponses, StartSessionErrors, ThrowOnError> => (options.client ?? client).post<StartSessionResponses, StartSessionErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/sessions/{id}/start',
    ...options
});

/**
 * List tokens
 *
 * Of all projects, newest first, expired and revoked ones included; not the tokens themselves. Needs the role `admin`.
 */
export const listTokens = <ThrowOnError extends boolean = false>(options?: Options<ListTokensData, ThrowOnError>): RequestResult<ListTokensResponses, ListTokensErrors, ThrowOnError> => (options?.client ?? client).get<ListTokensResponses, ListTokensErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/tokens',
    ...options
});

/**
 * Make a token
 *
 * For a project and a role, until a time. It is shown once and not stored. Needs the role `admin`.
 */
export const createToken = <ThrowOnError extends boolean = false>(options: Options<CreateTokenData, ThrowOnError>): RequestResult<CreateTokenResponses, CreateTokenErrors, ThrowOnError> => (options.client ?? client).post<CreateTokenResponses, CreateTokenErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/tokens',
    ...options,
    headers: {
        'Content-Type': 'application/json',
        ...options.headers
    }
});

/**
 * Revoke a token
 *
 * From then on the API refuses it. Revoking a revoked one is no error. Needs the role `admin`.
 */
export const revokeToken = <ThrowOnError extends boolean = false>(options: Options<RevokeTokenData, ThrowOnError>): RequestResult<RevokeTokenResponses, RevokeTokenErrors, ThrowOnError> => (options.client ?? client).delete<RevokeTokenResponses, RevokeTokenErrors, ThrowOnError>({
    security: [{ scheme: 'bearer', type: 'http' }],
    url: '/v1/tokens/{id}',
    ...options
});
