#include "coroutines/suspend_lines.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "coroutines/suspend_sites.hpp"
#include "symbols/code_cache.hpp"

namespace tasks::cli {

class suspend_lines::state {
 public:
  state(const code_bytes& code, modules& of, debug_units& debug, body_machine& machine)
      : sites(code, of, debug, machine), bytes_(code), code_(of), debug_(debug), machine_(machine) {}

  /// As it was found out in an earlier look, else worked out.
  std::optional<source_line> find(const coroutine_body& body, const frame_layout& layout, std::uint64_t index) {
    auto* kept = code_.kept_at(body.code.begin);
    if (kept == nullptr) return work_out(body, layout, index);
    if (checked_.insert(kept).second && !has_its_words(*kept)) {
      kept->facts.clear_lines();
      kept->facts.clear_words();
    }
    auto& lines = *(*kept->facts.mutable_lines())[kept->to_file(body.code.begin)].mutable_by_index();
    if (const auto kept_line = lines.find(index); kept_line != lines.end()) {
      const auto& its = kept_line->second;
      return its.is_known() ? std::optional(source_line{its.file(), its.line()}) : std::nullopt;
    }
    auto line = work_out(body, layout, index);
    // A process may have other code in its memory than its file has.
    if (kept_code::has_room_behind(lines.size()) && kept->has_all_debug_information() && keep_words(*kept)) {
      auto& its = lines[index];
      its.set_is_known(line.has_value());
      its.set_file(line ? line->file : std::string());
      its.set_line(line ? line->line : 0);
      kept->changed();
    }
    return line;
  }

  std::optional<source_line> work_out(const coroutine_body& body, const frame_layout& layout, std::uint64_t index) {
    auto site = sites.find(body, layout, index);
    // clang's stores have the lines of their co_awaits at every level, while it may take an instruction that several
    // copies of await_suspend() begin with for that of another one. g++'s stores may have the line of the body's end.
    if (!body.is_gnu && is_some(site.store)) return site.store;
    if (is_some(site.certain)) return site.certain;
    const auto dispatch = machine_.resume_at(body, layout, index);
    auto resumed = dispatch.target != 0 ? line_behind(dispatch) : only_line_of(body);
    // g++ gives much that it makes itself the line of the function's end, and so its dispatch.
    const auto end = dispatch.first_jump != 0 ? debug_.outermost_line(dispatch.first_jump) : std::nullopt;
    const auto is_written = [&](const std::optional<source_line>& line) {
      return is_some(line) && (!body.is_gnu || !end || line->line != end->line);
    };
    if (resumed.is_await_resume && is_written(resumed.line)) return resumed.line;
    if (is_written(site.store)) return site.store;
    auto last = site.merged ? std::move(site.merged) : std::move(resumed.line);
    return is_some(last) ? last : std::nullopt;
  }

  suspend_sites sites;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::optional<source_line>> known;  ///< by body's begin and index

 private:
  static constexpr std::string_view resuming_function = "await_resume";
  /// In instructions: how far from where a body begins, and from where it goes on, it may be called.
  static constexpr std::size_t farthest_from_begin = 80, farthest_from_target = 12;

  struct resumed_line {
    std::optional<source_line> line;
    bool is_await_resume = false;  ///< of that, and not of what comes after it
  };

  static bool is_some(const std::optional<source_line>& line) { return line && line->line != 0; }

  /// clang: a body that can be resumed in one place only begins there. Where it does not begin with await_resume(), as
  /// that may do nothing, it says nothing of the line: of one that began at once the co_await is in who made it.
  resumed_line only_line_of(const coroutine_body& body) {
    auto at = body.code.begin;
    for (std::size_t i = 0; i < farthest_from_begin && at != 0; ++i, at = machine_.next_of(at)) {
      auto line = debug_.outermost_line(at);
      if (!is_some(line)) continue;
      if (sites.has_call(at, resuming_function)) return {std::move(line), true};
    }
    return {};
  }

  resumed_line line_behind(const body_machine::dispatch& dispatch) {
    resumed_line found;
    for (const auto at : dispatch.path) {
      auto line = debug_.outermost_line(at);
      if (!is_some(line)) continue;
      found = {std::move(line), sites.has_call(at, resuming_function)};
      break;
    }
    // Where nothing is optimized it is called a little later.
    for (std::size_t i = 0; i < dispatch.path.size() && i < farthest_from_target && !found.is_await_resume; ++i) {
      if (!sites.has_call(dispatch.path[i], resuming_function)) continue;
      if (auto line = debug_.outermost_line(dispatch.path[i]); is_some(line)) found = {std::move(line), true};
    }
    return found;
  }

  /// Nothing: it may change while the process runs, or is of a file that is not told apart.
  [[nodiscard]] std::optional<cache::Word> message_of(const kept_code& of, std::uint64_t address, std::size_t size,
                                                      std::uint64_t value) {
    if (code_.kept_at(address) != &of || bytes_.may_change(address)) return std::nullopt;
    cache::Word word;
    word.set_address(of.to_file(address));
    word.set_size(static_cast<std::uint32_t>(size));
    word.set_value(value);
    if (size != sizeof value || dwfl_addrmodule(code_.dwfl(), value) == nullptr) return word;
    const auto* to = code_.kept_at(value);
    if (to == nullptr) return std::nullopt;
    word.set_value(to->to_file(value));
    *word.mutable_value_in() = to->facts.file();
    return word;
  }

  /// What decided lines in an earlier look is the same now.
  [[nodiscard]] bool has_its_words(const kept_code& kept) {
    return std::ranges::all_of(kept.facts.words(), [&](const cache::Word& its) {
      const auto address = kept.to_memory(its.address());
      std::uint64_t value = 0;
      if (its.size() > sizeof value || bytes_.read_any(address, &value, its.size()).known != its.size()) return false;
      const auto word = message_of(kept, address, its.size(), value);
      return word && word->SerializeAsString() == its.SerializeAsString();
    });
  }

  /// All that was read decided what was found; false: some of it cannot be kept.
  [[nodiscard]] bool keep_words(kept_code& in) {
    if (!bytes_.were_all_of_files()) return false;
    auto& words = *in.facts.mutable_words();
    for (const auto& [place, value] : bytes_.words()) {
      const auto word = message_of(in, place.first, place.second, value);
      if (!word) return false;
      const auto is_same = [&](const cache::Word& each) {
        return each.address() == word->address() && each.size() == word->size();
      };
      if (std::ranges::none_of(words, is_same)) *words.Add() = *word;
    }
    return true;
  }

  const code_bytes& bytes_;
  modules& code_;
  std::set<const kept_code*> checked_;
  debug_units& debug_;
  body_machine& machine_;
};

suspend_lines::suspend_lines(const code_bytes& code, modules& of, debug_units& debug, body_machine& machine)
    : state_(std::make_unique<state>(code, of, debug, machine)) {}

suspend_lines::~suspend_lines() = default;

const std::optional<source_line>& suspend_lines::line_of(const coroutine_body& body, const frame_layout& layout,
                                                         std::uint64_t index) {
  const auto [known, is_new] = state_->known.try_emplace({body.code.begin, index});
  if (is_new && layout.index_size != 0) known->second = state_->find(body, layout, index);
  return known->second;
}

std::optional<std::uint64_t> suspend_lines::place_of(const coroutine_body& body, const frame_layout& layout,
                                                     std::uint64_t index) {
  return state_->sites.place_of(body, layout, index);
}

}  // namespace tasks::cli
