// verdict: none
/// Idle pools that are held by a variable of a suspended coroutine alone, in every way that its frame can have one:
/// what a reader takes for not there yet, or over, is there.

#include <any>
#include <cstddef>
#include <cstring>
#include <exception>
#include <memory_resource>
#include <new>
#include <tuple>
#include <variant>

#include "healthy.hpp"

namespace leaks {
namespace {

using owner = std::shared_ptr<pool>;

std::optional<asio::steady_timer> tomorrow;
void wake_tomorrow() { tomorrow->cancel(); }

awaitable<int> until_tomorrow() {
  co_await tomorrow->async_wait(no_throw);
  co_return 1;
}

/// Its idle task has it, and nobody else.
[[gnu::noinline]] pool* make_bare(asio::io_context& io) { return make_pool(io).get(); }

template <awaitable<void> (*Hold)(asio::io_context&)>
void start(asio::io_context& io) {
  tomorrow.emplace(io, 24h);
  co_spawn(io, Hold(io), detached);
}

struct named {
  std::string name;
  pool* work = nullptr;
};
struct numbered {
  owner work;
  int number = 0;
};
struct nested {
  numbered first;
  int second = 0;
};
struct no_owner {
  void operator()(pool*) const noexcept {}
};
struct closing {
  explicit closing(pool* of) : work(of) {}
  ~closing() { work->jobs.close(); }
  closing(const closing&) = delete;
  closing& operator=(const closing&) = delete;
  pool* work;
};
union maybe_owner {
  maybe_owner() noexcept : none(0) {}
  ~maybe_owner() {}
  maybe_owner(const maybe_owner&) = delete;
  maybe_owner& operator=(const maybe_owner&) = delete;
  int none;
  owner work;
};

struct alignas(64) empty_room {};
struct room_in_padding {
  char first;
  alignas(16) char last;
};

template <class Text>
Text address_of(const pool* work, std::size_t before) {
  Text text(before, 'x');
  text.resize(before + sizeof work);
  std::memcpy(text.data() + before, &work, sizeof work);
  return text;
}
pool* address_in(const std::string& text, std::size_t before) {
  pool* work = nullptr;
  std::memcpy(&work, text.data() + before, sizeof work);
  return work;
}

// One each: {counted; a holder; a wait; the holder is used}.

awaitable<void> pointer(asio::io_context& io) {
  const counted self;
  pool* const held = make_bare(io);
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> reference(asio::io_context& io) {
  const counted self;
  const auto& held = *make_bare(io);
  co_await until_tomorrow();
  const_cast<pool&>(held).jobs.close();
}

awaitable<void> shared(asio::io_context& io) {
  const counted self;
  const owner held = make_pool(io);
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> of_parameter(asio::io_context&, owner held) {
  const counted self;
  co_await until_tomorrow();
  held->jobs.close();
}
awaitable<void> parameter(asio::io_context& io) { return of_parameter(io, make_pool(io)); }

awaitable<void> of_struct_parameter(named held) {
  const counted self;
  co_await until_tomorrow();
  held.work->jobs.close();
}
awaitable<void> struct_parameter(asio::io_context& io) { return of_struct_parameter({"a name", make_bare(io)}); }

awaitable<void> beside_a_string(asio::io_context& io) {
  const counted self;
  const named held{"a name", make_bare(io)};
  co_await until_tomorrow();
  held.work->jobs.close();
}

awaitable<void> with_destructor(asio::io_context& io) {
  const counted self;
  const closing held(make_bare(io));
  co_await until_tomorrow();
}

awaitable<void> unique_that_owns_nothing(asio::io_context& io) {
  const counted self;
  const std::unique_ptr<pool, no_owner> held(make_bare(io));
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> function(asio::io_context& io) {
  const counted self;
  const std::function<void()> held = [work = make_bare(io)] { work->jobs.close(); };
  co_await until_tomorrow();
  held();
}

awaitable<void> closure(asio::io_context& io) {
  const counted self;
  const auto held = [work = make_pool(io)] { work->jobs.close(); };
  co_await until_tomorrow();
  held();
}

awaitable<void> any(asio::io_context& io) {
  const counted self;
  const std::any held = make_bare(io);
  co_await until_tomorrow();
  std::any_cast<pool*>(held)->jobs.close();
}

awaitable<void> vector(asio::io_context& io) {
  const counted self;
  const std::vector<pool*> held(3, make_bare(io));
  co_await until_tomorrow();
  held.back()->jobs.close();
}

awaitable<void> vector_in_frame(asio::io_context& io) {
  const counted self;
  alignas(std::max_align_t) std::array<std::byte, 256> room{};
  std::pmr::monotonic_buffer_resource from(room.data(), room.size(), std::pmr::null_memory_resource());
  const std::pmr::vector<pool*> held(3, make_bare(io), &from);
  co_await until_tomorrow();
  held.back()->jobs.close();
}

awaitable<void> array(asio::io_context& io) {
  const counted self;
  std::array<owner, 3> held;
  held[1] = make_pool(io);
  co_await until_tomorrow();
  held[1]->jobs.close();
}

awaitable<void> optional(asio::io_context& io) {
  const counted self;
  const std::optional<owner> held = make_pool(io);
  co_await until_tomorrow();
  (*held)->jobs.close();
}

awaitable<void> optional_made_late(asio::io_context& io) {
  const counted self;
  std::optional<owner> held;
  co_await asio::post(io, use_awaitable);
  held.emplace(make_pool(io));
  co_await until_tomorrow();
  (*held)->jobs.close();
}

awaitable<void> variant(asio::io_context& io) {
  const counted self;
  const std::variant<int, std::string, owner> held = make_pool(io);
  co_await until_tomorrow();
  std::get<owner>(held)->jobs.close();
}

awaitable<void> tuple(asio::io_context& io) {
  const counted self;
  const std::tuple<std::string, pool*, int> held("a name", make_bare(io), 1);
  co_await until_tomorrow();
  std::get<1>(held)->jobs.close();
}

awaitable<void> binding(asio::io_context& io) {
  const counted self;
  const auto [name, work] = named{"a name", make_bare(io)};
  co_await until_tomorrow();
  work->jobs.close();
}

/// The address is the text, which fits into the string itself.
awaitable<void> short_text(asio::io_context& io) {
  const counted self;
  const auto held = address_of<std::string>(make_bare(io), 0);
  co_await until_tomorrow();
  address_in(held, 0)->jobs.close();
}

awaitable<void> long_text(asio::io_context& io) {
  constexpr std::size_t before = 64;
  const counted self;
  const auto held = address_of<std::string>(make_bare(io), before);
  co_await until_tomorrow();
  address_in(held, before)->jobs.close();
}

awaitable<void> assigned_later(asio::io_context& io) {
  const counted self;
  owner held;
  co_await asio::post(io, use_awaitable);
  held = make_pool(io);
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> moved(asio::io_context& io) {
  const counted self;
  owner first = make_pool(io);
  co_await asio::post(io, use_awaitable);
  const owner held = std::move(first);
  first.reset();
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> exception(asio::io_context& io) {
  const counted self;
  const auto held = std::make_exception_ptr(numbered{make_pool(io), 1});
  co_await until_tomorrow();
  try {
    std::rethrow_exception(held);
  } catch (const numbered& thrown) {
    thrown.work->jobs.close();
  }
}

awaitable<void> range_of_loop(asio::io_context& io) {
  const counted self;
  for (pool* const each : std::vector<pool*>{make_bare(io)}) {
    co_await until_tomorrow();
    each->jobs.close();
  }
}

awaitable<void> second_turn(asio::io_context& io) {
  const counted self;
  owner held;
  for (int turn = 0; turn < 2; ++turn) {
    const std::string name = turn == 0 ? "first" : "second";
    if (turn == 0) {
      co_await asio::post(io, use_awaitable);
      held = make_pool(io);
    } else {
      co_await until_tomorrow();
      held->jobs.close();
    }
  }
}

awaitable<void> made_in_a_branch(asio::io_context& io) {
  const counted self;
  for (int turn = 0; turn < 3; ++turn) {
    if (turn == 1) {
      const owner held = make_pool(io);
      co_await until_tomorrow();
      held->jobs.close();
    } else {
      const owner other = std::make_shared<pool>(io.get_executor());
      co_await asio::post(io, use_awaitable);
    }
  }
}

awaitable<void> of_if(asio::io_context& io) {
  const counted self;
  if (const owner held = make_pool(io)) {
    co_await until_tomorrow();
    held->jobs.close();
  }
}

awaitable<void> of_switch(asio::io_context& io) {
  const counted self;
  switch (const owner held = make_pool(io); held.use_count()) {
    case 0:
      break;
    default:
      co_await until_tomorrow();
      held->jobs.close();
  }
}

awaitable<void> of_while(asio::io_context& io) {
  const counted self;
  int turns = 0;
  while (const owner held = turns++ == 0 ? make_pool(io) : nullptr) {
    co_await until_tomorrow();
    held->jobs.close();
  }
}

awaitable<void> in_try(asio::io_context& io) {
  const counted self;
  try {
    const owner held = make_pool(io);
    co_await until_tomorrow();
    held->jobs.close();
    throw 1;
  } catch (int) {
  }
}

/// The wait is behind a handler that was left by an exception.
awaitable<void> made_in_handler(asio::io_context& io) {
  const counted self;
  owner held;
  try {
    co_await asio::post(io, use_awaitable);
    throw 1;
  } catch (int) {
    held = make_pool(io);
  }
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> by_goto(asio::io_context& io) {
  const counted self;
  int turns = 0;
again:
  const owner held = turns == 0 ? nullptr : make_pool(io);
  if (turns++ == 0) {
    co_await asio::post(io, use_awaitable);
    goto again;
  }
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> extended_temporary(asio::io_context& io) {
  const counted self;
  const owner& held = make_pool(io);
  co_await until_tomorrow();
  held->jobs.close();
}

/// What comes before the wait in one expression.
void close_both(const owner& work, int) { work->jobs.close(); }
awaitable<void> argument(asio::io_context& io) {
  const counted self;
  close_both(make_pool(io), co_await until_tomorrow());
}

awaitable<void> initializer(asio::io_context& io) {
  const counted self;
  const numbered held{make_pool(io), co_await until_tomorrow()};
  held.work->jobs.close();
}

awaitable<void> nested_initializer(asio::io_context& io) {
  const counted self;
  const nested held{{make_pool(io), 1}, co_await until_tomorrow()};
  held.first.work->jobs.close();
}

awaitable<void> initializer_in_loop(asio::io_context& io) {
  const counted self;
  for (int turn = 0; turn < 1; ++turn) {
    const numbered held{make_pool(io), co_await until_tomorrow()};
    held.work->jobs.close();
  }
}

awaitable<void> capture(asio::io_context& io) {
  const counted self;
  const auto held = [work = make_pool(io), number = co_await until_tomorrow()] { work->jobs.close(); };
  held();
}

/// g++ forgets alignas: the address is at an odd one.
awaitable<void> raw_room(asio::io_context& io) {
  const counted self;
  alignas(named) std::array<std::byte, sizeof(named)> room{};
  auto* const held = new (room.data()) named{"a name", make_bare(io)};
  co_await until_tomorrow();
  held->work->jobs.close();
  held->~named();
}

awaitable<void> union_member(asio::io_context& io) {
  const counted self;
  maybe_owner held;
  new (&held.work) owner(make_pool(io));
  co_await until_tomorrow();
  held.work->jobs.close();
  held.work.~owner();
}

/// No member is where the object is.
template <class Room>
awaitable<void> in_padding_of(asio::io_context& io) {
  const counted self;
  Room room;
  constexpr std::size_t behind_first = sizeof(pool*);
  auto* const held = new (reinterpret_cast<std::byte*>(&room) + behind_first) pool*(make_bare(io));
  co_await until_tomorrow();
  (*held)->jobs.close();
}

struct [[gnu::packed]] letter {
  char first;
  pool* work;
  short last;
};
awaitable<void> of_packed_parameter(letter held) {
  const counted self;
  co_await until_tomorrow();
  pool* const work = held.work;
  work->jobs.close();
}
awaitable<void> packed_parameter(asio::io_context& io) { return of_packed_parameter({'a', make_bare(io), 1}); }

awaitable<owner> give(asio::io_context& io) {
  co_await asio::post(io, use_awaitable);
  co_return make_pool(io);
}
awaitable<void> given(asio::io_context& io) {
  const counted self;
  const owner held = co_await give(io);
  co_await until_tomorrow();
  held->jobs.close();
}

awaitable<void> close_now(owner held) {
  held->jobs.close();
  co_return;
}
/// A coroutine that has not begun has it as its parameter.
awaitable<void> not_begun(asio::io_context& io) {
  const counted self;
  auto later = close_now(make_pool(io));
  co_await until_tomorrow();
  co_await std::move(later);
}

struct session {
  explicit session(pool* of) : work(of) {}
  awaitable<void> run() {
    co_await until_tomorrow();
    work->jobs.close();
  }
  std::string name;
  pool* work;
};
awaitable<void> of_this(asio::io_context& io) {
  const counted self;
  session held(make_bare(io));
  co_await held.run();
}

constexpr look_alike look_alikes[] = {
    {"pointer", start<pointer>, wake_tomorrow, 2},
    {"reference", start<reference>, wake_tomorrow, 2},
    {"shared", start<shared>, wake_tomorrow, 2},
    {"parameter", start<parameter>, wake_tomorrow, 2},
    {"struct_parameter", start<struct_parameter>, wake_tomorrow, 2},
    {"beside_a_string", start<beside_a_string>, wake_tomorrow, 2},
    {"with_destructor", start<with_destructor>, wake_tomorrow, 2},
    {"unique_that_owns_nothing", start<unique_that_owns_nothing>, wake_tomorrow, 2},
    {"function", start<function>, wake_tomorrow, 2},
    {"closure", start<closure>, wake_tomorrow, 2},
    {"any", start<any>, wake_tomorrow, 2},
    {"vector", start<vector>, wake_tomorrow, 2},
    {"vector_in_frame", start<vector_in_frame>, wake_tomorrow, 2},
    {"array", start<array>, wake_tomorrow, 2},
    {"optional", start<optional>, wake_tomorrow, 2},
    {"optional_made_late", start<optional_made_late>, wake_tomorrow, 2},
    {"variant", start<variant>, wake_tomorrow, 2},
    {"tuple", start<tuple>, wake_tomorrow, 2},
    {"binding", start<binding>, wake_tomorrow, 2},
    {"short_text", start<short_text>, wake_tomorrow, 2},
    {"long_text", start<long_text>, wake_tomorrow, 2},
    {"assigned_later", start<assigned_later>, wake_tomorrow, 2},
    {"moved", start<moved>, wake_tomorrow, 2},
    {"exception", start<exception>, wake_tomorrow, 2},
    {"range_of_loop", start<range_of_loop>, wake_tomorrow, 2},
    {"second_turn", start<second_turn>, wake_tomorrow, 2},
    {"made_in_a_branch", start<made_in_a_branch>, wake_tomorrow, 2},
    {"of_if", start<of_if>, wake_tomorrow, 2},
    {"of_switch", start<of_switch>, wake_tomorrow, 2},
    {"of_while", start<of_while>, wake_tomorrow, 2},
    {"in_try", start<in_try>, wake_tomorrow, 2},
    {"made_in_handler", start<made_in_handler>, wake_tomorrow, 2},
    {"by_goto", start<by_goto>, wake_tomorrow, 2},
    {"extended_temporary", start<extended_temporary>, wake_tomorrow, 2},
    {"argument", start<argument>, wake_tomorrow, 2},
    {"initializer", start<initializer>, wake_tomorrow, 2},
    {"nested_initializer", start<nested_initializer>, wake_tomorrow, 2},
    {"initializer_in_loop", start<initializer_in_loop>, wake_tomorrow, 2},
    {"capture", start<capture>, wake_tomorrow, 2},
    {"raw_room", start<raw_room>, wake_tomorrow, 2},
    {"packed_parameter", start<packed_parameter>, wake_tomorrow, 2},
    {"union_member", start<union_member>, wake_tomorrow, 2},
    {"empty_room", start<in_padding_of<empty_room>>, wake_tomorrow, 2},
    {"room_in_padding", start<in_padding_of<room_in_padding>>, wake_tomorrow, 2},
    {"given", start<given>, wake_tomorrow, 2},
    {"not_begun", start<not_begun>, wake_tomorrow, 2},
    {"of_this", start<of_this>, wake_tomorrow, 2},
};

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) { return leaks::run(argc, argv, leaks::look_alikes); }
