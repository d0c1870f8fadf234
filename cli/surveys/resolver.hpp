#pragma once

/// From the wire's numbers to what a view shows: locations become named frames, spawn addresses a spawn site,
/// descriptors their peers. Each is worked out once per answer.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coroutines/frame_values.hpp"
#include "linux/descriptors.hpp"
#include "names.hpp"
#include "operation_names.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/busy.hpp"
#include "surveys/due.hpp"
#include "surveys/lookups.hpp"
#include "target/native_stack.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// One location, ready to be shown.
struct frame {
  std::string function;  ///< empty: not known
  std::string file;      ///< empty: not known
  unsigned line = 0;
  bool plumbing = false;             ///< Asio's own
  bool from_address = false;         ///< the location is a code address: the frame has not awaited, or has no hook
  std::string text;                  ///< "function\n\tfile:line\n"
  std::string foreign_text;          ///< the same for a frame that is made without the hook; empty unless from_address
  detail::library_frame stands_for;  ///< of a plumbing one
  std::uint32_t id = 0;              ///< of the location in the answer; 0: it is none of it
};

struct shown_frame {
  const frame* location;
  bool not_instrumented;
  std::size_t number = std::numeric_limits<std::size_t>::max();  ///< of the task's frames, 0 innermost; else none
  std::vector<frame_value> locals{};                             ///< that were asked for
  std::uint64_t address = 0;                                     ///< that was asked for; 0: not, or not known
};

/// Is this native frame the body of that coroutine? Compilers spell its types in several ways, and its file relative to
/// where they ran or not.
[[nodiscard]] bool is_body_of(const native_frame& native, const frame& f);

/// What a task's or group's numbers mean. Its pointers hold until the resolver ends; `frames` until it is filled again.
struct resolved {
  std::vector<shown_frame> frames;       ///< innermost first
  bool is_operation = false;             ///< no function of a user's: the only frame is the operation or operator
  bool awaited = false;                  ///< its parent waits for it
  const frame* awaited_at = nullptr;     ///< of an operation: where a user's function awaits it; null: not known
  std::vector<native_frame> native;      ///< what its thread does in the innermost of them; empty unless it runs
  const frame* spawned_at = nullptr;     ///< where co_spawn was called; null: not known
  const frame* spawned_after = nullptr;  ///< without that: the spawner's last await before it; null: not known either
  /// Of a task whose wait is not one of Asio's own: the operation that it has begun, "pool::async_acquire()"; null: not
  /// known.
  const std::string* operation = nullptr;
  /// Of a task that waits for a timer: the clock that it goes by, "fake_clock"; null: not known.
  const std::string* clock = nullptr;
  bool never_expires = false;         ///< the timer, of a clock that nobody tells the time of
  const endpoint* fd = nullptr;       ///< null: none
  std::vector<const endpoint*> also;  ///< of each of Task::also, likewise
  const due_task* due = nullptr;      ///< null: its wait is not over, as far as that is known
  std::uint64_t due_tasks = 0;        ///< of a group: so many of it, of which `due` is the first
  const busy_task* busy = nullptr;    ///< null: it rests, as far as that is known; of a group: the busiest of it
  std::uint64_t busy_tasks = 0;       ///< of a group: so many of it
  const lookup* looked_up = nullptr;  ///< what a task that waits for a name has asked for; null: not known
  const lookup* now = nullptr;        ///< where that waits for its turn, the one whose it is; null: not known
};

/// What a wait's kind is called, as far as the descriptor refines it: "pipe read" of a descriptor read. `fd`: what it
/// is, or null.
[[nodiscard]] std::string kind_name(const v1::Wait& wait, const endpoint* fd);

/// When the timer that a task waits for expires.
enum class expiry { never, known, unknown };
/// A program's own clock may say another time than the kernel's, though its time points have the same type.
[[nodiscard]] expiry expiry_of(const v1::Wait& wait, const resolved& meaning);

/// Tasks that wait for a timer which never expires, of a clock that nobody tells the time of, with the version of their
/// waits.
using endless_timers = std::unordered_map<std::uint64_t, std::uint64_t>;
[[nodiscard]] endless_timers find_endless_timers(const target& from);

/// A location as it reads. Equal numbers of one resolver: every line is equal.
struct reading {
  std::uint32_t number;
  bool plumbing;  ///< Asio's own
  bool hidden;    ///< nothing is shown of it
};

struct resolver_options {
  bool all_frames = false;  ///< Asio's own too
  bool spawn_sites = true;
};

class resolver {
 public:
  resolver(const snapshot_source& source, resolver_options options);
  /// Of no process: what only its code tells is not known.
  explicit resolver(resolver_options options) : from_(nullptr), options_(options), descriptors_(0) {}

  /// Tasks that are shown as due, if they still wait as they did.
  void set_due(std::vector<due_task> due) { due_ = std::move(due); }
  /// Null: it is not due, or has gone on since.
  [[nodiscard]] const due_task* due_of(const v1::Task& task) const;
  [[nodiscard]] const due_task* due_of(std::uint64_t task) const { return find(due_, task); }
  /// Tasks that are shown as busy, if they still are.
  void set_busy(std::vector<busy_task> busy) { busy_ = std::move(busy); }
  /// Null: it rests, or has not been resumed since somebody looked.
  [[nodiscard]] const busy_task* busy_of(const v1::Task& task) const;
  [[nodiscard]] const busy_task* busy_of(std::uint64_t task) const { return find(busy_, task); }
  /// What tasks wait for that wait for a name, if they still do.
  void set_lookups(lookup_survey lookups) { lookups_ = std::move(lookups); }
  /// Remembers the locations of a part of an answer.
  void learn(const v1::Chunk& chunk);
  /// Of the answer that was learnt last: the location of that id, Asio's too.
  [[nodiscard]] const frame& at(std::uint32_t location) const;
  void resolve(const v1::Task& task, resolved& to);
  void resolve(const v1::Group& group, resolved& to);
  [[nodiscard]] bool shows_spawn_sites() const noexcept { return options_.spawn_sites; }
  /// Of whatever answer.
  [[nodiscard]] reading read(const v1::Location& location);
  /// From here on both give the same number to what reads alike, and make a name readable once.
  void read_as(const resolver& other) {
    readings_ = other.readings_;
    names_ = other.names_;
  }
  /// How many numbers it has given so far.
  [[nodiscard]] std::size_t readings() const noexcept { return readings_->size(); }

 private:
  using location_ids = google::protobuf::RepeatedField<std::uint32_t>;
  void show_frames(const location_ids& ids, v1::Task::State state, resolved& to);
  /// What stands there in place of frames that are all Asio's own.
  const frame& operation_of(const location_ids& ids, v1::Task::State state);
  /// The operation that a frame of Asio's begins; null: none, or it does not tell which.
  [[nodiscard]] const std::string* begun_by(std::uint32_t innermost) const;
  /// The clock of the timer that a frame of Asio's waits for; null: it waits for none, or does not tell.
  [[nodiscard]] const std::string* clock_of(std::uint32_t innermost) const;
  [[nodiscard]] bool never_expires(const v1::Task& task);
  [[nodiscard]] const frame* entry_of(const location_ids& ids) const;
  template <class Message>
  void show_spawn_site(const Message& message, resolved& to) const;
  /// The location of that id, unless it is Asio's.
  [[nodiscard]] const frame* user_location(std::uint32_t id) const;
  struct known_name {
    detail::readable_name readable;
    detail::library_frame stands_for;  ///< of plumbing
    std::string bare;                  ///< likewise
  };
  [[nodiscard]] const known_name& name_of(const std::string& raw);
  frame make_frame(const v1::Location& location);
  const frame& site_of(const v1::Location& location);
  void remember(const v1::Task& task, const resolved& meaning);
  [[nodiscard]] const frame* line_of(std::uint64_t id) const;
  [[nodiscard]] std::vector<code_location> functions_at(std::uint64_t address) const;
  void take_from_recording();

  target* from_;                                 ///< null: no names of its code but those that were recorded
  const v1::RecordedFacts* recorded_ = nullptr;  ///< of a recording
  std::unordered_map<std::uint64_t, const v1::RecordedCode*> recorded_code_;
  std::vector<due_task> due_;
  std::vector<busy_task> busy_;
  lookup_survey lookups_;
  resolver_options options_;
  descriptor_table descriptors_;
  std::unordered_map<std::uint32_t, frame> locations_;
  std::map<std::vector<std::uint64_t>, frame> spawn_sites_;  ///< by return addresses
  std::map<std::string, frame> operations_;                  ///< by what they are called
  std::shared_ptr<std::unordered_map<std::string, std::uint32_t>> readings_ =
      std::make_shared<std::unordered_map<std::string, std::uint32_t>>();
  std::shared_ptr<std::unordered_map<std::string, known_name>> names_ =
      std::make_shared<std::unordered_map<std::string, known_name>>();
  std::optional<endless_timers> endless_;  ///< nothing: nobody has asked
  /// Tasks seen so far with their innermost frames, by id. Answers come oldest first, trees with parents before
  /// children.
  std::vector<std::pair<std::uint64_t, const frame*>> lines_;
  std::unordered_map<std::uint64_t, const frame*> lines_out_of_order_;
};

}  // namespace tasks::cli
