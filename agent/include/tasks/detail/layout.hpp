#pragma once

/// What a target publishes about its tasks, byte by byte: the contract between the hooks that write it and
/// every reader, which may be another thread, another process, or somebody with a core file.
///
///   ELF note "tasks" ──> root ──> registry ──> slab ──> record ──> entry entry entry …   (outermost frame first)
///   (in the object)      (same)   (mapped once, never unmapped)        └─> overflow record ──> entry …
///                                 │                                    └─> annotation record ──> …
///                                 ├─> thread_slot …                    └─> call_site ──> call_site …     (inwards)
///                                 └─> call_site …
///
/// A field is meaningful only under a word (record::word) that was stored after it, and it is rewritten only after
/// a word that makes it meaningless. A reader loads the word, copies, loads the word again, and keeps the copy when
/// both are the same. Every field a reader copies is atomic: writers store with release, readers load with acquire.
/// (Fences would serve as well, but g++ refuses them under TSan.)

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tasks::layout {

/// Raised with every change of what is described here; a reader refuses any other.
inline constexpr std::uint32_t version = 3;

/// "tasksreg", first in every root.
inline constexpr std::uint64_t root_magic = 0x6765'7273'6b73'6174;

/// "task", first in the header of every coroutine frame that a hook allocates.
inline constexpr std::uint32_t frame_magic = 0x6b73'6174;

inline constexpr std::size_t record_size = 256;
inline constexpr std::size_t inline_entries = 7;
inline constexpr std::size_t overflow_entries = 14;
inline constexpr std::size_t slab_records = 4096;
/// Records that pass between threads at once; divides slab_records.
inline constexpr std::size_t batch_records = 256;
inline constexpr std::size_t max_slabs = 16384;
inline constexpr std::size_t max_threads = 16384;
/// Bytes of a name or of a label's key or value, with the terminating zero.
inline constexpr std::size_t text_size = 64;

/// The packed word: {version : 40, state : 4, depth : 20}. The version rises by one with every store.
inline constexpr unsigned depth_bits = 20;
inline constexpr unsigned state_bits = 4;
inline constexpr std::uint64_t one_frame = 1;
inline constexpr std::uint64_t one_state = std::uint64_t{1} << depth_bits;
inline constexpr std::uint64_t one_version = one_state << state_bits;
inline constexpr std::uint64_t max_depth = one_state - 1;
inline constexpr std::uint64_t state_mask = one_version - one_state;

/// What a record is, and what its task does. Bit 3 says: a task, and it does not run.
enum class record_state : std::uint8_t {
  free = 0,             ///< also what never-used memory says
  running = 1,          ///< a thread runs it
  overflow = 2,         ///< not a task: more entries of a deep stack, see overflow_record
  annotation = 3,       ///< not a task: a name or a label, see annotation_record
  group = 4,            ///< not a task: what the members of a group wait for, see group_record
  timing = 5,           ///< not a task: how long its runs took, see timing_record
  ready = 8,            ///< spawned, its function not entered yet
  blocked_unknown = 9,  ///< waits; wait, object and detail are not to be read (yet, or ever)
  blocked = 10,         ///< waits, and wait, object and detail say for what
};
inline constexpr std::uint64_t not_running_bit = 8 * one_state;

/// In place of a depth, which only tasks have, and private to writers. Of an annotation: tasks that its task spawns get
/// a copy of it.
inline constexpr std::uint64_t inherited = 1;
/// Of a group: it is none, but the place of a label that the task no longer has, for the next one. Readers look at a
/// group_record only where a task waits for it.
inline constexpr std::uint64_t vacant = 1;

constexpr record_state state_of(std::uint64_t word) noexcept {
  return static_cast<record_state>((word >> depth_bits) & ((1u << state_bits) - 1));
}
constexpr std::uint64_t depth_of(std::uint64_t word) noexcept { return word & max_depth; }
constexpr bool is_task(std::uint64_t word) noexcept {
  const auto s = state_of(word);
  return s == record_state::running || s >= record_state::ready;
}
constexpr std::uint64_t state_bits_of(record_state s) noexcept { return static_cast<std::uint64_t>(s) * one_state; }

/// What a blocked task waits for. The numbers are those of tasks.v1.Wait.Kind.
enum class wait_kind : std::uint8_t {
  none = 0,
  other = 1,
  channel_send = 2,
  channel_receive = 3,
  timer = 4,
  socket_connect = 5,
  socket_accept = 6,
  socket_read = 7,
  socket_write = 8,
  socket_wait = 9,
  resolve = 10,
  signal = 11,
  descriptor_read = 12,  ///< a pipe, a file, a serial port, any other descriptor
  descriptor_write = 13,
  descriptor_wait = 14,
  post = 15,    ///< post, dispatch or defer: waits for its turn on an executor
  tasks = 16,   ///< tasks that it spawned and awaits: a join, or the arms of `||` and `&&`
  group = 255,  ///< of record::wait alone: several operations at once; record::object is the group_record
};

/// How record::detail is to be read.
enum class detail_kind : std::uint8_t {
  none = 0,
  capacity = 1,       ///< the channel's buffer, in messages
  steady_expiry = 2,  ///< nanoseconds on CLOCK_MONOTONIC, signed; INT64_MAX: never
  system_expiry = 3,  ///< nanoseconds since the epoch on CLOCK_REALTIME, signed; INT64_MAX: never
  timeout = 4,        ///< not of a timer: when a timer ends the operation; nanoseconds on CLOCK_MONOTONIC, signed
  capacity_and_timeout = 5,  ///< the channel's buffer; a timer ends the operation, when is not known
};

/// record::wait and group_record::member::wait: {kind : 8, detail_kind : 8, timeout_of_all : 1, generation : 15, file
/// descriptor : 32}. No descriptor is all ones. The generation is a member's, and 0 in a record.
constexpr std::uint64_t pack_wait(wait_kind kind, detail_kind detail, std::uint32_t fd) noexcept {
  return static_cast<std::uint64_t>(kind) | static_cast<std::uint64_t>(detail) << 8 | std::uint64_t{fd} << 32;
}
inline constexpr std::uint32_t no_descriptor = 0xffff'ffff;
constexpr wait_kind kind_of(std::uint64_t wait) noexcept { return static_cast<wait_kind>(wait & 0xff); }
constexpr detail_kind detail_of(std::uint64_t wait) noexcept { return static_cast<detail_kind>((wait >> 8) & 0xff); }
constexpr std::uint32_t descriptor_of(std::uint64_t wait) noexcept { return static_cast<std::uint32_t>(wait >> 32); }
/// Private to writers: the time-out that the detail tells is of all parts of the task's operation.
inline constexpr std::uint64_t timeout_of_all = std::uint64_t{1} << 16;
inline constexpr std::uint64_t one_generation = std::uint64_t{1} << 17;
inline constexpr std::uint64_t generation_mask = 0xfffe'0000;

using word_t = std::atomic<std::uint64_t>;
static_assert(word_t::is_always_lock_free && sizeof(word_t) == 8);

/// One frame of a task's stack. `where` alone may change while its frame is the innermost one: it is a single
/// value, right at any moment.
struct entry {
  /// Where the frame last awaited: the address of a std::source_location's static data {const char* file_name,
  /// const char* function_name, unsigned line, unsigned column} (libstdc++'s std::source_location::__impl).
  /// Before its first co_await the complement of the coroutine's resume address (top bit set); 0: not known.
  /// A frame made by code without the hook keeps its resume address for good.
  word_t where;
  /// Address of the coroutine frame; its frame_header lies right before it when the hook made it.
  word_t frame;
};
static_assert(sizeof(entry) == 16);

/// Is this entry::where a (complemented) code address?
constexpr bool is_code(std::uint64_t where) noexcept { return (where >> 63) != 0; }
/// The code address of such an entry.
constexpr std::uint64_t code_address(std::uint64_t where) noexcept { return ~where; }

/// In front of every coroutine frame that a hook allocates.
struct alignas(16) frame_header {
  std::uint32_t magic;  ///< frame_magic
  std::uint32_t size;   ///< of the coroutine frame that follows, in bytes, without this header
  entry* slot;          ///< its entry; that of no task until the frame runs for the first time
};
static_assert(sizeof(frame_header) == 16);

/// The record of one live task.
///
/// Written by the thread that runs the task and by nobody else; read by anybody, at any time. Times are ticks:
/// milliseconds on CLOCK_MONOTONIC, as coarse as root::tick_resolution says.
struct alignas(record_size) record {
  word_t word;
  /// The task's record: this one, for a task. First after the word in every kind of record that holds entries.
  record* owner;
  /// Private to writers: the task that ran on this thread when this one was resumed; the free list's link.
  std::atomic<record*> previous;
  word_t resumes;        ///< how often it was resumed after waiting; exact unless running (then it may lag by one)
  word_t since;          ///< tick at which it began to wait; meaningful while blocked
  word_t running_since;  ///< tick at which it was resumed; meaningful while running
  std::atomic<std::uint32_t> thread;  ///< kernel thread id that runs it; meaningful while running
  std::atomic<std::uint32_t> flags;   ///< record_flags, and see parent_address()
  word_t wait;                        ///< pack_wait(); meaningful while `blocked`

  word_t object;       ///< address of what it waits on; meaningful while `blocked`
  word_t detail;       ///< see detail_kind; meaningful while `blocked` and the wait has such a detail
  word_t id;           ///< never used again in this process; 0: not a task
  word_t parent;       ///< id of the task that ran on the spawning thread, 0: none
  word_t spawn_path;   ///< address of the call_site of the outermost call that led to its co_spawn; 0: not known
  word_t spawn_where;  ///< entry::where of the innermost frame of the spawning task, at that moment; 0: none
  word_t spawn_outer;  ///< likewise, of the frame that waits for that one
  word_t annotations;  ///< address of the newest annotation_record, or 0
  word_t overflow;     ///< address of the first overflow_record, or 0
  word_t scope;        ///< of the leak check that the task belongs to; read in its own process, see leak_scope.hpp

  entry stack[inline_entries];
};
static_assert(sizeof(record) == record_size && offsetof(record, stack) == 144);

enum record_flags : std::uint32_t {
  awaited = 1,  ///< its parent waits (or waited) for it: spawned inside the parent's own await
};
/// The rest of record::flags: bits 8 to 38 of the address of its parent's record, which is another task's when the
/// parent has ended; 0: there is none.
constexpr std::uint32_t pack_parent(std::uint64_t address) noexcept {
  return static_cast<std::uint32_t>(address >> 7) & ~std::uint32_t{awaited};
}
/// The address that such flags of the record at `child` mean, if the two are less than 256 GiB apart. Of a record, or
/// not: to be looked up before it is followed.
constexpr std::uint64_t parent_address(std::uint64_t child, std::uint32_t flags) noexcept {
  // In units of two records' sizes, whose difference has as many bits as are known, and a sign.
  const auto distance = static_cast<std::int32_t>((flags & ~std::uint32_t{awaited}) - pack_parent(child));
  return child + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance) * 128);
}

/// The entries of a deep stack beyond the inline ones. Belongs to one task until that task ends.
struct alignas(record_size) overflow_record {
  word_t word;      ///< state overflow; changes when the record gets another owner
  record* owner;    ///< the task's record
  word_t owner_id;  ///< that task's id
  word_t next;      ///< address of the next overflow_record of the same task, or 0
  entry stack[overflow_entries];
};
static_assert(sizeof(overflow_record) == record_size && offsetof(overflow_record, owner) == offsetof(record, owner));

/// A task's name (key empty) or one of its labels.
struct alignas(record_size) annotation_record {
  static constexpr std::size_t words = text_size / 8;
  word_t word;  ///< state annotation; its version rises before and after each rewriting, odd while rewritten
  record* owner;
  word_t owner_id;
  word_t next;          ///< address of the next annotation_record of the same task, or 0
  word_t key[words];    ///< zero-terminated UTF-8
  word_t value[words];  ///< likewise
};
static_assert(sizeof(annotation_record) == record_size);

/// What the operations of a parallel_group wait for, which one task awaits together. One a task, made with its first
/// group, in the chain of its annotations; begun anew with each group.
///
///   record {wait: group, object} ──> group_record {members, waits[0], waits[1], …}
///
/// A member's wait is written by whoever holds that member's handler: the thread that starts the group, then those
/// that complete its operations, one after the other. Nobody else does while the group is awaited.
struct alignas(record_size) group_record {
  static constexpr std::size_t room = 9;
  word_t word;  ///< state group
  record* owner;
  word_t owner_id;
  word_t next;  ///< address of the next record in the chain of annotations, or 0
  /// {children : 32, members : 32}: how many operations the group has, of which `room` at most are told, and how many
  /// tasks were spawned for some of them.
  word_t members;
  struct member {
    word_t wait;  ///< pack_wait(); none: it has not begun, or is a task; member_ended, member_between
    word_t object;
    word_t detail;
  } waits[room];
};
static_assert(sizeof(group_record) == record_size && offsetof(group_record, next) == offsetof(annotation_record, next));
/// Kinds of a member's wait: it is over; it is between two operations, or in one that is not Asio's.
inline constexpr std::uint64_t member_ended = 254;
inline constexpr std::uint64_t member_between = 253;

/// Histograms of timing: bucket 0 counts what took less than 1,024 ns, bucket n what took less than twice as much as
/// n - 1, the last one all that took longer (67 ms and more).
inline constexpr std::size_t timing_buckets = 18;

/// Durations of one kind, in nanoseconds.
struct durations {
  word_t count;
  word_t total;
  word_t longest;
  std::atomic<std::uint32_t> buckets[timing_buckets];
};

/// How long a task's runs took, while timing was on: from being resumed to the next wait. One a task, made when it is
/// first resumed or begins to wait then, in the chain of its annotations. Written by the thread that runs the task.
struct alignas(record_size) timing_record {
  word_t word;  ///< state timing
  record* owner;
  word_t owner_id;
  word_t next;        ///< address of the next record in the chain of annotations, or 0
  word_t generation;  ///< timing_area::generation that all of this is of
  word_t resumed;     ///< stamp of when its run began; 0: it does not run, or has since before timing was on
  word_t waiting;     ///< stamp of when it began to wait or, `ready`, was spawned; 0: not known
  durations runs;     ///< those that are over
  /// From being ready to being resumed. Of waits whose end is known: its first run, `post`, timers.
  durations delays;
};
static_assert(sizeof(timing_record) == record_size &&
              offsetof(timing_record, next) == offsetof(annotation_record, next));

/// What has ended while timing was on, of tasks of one function that were spawned along one path.
struct alignas(64) ended_timing {
  word_t key;         ///< hash of the two that follow; 0: not taken
  word_t where;       ///< entry::where of the task's function
  word_t spawn_path;  ///< as in record
  word_t tasks;       ///< that ended; 0: the fields above may not be written yet
  durations runs;
  durations delays;
};

/// Timing: on request only, and for as long as a reader asks for it. Then root::tick is 0, and who would read it finds
/// this here instead. Mapped at the first request, never unmapped; one a process.
struct timing_area {
  static constexpr std::size_t most_records = 262'144;
  static constexpr std::size_t ended_entries = 1024;
  word_t generation;      ///< rises each time that timing begins
  word_t began;           ///< nanoseconds on CLOCK_MONOTONIC
  word_t scale;           ///< nanoseconds a stamp, times 2^32
  word_t base_stamp;      ///< a stamp …
  word_t base;            ///< … and when that was, in nanoseconds on CLOCK_MONOTONIC
  word_t is_counter;      ///< 1: stamps are the processor's time-stamp counter; 0: nanoseconds on CLOCK_MONOTONIC
  word_t tick;            ///< as root::tick at other times
  word_t records;         ///< timing_records that exist
  word_t left_out;        ///< times that a task was not timed, for want of memory or beyond most_records
  word_t ended_left_out;  ///< tasks that ended and found no place below, in this generation
  ended_timing ended[2][ended_entries];  ///< of a generation modulo 2; a table by key, probed linearly
};

inline constexpr std::size_t longest_call_path = 16;
inline constexpr std::size_t call_buckets = 64;
inline constexpr std::size_t chunk_call_sites = 1024;
inline constexpr std::size_t most_call_sites = 64 * chunk_call_sites;

/// A call on the way to a co_spawn. Each path is there once, for all tasks that were spawned along it, and for ever.
struct call_site {
  word_t pc;     ///< the return address: the call is right before it
  word_t inner;  ///< address of the call_site of the call that it led to, or 0: that made the task
  // Private to writers.
  word_t distance;  ///< from the place on the stack where the path begins to that of the next return address outwards
  std::atomic<call_site*> outer;  ///< calls that led to this one, linked by `sibling`
  std::atomic<call_site*> sibling;
};
/// call_site::distance of the last call of a path; 0: not known yet.
inline constexpr std::uint64_t no_distance = 1;
/// Set in the distance behind a function with a frame pointer: it need not have been as large before.
inline constexpr std::uint64_t may_vary = 2;

/// One OS thread that has spawned or run a task. Taken over by another thread when its own has ended.
struct alignas(128) thread_slot {
  std::atomic<std::uint32_t> tid;     ///< kernel thread id; 0: never used
  std::atomic<std::uint32_t> worker;  ///< 1 once it has run a task
  word_t spawned;                     ///< tasks begun on this thread, ever; written by it alone
  word_t ended;                       ///< tasks ended on this thread, ever; written by it alone
  // Private to the thread. Atomic, because the next owner finds what a dead thread left; relaxed.
  std::atomic<struct registry*> home;
  std::atomic<record*> free_head;  ///< linked by record::previous, at most batch_records
  std::atomic<record*> spare;      ///< a whole batch, or null
  word_t free_count;               ///< length of the list at free_head
  word_t fresh_next;               ///< index of the next record of a batch that was never used
  word_t fresh_end;
  word_t id_next;
  word_t id_end;     ///< stored by any thread: 0 makes the next task take new ids
  word_t scope;      ///< leak check of what begins here outside of a task; stored by any thread, see leak_scope.hpp
  word_t failed;     ///< of those that ended here: by an exception that no task awaits; written by the thread alone
  word_t cancelled;  ///< likewise, by one that says that an operation was cancelled
  word_t
      runs;  ///< address of the record that was resumed here last, while tasks were timed; written by the thread alone
};
static_assert(sizeof(thread_slot) == 128);

/// Bytes of an exception's type and of its what(), with the terminating zero.
inline constexpr std::size_t exception_text = 96;
inline constexpr std::size_t recent_failures = 16;

/// A task that ended by an exception which no other task awaits. Told until `recent_failures` others have.
struct alignas(record_size) failure_record {
  word_t number;  ///< from 1, in the order in which they ended; 0: none, or it is being written
  word_t id;
  word_t when;         ///< tick
  word_t where;        ///< entry::where of the task's function
  word_t spawn_path;   ///< as in record
  word_t spawn_where;  ///< likewise
  word_t spawn_outer;  ///< likewise
  word_t reserved;
  word_t type[exception_text / 8];     ///< as std::type_info::name() has it; zero-terminated, cut where it is longer
  word_t message[exception_text / 8];  ///< what(); zero-terminated, cut where it is longer; empty: no std::exception
};
static_assert(sizeof(failure_record) == record_size);

/// Everything that is mapped rather than part of the object. Mapped at the first use, never unmapped.
struct registry {
  word_t used;  ///< records handed out so far; those below this index may be read
  word_t next_id;
  word_t free_batches;  ///< {tag : 24, record address / 256 : 40} of the first free batch, a lock-free stack
  word_t threads;       ///< slots handed out so far
  word_t lost;          ///< tasks that found no memory and are not recorded
  word_t search;        ///< where the next thread begins to look for a slot whose thread has ended
  word_t scopes;        ///< leak checks that exist: while there are any each task takes an id of its own, and is marked
  word_t common_scope;  ///< that of tasks which no other one claims; 0: none
  word_t tick;          ///< as root::tick, of the agent of another object; 0: nobody advances it
  std::atomic<timing_area*> timing;  ///< as root::timing, likewise
  word_t abandoned;                  ///< 1: its object is gone, and another one may have it, with all that is in it
  word_t reserved[5];
  std::atomic<record*> slabs[max_slabs];  ///< slab_records each; null: not mapped (yet)
  thread_slot slots[max_threads];
  word_t call_sites;                                      ///< handed out so far
  std::atomic<call_site*> innermost_calls[call_buckets];  ///< by pc, linked by `sibling`
  std::atomic<call_site*> call_chunks[most_call_sites / chunk_call_sites];
  word_t failures;                         ///< recorded so far
  failure_record recent[recent_failures];  ///< at their number - 1, modulo
};

/// What became of the agent of this object.
enum class agent_status : std::uint32_t {
  absent = 0,  ///< nobody made one
  starting = 1,
  listening = 2,         ///< at root::socket_path
  off = 3,               ///< TASKS_AGENT=off
  no_directory = 4,      ///< the socket directory cannot be made or used; agent_errno
  unsafe_directory = 5,  ///< it is a symlink, another user's, or open to others
  no_socket = 6,         ///< socket, bind or listen failed; agent_errno
  no_thread = 7,         ///< the thread could not be started; agent_errno
  served_elsewhere = 8,  ///< another object's agent in this process serves this registry too
  stopped = 9,           ///< its owner destroyed it
  forked = 10,           ///< this process is a fork; its parent had the agent
};

/// What each mapping of the agent's own memory begins with. In the rest are copies of what records hold, and nothing
/// that the program has a reference in.
struct agent_mapping {
  agent_mapping* next;  ///< the one before it; null: it is the first
  agent_mapping* previous;
  std::uint64_t size;  ///< in bytes, with this, a multiple of 4096
  std::uint64_t kept;  ///< 1: as long as the agent is
};
static_assert(sizeof(agent_mapping) == 32);

/// Found through the ELF note. One in each object (executable or shared library) that links the agent.
struct root {
  std::uint64_t magic;               ///< root_magic
  std::uint32_t layout;              ///< version
  std::uint32_t size;                ///< sizeof(root)
  std::uint32_t record_bytes;        ///< record_size
  std::uint32_t header_bytes;        ///< sizeof(frame_header)
  std::atomic<std::uint32_t> pid;    ///< of the process that owns it; another's: a forked copy; 0: not used yet
  std::atomic<std::uint32_t> agent;  ///< agent_status
  word_t start_time;                 ///< of that process: field 22 of /proc/PID/stat, clock ticks since boot
  std::atomic<registry*> records;    ///< null until the first task
  word_t tick;                       ///< coarse CLOCK_MONOTONIC in ms; 0: nobody advances it
  std::atomic<std::uint32_t> tick_resolution;  ///< how old `tick` may be, in ms
  std::atomic<std::int32_t> agent_errno;
  word_t instance;  ///< random, made with the agent
  /// Offsets that a scanner needs to discount Asio's own list of channels; 0: no hook with channels was used.
  std::atomic<std::uint32_t> channel_next;
  std::atomic<std::uint32_t> channel_prev;
  word_t listener;                             ///< inode of the socket on which the agent listens; 0: not known
  std::atomic<timing_area*> timing;            ///< null: nothing is timed
  std::atomic<std::atomic<registry*>*> known;  ///< private to writers: max_registries of them, see process_roots.hpp
  std::atomic<agent_mapping*> agent_memory;    ///< the newest; null: none, or an older agent, which has none
  char socket_path[112];                       ///< zero-terminated; meaningful while the agent listens
};

/// The descriptor of the ELF note: owner name "tasks", type note_type.
inline constexpr std::uint32_t note_type = 1;
struct note_descriptor {
  std::uint32_t layout;
  std::uint32_t size;        ///< sizeof(root)
  std::int64_t root_offset;  ///< address of the root minus the address of this field
};

}  // namespace tasks::layout
