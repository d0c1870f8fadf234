#include <cxxabi.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>
#include <typeinfo>

#include "registry/exception_stacks.hpp"
#include "registry/registry.hpp"

// Tasks that ended by an exception. Nobody may see it: co_spawn's `detached` drops it.

namespace tasks::detail {
namespace {

using layout::failure_record;

constexpr auto relaxed = std::memory_order_relaxed;

void copy_text(layout::word_t (&to)[layout::exception_text / 8], std::string_view text) noexcept {
  char bytes[layout::exception_text] = {};
  text.copy(bytes, sizeof bytes - 1);
  for (std::size_t i = 0; i < std::size(to); ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i * 8, 8);
    store(to[i], word);
  }
}

struct told_exception {
  const char* type = "";
  char message[layout::exception_text] = {};
  bool cancelled = false;
};

/// The current exception. Nothing of it is kept: its texts may end with it.
told_exception tell_exception() noexcept {
  told_exception told;
  if (const std::type_info* type = abi::__cxa_current_exception_type()) told.type = type->name();
  try {
    throw;
  } catch (const std::exception& e) {
    const std::string_view text = e.what();
    text.copy(told.message, sizeof told.message - 1);
    // Asio's category of the system's errors is its own, and says of no error what it is in general.
    if (const auto* error = dynamic_cast<const std::system_error*>(&e))
      told.cancelled =
          error->code().value() == ECANCELED && std::string_view(error->code().category().name()).ends_with("system");
    // Boost's own, of which nothing but the text is known here: "…: Operation canceled [system:125 …]".
    if (std::string_view(told.type) == "N5boost6system12system_errorE")
      told.cancelled = text.find("[system:125") != std::string_view::npos;
  } catch (...) {
    // Of another kind: its type is all that there is.
  }
  return told;
}

void record_failure(layout::registry& home, const record& r, const told_exception& told) noexcept {
  const auto number = home.failures.fetch_add(1, relaxed) + 1;
  failure_record& to = home.recent[(number - 1) % layout::recent_failures];
  // Another thread that is a whole round behind writes it still: this one is counted, and not told.
  if (to.number.exchange(0, std::memory_order_acq_rel) == 0 && number > layout::recent_failures) return;
  store(to.id, load(r.id));
  store(to.when, now());
  store(to.where, load(r.stack[1].where));
  store(to.spawn_path, load(r.spawn_path));
  store(to.spawn_where, load(r.spawn_where));
  store(to.spawn_outer, load(r.spawn_outer));
  copy_text(to.type, told.type);
  copy_text(to.message, told.message);
  store(to.number, number);
}

}  // namespace

void end_by_exception(const entry* of) noexcept {
  const record* r = owner(of);
  if (load(r->id) == 0) return;
  // Here the chain is whole; the frame's caller, when it gets the exception, has left it.
  if (takes_exception_stacks()) note_current_exception();
  // The outermost frame is Asio's; it takes what the task's function lets through, and goes on to tell it to the
  // handler.
  if (of != &r->stack[1]) return;
  if ((r->flags.load(relaxed) & layout::awaited) != 0) return;  // another task gets it
  // Not C++'s: a thread that is being cancelled unwinds.
  if (abi::__cxa_current_exception_type() == nullptr) return;
  layout::thread_slot* slot = ensure_slot();
  if (slot == nullptr) return;
  const auto told = tell_exception();
  auto& count = told.cancelled ? slot->cancelled : slot->failed;
  store(count, load(count) + 1);
  if (takes_exception_stacks()) note_current_message(told.message);
  if (!told.cancelled) record_failure(*slot->home.load(relaxed), *r, told);
}

}  // namespace tasks::detail
