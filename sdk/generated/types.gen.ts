// @ts-nocheck

export type ClientOptions = {
    baseUrl: `${string}://${string}` | (string & {});
};

export type AgentJoin = {
    /**
     * What other nodes reach it at
     */
    address: string;
    capacity: Capacity;
    facts: Facts;
    /**
     * Single-use
     */
    joinToken: string;
    /**
     * For placement
     */
    labels?: {
        [key: string]: string;
    };
    /**
     * The node's name
     */
    name: string;
    /**
     * Raw Ed25519 public key (RFC 8032), base64url without padding
     */
    publicKey: string;
};

export type AgentJoined = {
    /**
     * The fleet it joined
     */
    fleet: string;
    /**
     * The node's id
     */
    nodeId: string;
};

/**
 * What containers may have of the node itself
 */
export type Allowed = {
    /**
     * Devices, or folders of devices
     */
    devices: Array<string>;
    /**
     * Containers on the node's own network
     */
    hostNetwork: boolean;
    /**
     * What may be mounted
     */
    mounts: Array<{
        /**
         * Only to be read
         */
        readOnly: boolean;
        /**
         * Exactly this path, nothing below it
         */
        source: string;
    }>;
    /**
     * Containers that may do all that root may
     */
    privileged: boolean;
};

export type App = {
    /**
     * Its name, unique in the session
     */
    name: string;
    /**
     * Where it is opened; / unless given
     */
    path: string;
    /**
     * Where it listens in main1: at 127.0.0.1, or at main1's address
     */
    port: number;
};

export type AppLink = {
    /**
     * RFC 3339
     */
    expiresAt: string;
    /**
     * For a browser. It works once
     */
    url: string;
};

/**
 * A web server in main1, which gets an origin of its own
 */
export type AppRequest = {
    /**
     * Its name, unique in the session
     */
    name: string;
    /**
     * Where it is opened; / unless given
     */
    path?: string;
    /**
     * Where it listens in main1: at 127.0.0.1, or at main1's address
     */
    port: number;
};

export type AuditEntry = {
    /**
     * The operationId, or rotateKey
     */
    action: string;
    /**
     * Who: a token's id, `admin-token` for the installation's own, `node:NAME` for a node that joined; null if the caller is unknown
     */
    actor: string | null;
    /**
     * RFC 3339
     */
    at: string;
    /**
     * A refusal's code
     */
    code?: string;
    /**
     * Sorts by time, and has no other meaning
     */
    id: number;
    /**
     * Of the actor's token
     */
    project: string | null;
    /**
     * HTTP status of the answer; 101: a way into a container; from 400 on: a refusal
     */
    status: number;
    /**
     * Id of the changed object; of a way into a container `SESSION/HOST`, or `SESSION/HOST:PORT`; in a refusal the id or name in the request
     */
    target: string | null;
};

export type AuditList = {
    /**
     * Newest first
     */
    items: Array<AuditEntry>;
    /**
     * Where the list goes on; null at its end
     */
    nextCursor: string | null;
};

export type Capacity = {
    /**
     * Cores
     */
    cpu: number;
    /**
     * GPUs
     */
    gpu: number;
    /**
     * Bytes
     */
    memory: number;
};

/**
 * `event: container`: its status, reason or exit code changed. `event: progress`: how far the pull of its image is
 */
export type ContainerChanged = {
    /**
     * Of its last end, once it ended
     */
    exitCode: number | null;
    /**
     * Role and 1-based index
     */
    host: string;
    /**
     * The node's name
     */
    node: string | null;
    /**
     * Progress, what went wrong, or when it is started again
     */
    reason: string | null;
    /**
     * The session's id
     */
    sessionId: string;
    /**
     * As its node last reported
     */
    status: 'pending' | 'pulling' | 'prepared' | 'started' | 'running' | 'exited' | 'lost' | 'removed';
    /**
     * RFC 3339
     */
    time: string;
};

export type Facts = {
    /**
     * All that the machine answers at, the node's address and those of bridges aside
     */
    addresses: Array<string>;
    /**
     * Skein agent
     */
    agentVersion: string;
    allows: Allowed;
    /**
     * Machine architecture
     */
    arch: string;
    /**
     * Docker engine
     */
    dockerVersion: string;
    /**
     * Ids Docker's device requests take
     */
    gpuIds: Array<string>;
    /**
     * Kernel release
     */
    kernel: string;
    /**
     * MTU of the interface that holds the node's address
     */
    mtu: number;
    /**
     * Operating system
     */
    os: string;
    /**
     * The most that its engine can give to containers; missing: not known
     */
    ulimits?: {
        /**
         * Bytes of memory that may be locked
         */
        memlock?: number | 'unlimited';
        /**
         * Files that may be open
         */
        nofile?: number;
    };
    /**
     * CIDRs that a session's network must not overlap: routes, resolvers, Docker networks
     */
    usedSubnets: Array<string>;
    /**
     * VXLAN devices of something else: the kernel takes each VNI once per UDP port
     */
    usedVnis?: Array<{
        /**
         * UDP port of the device
         */
        port: number;
        /**
         * VXLAN network identifier
         */
        vni: number;
    }>;
};

/**
 * Which launchers are prepared for, by variables and files in every container (docs/frameworks.md). All are on unless given, except torchEnv: RANK and WORLD_SIZE for one process per container. An own value in env wins over each variable
 */
export type Frameworks = {
    /**
     * Ansible: an inventory with a group for each role
     */
    ansible?: boolean;
    /**
     * DeepSpeed's host file
     */
    deepspeed?: boolean;
    /**
     * Open MPI 4 and 5, MPICH, Intel MPI: host files, leave to run as root, no binding to cores
     */
    mpi?: boolean;
    /**
     * NCCL and Gloo: the session's interface
     */
    nccl?: boolean;
    /**
     * pdsh: all hosts, by SSH
     */
    pdsh?: boolean;
    /**
     * OpenMP and math libraries: as many threads as the cpu limit has whole cores
     */
    threads?: boolean;
    /**
     * torchrun, to be started in every container
     */
    torch?: boolean;
    /**
     * RANK and WORLD_SIZE for one process per container. Off unless given: any program that reads them waits for the others
     */
    torchEnv?: boolean;
};

export type Health = {
    /**
     * It answers
     */
    status: 'ok';
};

export type JoinToken = {
    /**
     * RFC 3339
     */
    expiresAt: string;
    /**
     * Give it to one agent
     */
    token: string;
};

/**
 * Draft 7
 */
export type JsonSchema = {
    [key: string]: unknown;
};

/**
 * A ulimit that is missing is the engine's own default
 */
export type Limits = {
    /**
     * Bytes of memory that may be locked
     */
    memlock?: number | 'unlimited';
    /**
     * Files that may be open
     */
    nofile?: number;
    /**
     * Bytes of /dev/shm: resources.shm, else the memory limit, else half of the node's memory. Its pages count as the container's memory
     */
    shm: number;
};

export type LogLine = {
    /**
     * The line's bytes, where they are not UTF-8
     */
    base64?: string;
    /**
     * The container
     */
    host: string;
    /**
     * No newline follows: the line goes on in the next one, or the output ended so
     */
    partial?: boolean;
    /**
     * `notice`: Skein says it, not the container
     */
    stream: 'stdout' | 'stderr' | 'notice';
    /**
     * The line, without its newline
     */
    text: string;
    /**
     * RFC 3339 with nanoseconds; no two lines of a container have the same
     */
    time: string;
};

export type Network = {
    /**
     * One node or many
     */
    driver: 'bridge' | 'overlay';
    /**
     * How traffic between nodes is encrypted
     */
    encryption: 'none';
    /**
     * Bytes
     */
    mtu: number;
    /**
     * CIDR
     */
    subnet: string;
    /**
     * VXLAN network identifier (overlay only)
     */
    vni?: number;
};

export type Node = {
    /**
     * What other nodes reach it at
     */
    address: string;
    allocated: Capacity;
    capacity: Capacity;
    facts: Facts;
    /**
     * The node's id
     */
    id: string;
    /**
     * For placement
     */
    labels: {
        [key: string]: string;
    };
    /**
     * RFC 3339
     */
    lastSeenAt: string | null;
    /**
     * Unique in the fleet
     */
    name: string;
    /**
     * false: cordoned
     */
    schedulable: boolean;
    /**
     * Whether its agent's link is up
     */
    status: 'ready' | 'disconnected' | 'lost';
};

export type NodeList = {
    /**
     * Newest first
     */
    items: Array<Node>;
    /**
     * Where the list goes on; null at its end
     */
    nextCursor: string | null;
};

export type NodePatch = {
    /**
     * Replaces all labels
     */
    labels?: {
        [key: string]: string;
    };
    /**
     * false cordons the node: nothing new is placed on it
     */
    schedulable?: boolean;
};

/**
 * OpenAPI 3.1
 */
export type OpenApi = {
    [key: string]: unknown;
};

export type Plan = {
    /**
     * Web servers in main1
     */
    apps: Array<App>;
    /**
     * One node or many
     */
    clusterMode: 'single-node' | 'multi-node';
    /**
     * Containers in all
     */
    clusterSize: number;
    /**
     * In rank order
     */
    containers: Array<{
        /**
         * On the session's network
         */
        address: string;
        /**
         * null: the image's, or idle
         */
        command: Array<string> | null;
        /**
         * The user's and Skein's. Skein's variables for launchers (docs/frameworks.md) give way to the image's own, which only the nodes know. BACKENDAI_CLUSTER_LOCAL_RANK is the rank in the whole session, not on a node
         */
        env: {
            [key: string]: string;
        };
        /**
         * Files for launchers in it; an own file of the image or of a mount stays
         */
        files: Array<string>;
        /**
         * Role and 1-based index
         */
        host: string;
        /**
         * The image
         */
        image: string;
        /**
         * 1-based within the role
         */
        index: number;
        limits: Limits;
        /**
         * The node's name
         */
        node: string;
        /**
         * The node
         */
        nodeId: string;
        /**
         * 0-based over the session; main1 is 0
         */
        rank: number;
        resources: Resources;
        /**
         * The role
         */
        role: string;
    }>;
    /**
     * The files for launchers, which are alike in all containers that have them
     */
    files: Array<{
        /**
         * In the containers
         */
        path: string;
        /**
         * What it says
         */
        text: string;
    }>;
    network: Network;
};

/**
 * RFC 9457 problem details
 */
export type Problem = {
    /**
     * Stable; see docs/errors.md
     */
    code: string;
    /**
     * What happened, where, what to do
     */
    detail: string;
    /**
     * Each field at fault
     */
    errors?: Array<{
        /**
         * As in the request
         */
        field: string;
        /**
         * What to do
         */
        message: string;
    }>;
    /**
     * unschedulable: why not, node by node
     */
    nodes?: Array<{
        /**
         * The node's name
         */
        node: string;
        /**
         * Why not
         */
        reason: string;
    }>;
    /**
     * rate_limited, unavailable: seconds to wait, as in Retry-After
     */
    retryAfter?: number;
    /**
     * HTTP status
     */
    status: number;
    /**
     * What the code means
     */
    title: string;
    /**
     * URN of the code
     */
    type: string;
};

/**
 * A project's credentials for a registry. The password is never shown
 */
export type Registry = {
    /**
     * The registry
     */
    host: string;
    /**
     * When the credentials were stored
     */
    updatedAt: string;
    /**
     * Who it is asked as
     */
    username: string;
};

export type RegistryList = {
    /**
     * Newest first
     */
    items: Array<Registry>;
    /**
     * Where the list goes on; null at its end
     */
    nextCursor: string | null;
};

export type RegistryRequest = {
    /**
     * Its password, or a token that the registry takes as one
     */
    password: string;
    /**
     * Who the registry is asked as
     */
    username: string;
};

export type Resources = {
    /**
     * Cores
     */
    cpu?: number;
    /**
     * GPUs
     */
    gpu?: number;
    /**
     * Bytes
     */
    memory?: number;
    /**
     * Bytes of /dev/shm
     */
    shm?: number;
};

/**
 * What is left out is neither reserved nor limited
 */
export type ResourcesRequest = {
    /**
     * Cores; fractions allowed
     */
    cpu?: number;
    /**
     * Number of GPUs
     */
    gpu?: number;
    /**
     * Bytes, or a size with a unit (KiB, MiB, GiB, TiB, or KB, MB, GB, TB)
     */
    memory?: number | string;
    /**
     * Size of /dev/shm. Unless given, the memory limit, else half of the node's memory
     */
    shm?: number | string;
};

/**
 * A role inherits what it leaves out: env, secretEnv, resources, ulimits and frameworks key by key, the rest whole
 */
export type RoleRequest = {
    /**
     * Replaces the image's CMD; with neither command nor entrypoint a container idles
     */
    command?: Array<string>;
    /**
     * Devices of the node, or folders of devices. Only on nodes that allow it
     */
    devices?: Array<string>;
    /**
     * Replaces the image's ENTRYPOINT
     */
    entrypoint?: Array<string>;
    /**
     * Environment variables; BACKENDAI_CLUSTER_* and SKEIN_* are Skein's own. BACKENDAI_CLUSTER_LOCAL_RANK is the rank in the whole session, as Backend.AI documents it, not that of a process on its machine. Variables for launchers (docs/frameworks.md) give way to these
     */
    env?: {
        [key: string]: string;
    };
    frameworks?: Frameworks;
    /**
     * The container uses its node's own network, and keeps its name and address in the session. Its user must be root. Only on nodes that allow it. false unless given
     */
    hostNetwork?: boolean;
    /**
     * The image each container runs
     */
    image?: string;
    /**
     * How often each container is started again, with onExit restart. After that, its end counts as with fail. 5 unless given
     */
    maxRestarts?: number;
    /**
     * Files and folders of the node. Only on nodes that allow it
     */
    mounts?: Array<{
        /**
         * Read-only, and without what is mounted below it on the node. true unless given
         */
        readOnly?: boolean;
        /**
         * What is mounted: a path of the node
         */
        source: string;
        /**
         * Where the container has it
         */
        target: string;
    }>;
    /**
     * The role; one role must be main
     */
    name: string;
    /**
     * What happens when a container of a running session ends. fail: the session ends with main1, and fails when another container ends with a code other than 0. ignore: the session goes on, also without main1. restart: a container that ends with a code other than 0 is started again, maxRestarts times with growing pauses; otherwise as fail. fail unless given
     */
    onExit?: 'fail' | 'ignore' | 'restart';
    /**
     * The container may do all that root may do on the node itself. Only on nodes that allow it. false unless given
     */
    privileged?: boolean;
    /**
     * How many containers
     */
    replicas: number;
    resources?: ResourcesRequest;
    /**
     * Environment variables like those of env, which no answer, event or log shows. Stored encrypted. A name may not be in env, too
     */
    secretEnv?: {
        [key: string]: string;
    };
    ulimits?: UlimitsRequest;
    /**
     * User, or UID, optionally with :GROUP
     */
    user?: string;
    /**
     * Working directory of the command
     */
    workdir?: string;
};

export type Session = {
    /**
     * Web servers in main1: see docs/apps.md
     */
    apps: Array<App>;
    /**
     * One node or many
     */
    clusterMode: 'single-node' | 'multi-node';
    /**
     * Containers in all
     */
    clusterSize: number;
    /**
     * In rank order
     */
    containers: Array<SessionContainer>;
    /**
     * RFC 3339
     */
    createdAt: string;
    /**
     * RFC 3339
     */
    endedAt: string | null;
    /**
     * How often its plan was made
     */
    epoch: number;
    /**
     * main1's, if its end was the session's; else null
     */
    exitCode: number | null;
    /**
     * The session's id
     */
    id: string;
    /**
     * Unique among the live sessions of its project
     */
    name: string;
    /**
     * Once planned
     */
    network: {
        /**
         * One node or many
         */
        driver: 'bridge' | 'overlay';
        /**
         * How traffic between nodes is encrypted
         */
        encryption: 'none';
        /**
         * Bytes
         */
        mtu: number;
        /**
         * CIDR
         */
        subnet: string;
        /**
         * VXLAN network identifier (overlay only)
         */
        vni?: number;
    } | null;
    /**
     * What it waits for, or why it ended: what, where, what to do
     */
    reason: string | null;
    /**
     * RFC 3339
     */
    startedAt: string | null;
    /**
     * Where it is in its life
     */
    status: 'pending' | 'preparing' | 'starting' | 'running' | 'terminating' | 'terminated' | 'failed';
};

/**
 * `event: session`: its status, reason or epoch changed
 */
export type SessionChanged = {
    /**
     * How often its plan was made
     */
    epoch: number;
    /**
     * Unique among the live sessions of its project
     */
    name: string;
    /**
     * What it waits for, or why it ended: what, where, what to do
     */
    reason: string | null;
    /**
     * The session's id
     */
    sessionId: string;
    /**
     * Where it is in its life
     */
    status: 'pending' | 'preparing' | 'starting' | 'running' | 'terminating' | 'terminated' | 'failed';
    /**
     * RFC 3339
     */
    time: string;
};

export type SessionContainer = {
    /**
     * On the session's network, no prefix length
     */
    address: string | null;
    /**
     * Docker's id, once created
     */
    containerId: string | null;
    /**
     * Of its last end, once it ended
     */
    exitCode: number | null;
    /**
     * Role and 1-based index
     */
    host: string;
    /**
     * The image
     */
    image: string;
    /**
     * 1-based within the role
     */
    index: number;
    /**
     * Once planned
     */
    limits: {
        /**
         * Bytes of memory that may be locked
         */
        memlock?: number | 'unlimited';
        /**
         * Files that may be open
         */
        nofile?: number;
        /**
         * Bytes of /dev/shm: resources.shm, else the memory limit, else half of the node's memory. Its pages count as the container's memory
         */
        shm: number;
    } | null;
    /**
     * The node's name
     */
    node: string | null;
    /**
     * The node, once planned
     */
    nodeId: string | null;
    /**
     * The last 4 KiB of its output, once it ended
     */
    output: string | null;
    /**
     * 0-based over the session; main1 is 0
     */
    rank: number;
    /**
     * Progress, what went wrong, or when it is started again
     */
    reason: string | null;
    /**
     * The role
     */
    role: string;
    /**
     * Once its keys are made
     */
    ssh: {
        /**
         * Its server's public key, as in known_hosts after the name
         */
        hostKey: string;
        /**
         * The container's user: the one to log in as
         */
        user: string;
    } | null;
    /**
     * As its node last reported
     */
    status: 'pending' | 'pulling' | 'prepared' | 'started' | 'running' | 'exited' | 'lost' | 'removed';
};

export type SessionList = {
    /**
     * Newest first
     */
    items: Array<Session>;
    /**
     * Where the list goes on; null at its end
     */
    nextCursor: string | null;
};

export type SessionRequest = {
    /**
     * Web servers in main1, each of which gets an origin of its own (docs/apps.md)
     */
    apps?: Array<AppRequest>;
    /**
     * One node and a bridge, or many and an overlay. single-node unless given
     */
    clusterMode?: 'single-node' | 'multi-node';
    /**
     * 1 main and N-1 sub; excludes roles; 1 unless given
     */
    clusterSize?: number;
    /**
     * Replaces the image's CMD; with neither command nor entrypoint a container idles
     */
    command?: Array<string>;
    /**
     * Devices of the node, or folders of devices. Only on nodes that allow it
     */
    devices?: Array<string>;
    /**
     * Replaces the image's ENTRYPOINT
     */
    entrypoint?: Array<string>;
    /**
     * Environment variables; BACKENDAI_CLUSTER_* and SKEIN_* are Skein's own. BACKENDAI_CLUSTER_LOCAL_RANK is the rank in the whole session, as Backend.AI documents it, not that of a process on its machine. Variables for launchers (docs/frameworks.md) give way to these
     */
    env?: {
        [key: string]: string;
    };
    frameworks?: Frameworks;
    /**
     * manual: once everything is ready, the commands wait until POST /v1/sessions/{id}/start, so that files can be put in first. The status stays starting, with the reason `waits for start`. auto unless given
     */
    gate?: 'auto' | 'manual';
    /**
     * Seconds that the containers stay after main1's command has ended, whatever its exit code, so that its files can be read. The status is terminating meanwhile, and ending the session removes them at once. Not where the session ends otherwise
     */
    holdAtEnd?: number;
    /**
     * The container uses its node's own network, and keeps its name and address in the session. Its user must be root. Only on nodes that allow it. false unless given
     */
    hostNetwork?: boolean;
    /**
     * The image each container runs
     */
    image?: string;
    /**
     * Seconds that the session may run, from running on. Then it fails, and its containers are killed. Without it there is no limit
     */
    maxDuration?: number;
    /**
     * How often each container is started again, with onExit restart. After that, its end counts as with fail. 5 unless given
     */
    maxRestarts?: number;
    /**
     * Files and folders of the node. Only on nodes that allow it
     */
    mounts?: Array<{
        /**
         * Read-only, and without what is mounted below it on the node. true unless given
         */
        readOnly?: boolean;
        /**
         * What is mounted: a path of the node
         */
        source: string;
        /**
         * Where the container has it
         */
        target: string;
    }>;
    /**
     * Unique among the live sessions of the project; Skein chooses one when it is left out
     */
    name?: string;
    /**
     * The session's private network
     */
    network?: {
        /**
         * Whether containers reach the world. true unless given
         */
        egress?: boolean;
        /**
         * Whether traffic between nodes is encrypted. auto unless given
         */
        encryption?: 'auto' | 'required' | 'none';
    };
    /**
     * What happens when a container of a running session ends. fail: the session ends with main1, and fails when another container ends with a code other than 0. ignore: the session goes on, also without main1. restart: a container that ends with a code other than 0 is started again, maxRestarts times with growing pauses; otherwise as fail. fail unless given
     */
    onExit?: 'fail' | 'ignore' | 'restart';
    /**
     * When a node is lost while the session runs: fail, or go on and show the containers on it as lost. fail unless given
     */
    onNodeLoss?: 'fail' | 'keep';
    /**
     * Which nodes, and how they are filled
     */
    placement?: {
        /**
         * Labels a node must have
         */
        labels?: {
            [key: string]: string;
        };
        /**
         * Evenly over the nodes, or on as few as possible. spread unless given
         */
        strategy?: 'spread' | 'pack';
    };
    /**
     * While there is no room, sessions with a higher priority are served first; among equals, those that came first. 5 unless given
     */
    priority?: number;
    /**
     * The container may do all that root may do on the node itself. Only on nodes that allow it. false unless given
     */
    privileged?: boolean;
    /**
     * Seconds that the session may wait for room, or for nodes that could ever hold it. Then it fails, and its reason says what it waited for. Without it there is no limit
     */
    queueTimeout?: number;
    resources?: ResourcesRequest;
    /**
     * How often a session whose creation fails on a node is planned again, without that node where others have room. 0 unless given
     */
    retries?: number;
    /**
     * Groups of alike containers; excludes clusterSize
     */
    roles?: Array<RoleRequest>;
    /**
     * Environment variables like those of env, which no answer, event or log shows. Stored encrypted. A name may not be in env, too
     */
    secretEnv?: {
        [key: string]: string;
    };
    /**
     * OpenSSH public keys, each a line of a .pub file, without options. Who has the private key may log in to every container by SSH, as the container's user
     */
    sshKeys?: Array<string>;
    ulimits?: UlimitsRequest;
    /**
     * User, or UID, optionally with :GROUP
     */
    user?: string;
    /**
     * Working directory of the command
     */
    workdir?: string;
};

export type SshKeysAnswer = {
    /**
     * How many keys may log in now
     */
    keys: number;
    /**
     * Names of nodes whose containers do not take all of them yet. They will once they are connected
     */
    missingOn: Array<string>;
};

export type SshKeysRequest = {
    /**
     * OpenSSH public keys, each a line of a .pub file, without options. Who has the private key may log in to every container by SSH, as the container's user
     */
    keys: Array<string>;
};

export type Token = {
    /**
     * RFC 3339
     */
    createdAt: string;
    /**
     * RFC 3339
     */
    expiresAt: string;
    /**
     * The token's id: no secret
     */
    id: string;
    /**
     * What it is for
     */
    note: string | null;
    /**
     * Its project
     */
    project: string;
    /**
     * RFC 3339
     */
    revokedAt: string | null;
    /**
     * Its role
     */
    role: 'viewer' | 'user' | 'admin';
};

export type TokenList = {
    /**
     * Newest first
     */
    items: Array<Token>;
    /**
     * Where the list goes on; null at its end
     */
    nextCursor: string | null;
};

export type TokenMade = {
    /**
     * RFC 3339
     */
    expiresAt: string;
    /**
     * The token's id: no secret
     */
    id: string;
    /**
     * Its project
     */
    project: string;
    /**
     * Its role
     */
    role: 'viewer' | 'user' | 'admin';
    /**
     * The token itself: shown once, kept nowhere
     */
    token: string;
};

export type TokenRequest = {
    /**
     * Seconds; default 30 days, unless the installation sets another
     */
    expiresIn?: number;
    /**
     * What it is for; shown in the list
     */
    note?: string;
    /**
     * Whose sessions its bearer sees and makes
     */
    project: string;
    /**
     * What its bearer may do
     */
    role: 'viewer' | 'user' | 'admin';
};

/**
 * Limits of the container's processes, soft and hard. Only nodes whose engine can give them are used. What is left out is as high as the node's engine can give: nofile up to 1048576, since some programs slow down with more
 */
export type UlimitsRequest = {
    /**
     * Bytes of memory that may be locked, or unlimited
     */
    memlock?: number | string | 'unlimited';
    /**
     * Files that may be open; unlimited: as many as the kernel allows
     */
    nofile?: number | 'unlimited';
};

export type GetDocsData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/docs';
};

export type GetDocsErrors = {
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetDocsError = GetDocsErrors[keyof GetDocsErrors];

export type GetDocsResponses = {
    /**
     * The page
     */
    200: string;
};

export type GetDocsResponse = GetDocsResponses[keyof GetDocsResponses];

export type GetHealthData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/healthz';
};

export type GetHealthErrors = {
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetHealthError = GetHealthErrors[keyof GetHealthErrors];

export type GetHealthResponses = {
    /**
     * It is
     */
    200: Health;
};

export type GetHealthResponse = GetHealthResponses[keyof GetHealthResponses];

export type GetOpenApiData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/openapi.json';
};

export type GetOpenApiErrors = {
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetOpenApiError = GetOpenApiErrors[keyof GetOpenApiErrors];

export type GetOpenApiResponses = {
    /**
     * The document
     */
    200: OpenApi;
};

export type GetOpenApiResponse = GetOpenApiResponses[keyof GetOpenApiResponses];

export type GetSessionSchemaData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/schema/session.json';
};

export type GetSessionSchemaErrors = {
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetSessionSchemaError = GetSessionSchemaErrors[keyof GetSessionSchemaErrors];

export type GetSessionSchemaResponses = {
    /**
     * The schema
     */
    200: JsonSchema;
};

export type GetSessionSchemaResponse = GetSessionSchemaResponses[keyof GetSessionSchemaResponses];

export type JoinAgentData = {
    body: AgentJoin;
    path?: never;
    query?: never;
    url: '/v1/agents';
};

export type JoinAgentErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `join_token_invalid`: The join token is unknown, used or expired
     */
    401: Problem;
    /**
     * `name_in_use`: The name is taken
     */
    409: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type JoinAgentError = JoinAgentErrors[keyof JoinAgentErrors];

export type JoinAgentResponses = {
    /**
     * Joined
     */
    201: AgentJoined;
};

export type JoinAgentResponse = JoinAgentResponses[keyof JoinAgentResponses];

export type ConnectAgentData = {
    body?: never;
    path?: never;
    query: {
        /**
         * The node's id
         */
        node: string;
    };
    url: '/v1/agents/connect';
};

export type ConnectAgentErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `upgrade_required`: This path speaks WebSocket only
     */
    426: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ConnectAgentError = ConnectAgentErrors[keyof ConnectAgentErrors];

export type OpenTunnelData = {
    body?: never;
    path?: never;
    query: {
        /**
         * The node's id
         */
        node: string;
        /**
         * The session's id
         */
        session: string;
    };
    url: '/v1/agents/tunnel';
};

export type OpenTunnelErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `upgrade_required`: This path speaks WebSocket only
     */
    426: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type OpenTunnelError = OpenTunnelErrors[keyof OpenTunnelErrors];

export type ListAuditData = {
    body?: never;
    path?: never;
    query?: {
        /**
         * How many at most
         */
        limit?: number;
        /**
         * `nextCursor` of the answer before
         */
        cursor?: string;
    };
    url: '/v1/audit';
};

export type ListAuditErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ListAuditError = ListAuditErrors[keyof ListAuditErrors];

export type ListAuditResponses = {
    /**
     * A page of the audit log
     */
    200: AuditList;
};

export type ListAuditResponse = ListAuditResponses[keyof ListAuditResponses];

export type StreamEventsData = {
    body?: never;
    headers?: {
        /**
         * The stream goes on after this event. Without it, or with one that is not known, it begins with the oldest that is kept
         */
        'last-event-id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Without Last-Event-ID: begin with the last so many; 0: with what comes from now on
         */
        tail?: number;
    };
    url: '/v1/events';
};

export type StreamEventsErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `too_many_streams`: Too many streams are open; `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type StreamEventsError = StreamEventsErrors[keyof StreamEventsErrors];

export type StreamEventsResponses = {
    /**
     * The events
     */
    200: SessionChanged | ContainerChanged;
};

export type StreamEventsResponse = StreamEventsResponses[keyof StreamEventsResponses];

export type CreateJoinTokenData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/v1/join-tokens';
};

export type CreateJoinTokenErrors = {
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type CreateJoinTokenError = CreateJoinTokenErrors[keyof CreateJoinTokenErrors];

export type CreateJoinTokenResponses = {
    /**
     * The token
     */
    201: JoinToken;
};

export type CreateJoinTokenResponse = CreateJoinTokenResponses[keyof CreateJoinTokenResponses];

export type ListNodesData = {
    body?: never;
    path?: never;
    query?: {
        /**
         * How many at most
         */
        limit?: number;
        /**
         * `nextCursor` of the answer before
         */
        cursor?: string;
    };
    url: '/v1/nodes';
};

export type ListNodesErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ListNodesError = ListNodesErrors[keyof ListNodesErrors];

export type ListNodesResponses = {
    /**
     * A page of nodes
     */
    200: NodeList;
};

export type ListNodesResponse = ListNodesResponses[keyof ListNodesResponses];

export type RemoveNodeData = {
    body?: never;
    path: {
        /**
         * Id, or name
         */
        id: string;
    };
    query?: {
        /**
         * Also while it has work
         */
        force?: 'true' | 'false';
    };
    url: '/v1/nodes/{id}';
};

export type RemoveNodeErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `node_busy`: The node still has work
     */
    409: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type RemoveNodeError = RemoveNodeErrors[keyof RemoveNodeErrors];

export type RemoveNodeResponses = {
    /**
     * Forgotten
     */
    204: void;
};

export type RemoveNodeResponse = RemoveNodeResponses[keyof RemoveNodeResponses];

export type GetNodeData = {
    body?: never;
    path: {
        /**
         * Id, or name
         */
        id: string;
    };
    query?: never;
    url: '/v1/nodes/{id}';
};

export type GetNodeErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetNodeError = GetNodeErrors[keyof GetNodeErrors];

export type GetNodeResponses = {
    /**
     * The node
     */
    200: Node;
};

export type GetNodeResponse = GetNodeResponses[keyof GetNodeResponses];

export type PatchNodeData = {
    body: NodePatch;
    path: {
        /**
         * Id, or name
         */
        id: string;
    };
    query?: never;
    url: '/v1/nodes/{id}';
};

export type PatchNodeErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type PatchNodeError = PatchNodeErrors[keyof PatchNodeErrors];

export type PatchNodeResponses = {
    /**
     * The node as it is now
     */
    200: Node;
};

export type PatchNodeResponse = PatchNodeResponses[keyof PatchNodeResponses];

export type PlanSessionData = {
    body: SessionRequest;
    path?: never;
    query?: never;
    url: '/v1/plans';
};

export type PlanSessionErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used; `too_many_containers`: The session has too many containers; `session_too_large`: The session's env and commands are too large
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `not_allowed`: No node of the fleet allows that
     */
    403: Problem;
    /**
     * `unschedulable`: The fleet cannot hold this session; `secrets_key_missing`: This API cannot store secrets
     */
    409: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `unsupported`: This is not built yet
     */
    422: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type PlanSessionError = PlanSessionErrors[keyof PlanSessionErrors];

export type PlanSessionResponses = {
    /**
     * The plan
     */
    200: Plan;
};

export type PlanSessionResponse = PlanSessionResponses[keyof PlanSessionResponses];

export type ListRegistriesData = {
    body?: never;
    path?: never;
    query?: {
        /**
         * How many at most
         */
        limit?: number;
        /**
         * `nextCursor` of the answer before
         */
        cursor?: string;
    };
    url: '/v1/registries';
};

export type ListRegistriesErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ListRegistriesError = ListRegistriesErrors[keyof ListRegistriesErrors];

export type ListRegistriesResponses = {
    /**
     * A page of registries
     */
    200: RegistryList;
};

export type ListRegistriesResponse = ListRegistriesResponses[keyof ListRegistriesResponses];

export type RemoveRegistryData = {
    body?: never;
    path: {
        /**
         * The registry, as image names write it
         */
        host: string;
    };
    query?: never;
    url: '/v1/registries/{host}';
};

export type RemoveRegistryErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type RemoveRegistryError = RemoveRegistryErrors[keyof RemoveRegistryErrors];

export type RemoveRegistryResponses = {
    /**
     * Forgotten
     */
    204: void;
};

export type RemoveRegistryResponse = RemoveRegistryResponses[keyof RemoveRegistryResponses];

export type GetRegistryData = {
    body?: never;
    path: {
        /**
         * The registry, as image names write it
         */
        host: string;
    };
    query?: never;
    url: '/v1/registries/{host}';
};

export type GetRegistryErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetRegistryError = GetRegistryErrors[keyof GetRegistryErrors];

export type GetRegistryResponses = {
    /**
     * The registry
     */
    200: Registry;
};

export type GetRegistryResponse = GetRegistryResponses[keyof GetRegistryResponses];

export type SetRegistryData = {
    body: RegistryRequest;
    path: {
        /**
         * The registry, as image names write it
         */
        host: string;
    };
    query?: never;
    url: '/v1/registries/{host}';
};

export type SetRegistryErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `too_many_registries`: The project has credentials for as many registries as it may; `secrets_key_missing`: This API cannot store secrets
     */
    409: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type SetRegistryError = SetRegistryErrors[keyof SetRegistryErrors];

export type SetRegistryResponses = {
    /**
     * The registry
     */
    200: Registry;
};

export type SetRegistryResponse = SetRegistryResponses[keyof SetRegistryResponses];

export type ListSessionsData = {
    body?: never;
    path?: never;
    query?: {
        /**
         * Only those with this status, or with one of several: the parameter may be repeated
         */
        status?: Array<'pending' | 'preparing' | 'starting' | 'running' | 'terminating' | 'terminated' | 'failed'>;
        /**
         * How many at most
         */
        limit?: number;
        /**
         * `nextCursor` of the answer before
         */
        cursor?: string;
    };
    url: '/v1/sessions';
};

export type ListSessionsErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ListSessionsError = ListSessionsErrors[keyof ListSessionsErrors];

export type ListSessionsResponses = {
    /**
     * A page of sessions
     */
    200: SessionList;
};

export type ListSessionsResponse = ListSessionsResponses[keyof ListSessionsResponses];

export type CreateSessionData = {
    body: SessionRequest;
    headers?: {
        /**
         * The same key and body within 24 h in one project: the same session
         */
        'idempotency-key'?: string;
    };
    path?: never;
    query?: {
        /**
         * Seconds: answer when it is settled (running, failed or terminated) or waits to be started, at the latest then
         */
        wait?: number;
    };
    url: '/v1/sessions';
};

export type CreateSessionErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used; `too_many_containers`: The session has too many containers; `session_too_large`: The session's env and commands are too large
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that; `not_allowed`: No node of the fleet allows that
     */
    403: Problem;
    /**
     * `name_in_use`: The name is taken; `too_many_live_sessions`: The project has as many live sessions as it may; `too_many_live_containers`: The project has as many live containers as it may; `idempotency_conflict`: The Idempotency-Key was used with another body; `secrets_key_missing`: This API cannot store secrets
     */
    409: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `unsupported`: This is not built yet
     */
    422: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type CreateSessionError = CreateSessionErrors[keyof CreateSessionErrors];

export type CreateSessionResponses = {
    /**
     * The session, on its way
     */
    202: Session;
};

export type CreateSessionResponse = CreateSessionResponses[keyof CreateSessionResponses];

export type EndSessionData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
    };
    query?: never;
    url: '/v1/sessions/{id}';
};

export type EndSessionErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type EndSessionError = EndSessionErrors[keyof EndSessionErrors];

export type EndSessionResponses = {
    /**
     * The session, on its way out
     */
    202: Session;
};

export type EndSessionResponse = EndSessionResponses[keyof EndSessionResponses];

export type GetSessionData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
    };
    query?: {
        /**
         * Seconds: answer when it is settled (running, failed or terminated) or waits to be started, at the latest then
         */
        wait?: number;
    };
    url: '/v1/sessions/{id}';
};

export type GetSessionErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetSessionError = GetSessionErrors[keyof GetSessionErrors];

export type GetSessionResponses = {
    /**
     * The session
     */
    200: Session;
};

export type GetSessionResponse = GetSessionResponses[keyof GetSessionResponses];

export type CreateAppLinkData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
        /**
         * The app's name
         */
        name: string;
    };
    query?: never;
    url: '/v1/sessions/{id}/apps/{name}/links';
};

export type CreateAppLinkErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run; `apps_domain_missing`: The API has no domain for apps
     */
    409: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type CreateAppLinkError = CreateAppLinkErrors[keyof CreateAppLinkErrors];

export type CreateAppLinkResponses = {
    /**
     * The link
     */
    201: AppLink;
};

export type CreateAppLinkResponse = CreateAppLinkResponses[keyof CreateAppLinkResponses];

export type ExecContainerData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
        /**
         * The container's host name
         */
        host: string;
    };
    query?: never;
    url: '/v1/sessions/{id}/containers/{host}/exec';
};

export type ExecContainerErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `upgrade_required`: This path speaks WebSocket only
     */
    426: Problem;
    /**
     * `too_many_streams`: Too many streams are open; `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `node_disconnected`: The node is not connected; `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ExecContainerError = ExecContainerErrors[keyof ExecContainerErrors];

export type GetFilesData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
        /**
         * The container's host name
         */
        host: string;
    };
    query: {
        /**
         * A path in the container; a relative one counts from its working directory
         */
        path: string;
    };
    url: '/v1/sessions/{id}/containers/{host}/files';
};

export type GetFilesErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `too_many_streams`: Too many streams are open; `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `node_disconnected`: The node is not connected; `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type GetFilesError = GetFilesErrors[keyof GetFilesErrors];

export type GetFilesResponses = {
    /**
     * A tar archive, not compressed
     */
    200: Blob | File;
};

export type GetFilesResponse = GetFilesResponses[keyof GetFilesResponses];

export type PutFilesData = {
    /**
     * A tar archive, not compressed
     */
    body: Blob | File;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
        /**
         * The container's host name; `*`: all
         */
        host: string;
    };
    query: {
        /**
         * A path in the container; a relative one counts from its working directory
         */
        path: string;
        /**
         * Make the directory if it is missing, and those above it
         */
        parents?: 'true' | 'false';
    };
    url: '/v1/sessions/{id}/containers/{host}/files';
};

export type PutFilesErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `too_many_streams`: Too many streams are open; `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
    /**
     * `no_space`: The container has no room for the files
     */
    507: Problem;
};

export type PutFilesError = PutFilesErrors[keyof PutFilesErrors];

export type PutFilesResponses = {
    /**
     * All of it is in the container
     */
    204: void;
};

export type PutFilesResponse = PutFilesResponses[keyof PutFilesResponses];

export type ForwardPortData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
        /**
         * The container's host name
         */
        host: string;
        /**
         * The port
         */
        port: number;
    };
    query?: never;
    url: '/v1/sessions/{id}/containers/{host}/ports/{port}';
};

export type ForwardPortErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `upgrade_required`: This path speaks WebSocket only
     */
    426: Problem;
    /**
     * `too_many_streams`: Too many streams are open; `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `node_disconnected`: The node is not connected; `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ForwardPortError = ForwardPortErrors[keyof ForwardPortErrors];

export type StreamSessionEventsData = {
    body?: never;
    headers?: {
        /**
         * The stream goes on after this event. Without it, or with one that is not known, it begins with the oldest that is kept
         */
        'last-event-id'?: string;
    };
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
    };
    query?: {
        /**
         * Without Last-Event-ID: begin with the last so many; 0: with what comes from now on
         */
        tail?: number;
    };
    url: '/v1/sessions/{id}/events';
};

export type StreamSessionEventsErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `too_many_streams`: Too many streams are open; `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type StreamSessionEventsError = StreamSessionEventsErrors[keyof StreamSessionEventsErrors];

export type StreamSessionEventsResponses = {
    /**
     * The events
     */
    200: SessionChanged | ContainerChanged;
    /**
     * The session has ended, and `Last-Event-ID` is its last event
     */
    204: void;
};

export type StreamSessionEventsResponse = StreamSessionEventsResponses[keyof StreamSessionEventsResponses];

export type ReadLogsData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
    };
    query?: {
        /**
         * One container; without it, all
         */
        host?: string;
        /**
         * Go on until all containers have ended
         */
        follow?: 'true' | 'false';
        /**
         * Only the last lines of each container
         */
        tail?: number;
        /**
         * RFC 3339, or a span like `10m`: only lines from then on
         */
        since?: string;
    };
    url: '/v1/sessions/{id}/logs';
};

export type ReadLogsErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ReadLogsError = ReadLogsErrors[keyof ReadLogsErrors];

export type ReadLogsResponses = {
    /**
     * The lines
     */
    200: LogLine;
};

export type ReadLogsResponse = ReadLogsResponses[keyof ReadLogsResponses];

export type AddSshKeysData = {
    body: SshKeysRequest;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
    };
    query?: never;
    url: '/v1/sessions/{id}/ssh-keys';
};

export type AddSshKeysErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type AddSshKeysError = AddSshKeysErrors[keyof AddSshKeysErrors];

export type AddSshKeysResponses = {
    /**
     * They may log in
     */
    200: SshKeysAnswer;
};

export type AddSshKeysResponse = AddSshKeysResponses[keyof AddSshKeysResponses];

export type StartSessionData = {
    body?: never;
    path: {
        /**
         * Id, or name: the live session of that name, else the latest
         */
        id: string;
    };
    query?: never;
    url: '/v1/sessions/{id}/start';
};

export type StartSessionErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `not_running`: The session or container does not run
     */
    409: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type StartSessionError = StartSessionErrors[keyof StartSessionErrors];

export type StartSessionResponses = {
    /**
     * The session, on its way
     */
    202: Session;
};

export type StartSessionResponse = StartSessionResponses[keyof StartSessionResponses];

export type ListTokensData = {
    body?: never;
    path?: never;
    query?: {
        /**
         * How many at most
         */
        limit?: number;
        /**
         * `nextCursor` of the answer before
         */
        cursor?: string;
    };
    url: '/v1/tokens';
};

export type ListTokensErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type ListTokensError = ListTokensErrors[keyof ListTokensErrors];

export type ListTokensResponses = {
    /**
     * A page of tokens
     */
    200: TokenList;
};

export type ListTokensResponse = ListTokensResponses[keyof ListTokensResponses];

export type CreateTokenData = {
    body: TokenRequest;
    path?: never;
    query?: never;
    url: '/v1/tokens';
};

export type CreateTokenErrors = {
    /**
     * `malformed_json`: The body is not valid JSON; `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `body_too_large`: The body is too large
     */
    413: Problem;
    /**
     * `unsupported_media_type`: The body has another media type than this path takes
     */
    415: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type CreateTokenError = CreateTokenErrors[keyof CreateTokenErrors];

export type CreateTokenResponses = {
    /**
     * The token
     */
    201: TokenMade;
};

export type CreateTokenResponse = CreateTokenResponses[keyof CreateTokenResponses];

export type RevokeTokenData = {
    body?: never;
    path: {
        /**
         * The token's id
         */
        id: string;
    };
    query?: never;
    url: '/v1/tokens/{id}';
};

export type RevokeTokenErrors = {
    /**
     * `invalid_request`: The request has fields that cannot be used
     */
    400: Problem;
    /**
     * `unauthorized`: A valid bearer token is needed
     */
    401: Problem;
    /**
     * `forbidden`: This token may not do that
     */
    403: Problem;
    /**
     * `not_found`: There is no such thing
     */
    404: Problem;
    /**
     * `rate_limited`: Too many requests for this token
     */
    429: Problem;
    /**
     * `internal`: Something broke on our side
     */
    500: Problem;
    /**
     * `unavailable`: The API cannot do its part just now
     */
    503: Problem;
};

export type RevokeTokenError = RevokeTokenErrors[keyof RevokeTokenErrors];

export type RevokeTokenResponses = {
    /**
     * Revoked
     */
    204: void;
};

export type RevokeTokenResponse = RevokeTokenResponses[keyof RevokeTokenResponses];
