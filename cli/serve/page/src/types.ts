// What the page takes from the JSON: proto/tasks/v1/view.proto, and the documents of `tasks serve` alone. What is absent there may be
// null or left out.
type Maybe<T> = T | null | undefined;

export interface Frame {
  function?: string;
  file?: string;
  line?: number;
  notInstrumented?: boolean;
}
export interface NativeFrame {
  function?: string;
  file?: string;
  line?: number;
  module?: string;
  address?: string;
}
export interface Wait {
  kind?: string;
  object?: string;
  fd?: Maybe<number>;
  capacity?: Maybe<number>;
  seconds?: Maybe<number>;
  expiresInSeconds?: Maybe<number>;
  peer?: string;
  localAddress?: string;
  fdKind?: string;
  shutDown?: boolean;
  unreadBytes?: Maybe<number>;
  hasTimeout?: boolean;
  timesOutInSeconds?: Maybe<number>;
  operation?: string;
  neverExpires?: Maybe<boolean>;
}
export interface Due {
  taskId?: number;
  seconds?: Maybe<number>;
  over?: string;
  reason?: string;
}
export interface Busy {
  taskId: number;
  resumptionsPerSecond?: number;
}
export interface Task {
  id: number;
  parentId?: number;
  name?: string;
  labels?: Record<string, string>;
  state?: string;
  wait?: Maybe<Wait>;
  frames?: Frame[];
  spawnedAt?: Maybe<Frame>;
  spawnedAfter?: Maybe<Frame>;
  resumes?: Maybe<number>;
  thread?: number;
  ageSeconds?: Maybe<number>;
  seenSeconds?: Maybe<number>;
  awaited?: boolean;
  nativeFrames?: NativeFrame[];
  due?: Maybe<Due>;
  busy?: Maybe<Busy>;
  also?: Wait[];
  truncated?: boolean;
  ranBeforeFork?: boolean;
  members?: number;
  endedMembers?: number;
}
export interface Group {
  count: number;
  state?: string;
  wait?: Maybe<Wait>;
  frames?: Frame[];
  oldestSeconds?: Maybe<number>;
  seenSeconds?: Maybe<number>;
  ids?: number[];
  spawnedAt?: Maybe<Frame>;
  spawnedAfter?: Maybe<Frame>;
  dueTasks?: number;
  due?: Maybe<Due>;
  busyTasks?: number;
}
export interface Process {
  pid: number;
  ppid?: number;
  name: string;
  executable?: string;
  agent?: string;
  tasks?: Maybe<number>;
  blocked?: Maybe<number>;
  osThreads?: number;
  uptimeSeconds?: number;
  reason?: string;
  findings?: string[];
  stopped?: string;
  arguments?: string[];
  directory?: string;
}
export interface ListView {
  processes?: Process[];
}
export interface Point {
  atMs: number;
  tasks?: number;
  running?: number;
  blocked?: number;
  ready?: number;
  osThreads?: number;
  rssBytes?: number;
  cpuSeconds?: number;
  endedTasks?: number;
  failedTasks?: number;
}
export interface ProcessHistory {
  pid: number;
  name: string;
  ended?: boolean;
  points?: Point[];
}
export interface HistoryView {
  intervalSeconds?: number;
  processes?: ProcessHistory[];
}
export interface LiveGroup {
  what: string;
  function: string;
  place?: string;
  state?: string;
  kind?: string;
  count: number;
  oldestSeconds?: Maybe<number>;
  resumed?: Maybe<number>;
}
export interface LiveView extends Point {
  pid: number;
  name: string;
  workers?: number;
  cpus?: number;
  uptimeSeconds?: number;
  cancelledTasks?: number;
  groups?: LiveGroup[];
  otherGroups?: number;
  otherTasks?: number;
  note?: string;
  /** Why its agent was not asked. */
  reason?: string;
}
export interface Failure {
  taskId?: number;
  frame?: Maybe<Frame>;
  spawnedAt?: Maybe<Frame>;
  type?: string;
  message?: string;
  secondsAgo?: number;
  count?: number;
}
export interface VitalsView {
  pid: number;
  tasks?: number;
  running?: number;
  blocked?: number;
  ready?: number;
  osThreads?: number;
  rssBytes?: number;
  uptimeSeconds?: number;
  endedTasks?: number;
  failedTasks?: number;
  cancelledTasks?: number;
  workers?: number;
  cpus?: number;
  cpuQuota?: number;
  findings?: string[];
  notes?: string[];
  failures?: Failure[];
  stopped?: string;
}
export interface StackView {
  tasks?: Task[];
  groups?: Group[];
  shown?: number;
  total?: number;
  complete?: boolean;
  notes?: string[];
}
export interface Thread {
  tid: number;
  targetTid?: number;
  name?: string;
  state?: string;
  cpuPercent?: Maybe<number>;
  role?: string;
  taskId?: Maybe<number>;
  taskSeconds?: Maybe<number>;
  taskSeenSeconds?: Maybe<number>;
  frames?: NativeFrame[];
  framesMissing?: string;
  busyTaskId?: Maybe<number>;
  resumptionsPerSecond?: number;
  looksUpBy?: string;
  mutexOwner?: Maybe<number>;
  lookup?: Maybe<{host?: string; service?: string; taskId?: Maybe<number>}>;
}
export interface ThreadsView {
  threads?: Thread[];
  notes?: string[];
  longestStopSeconds?: number;
  total?: number;
}
export interface Step {
  taskId: number;
  object?: string;
}
export interface Leak {
  verdict?: string;
  count: number;
  wait?: Maybe<Wait>;
  frames?: Frame[];
  spawnedAt?: Maybe<Frame>;
  spawnedAfter?: Maybe<Frame>;
  oldestSeconds?: Maybe<number>;
  seenSeconds?: Maybe<number>;
  evidence?: string;
  hint?: string;
  taskIds?: number[];
  frameBytes?: number;
  nativeFrames?: NativeFrame[];
  likely?: number;
  likelyEvidence?: string;
  held?: number;
  cycle?: Step[];
}
export interface LeaksView {
  leaks?: Leak[];
  leftOut?: number;
  tasks?: number;
  checked?: number;
  proven?: number;
  held?: number;
  unchecked?: number;
  undecided?: number;
  likely?: number;
  byDesign?: number;
  stoppedSeconds?: number;
  totalSeconds?: number;
  notes?: string[];
}
export interface Channel {
  address: string;
  capacity?: Maybe<number>;
  state?: string;
  closed?: Maybe<boolean>;
  senders?: number;
  receivers?: number;
  waiters?: Group[];
  oldestSeconds?: Maybe<number>;
  seenSeconds?: Maybe<number>;
  references?: string;
  heldBy?: string;
}
export interface ChannelsView {
  channels?: Channel[];
  shown?: number;
  total?: number;
  complete?: boolean;
  notes?: string[];
  stoppedSeconds?: number;
}
export interface Holder {
  kind?: string;
  address?: string;
  taskId?: Maybe<number>;
  tid?: Maybe<number>;
  words?: string;
  path?: string;
}
export interface Waker {
  task?: Maybe<Task>;
  holder?: string;
  allocations?: number;
  wakers?: Waker[];
  heldBy?: Maybe<Holder>;
}
export interface WhyView {
  task: Task;
  waits?: string[];
  verdict?: string;
  evidence?: string;
  beside?: number;
  receiveQueueBytes?: Maybe<number>;
  sendQueueBytes?: Maybe<number>;
  wakers?: Waker[];
  cycle?: Step[];
  notes?: string[];
  stoppedSeconds?: number;
  heldBy?: Maybe<Holder>;
  reachedFrom?: Maybe<Holder>;
  unprovenReason?: string;
  closed?: boolean;
  connections?: Maybe<number>;
  ways?: number;
  mutexOwner?: Maybe<number>;
}
export interface FrameMemory {
  frames?: number;
  bytes?: number;
  unknownFrames?: number;
}
export interface MemoryView {
  residentBytes?: Maybe<number>;
  tasks?: number;
  frames?: Maybe<FrameMemory>;
  stoppedSeconds?: number;
  notes?: string[];
  functionsLeftOut?: number;
  groupsLeftOut?: number;
  heap?: Maybe<{
    bytes?: number;
    inUseBytes?: number;
    freeBytes?: number;
    allocations?: number;
    arenas?: {
      address: string;
      main?: boolean;
      bytes?: number;
      inUseBytes?: number;
      freeBytes?: number;
      holeBytes?: number;
      topBytes?: number;
    }[];
  }>;
  functions?: {function?: string; file?: string; memory?: Maybe<FrameMemory>}[];
  groups?: {
    group?: Maybe<Group>;
    leaked?: string;
    frames?: Maybe<FrameMemory>;
    keptBytes?: Maybe<number>;
    keptAllocations?: Maybe<number>;
  }[];
  mappings?: {kind?: string; path?: string; mappings?: number; bytes?: number; residentBytes?: number}[];
  leakedTasks?: number;
  keptByLeakedBytes?: Maybe<number>;
}
export interface Operation {
  address?: string;
  wait?: Maybe<Wait>;
  handler?: string;
  file?: string;
  line?: number;
  queued?: boolean;
  signals?: string[];
  looksUp?: string;
  context?: string;
}
export interface OperationsView {
  operations?: Operation[];
  callbacks?: number;
  ofTasks?: number;
  notes?: string[];
  stoppedSeconds?: number;
  contexts?: {
    address: string;
    type?: string;
    outstandingWork?: Maybe<number>;
    operations?: number;
    stopped?: Maybe<boolean>;
  }[];
}
