#include "target/native_stack.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "library_names.hpp"
#include "linux/proc.hpp"
#include "linux/registers.hpp"
#include "names.hpp"
#include "symbols/code_symbols.hpp"
#include "type_names.hpp"

namespace tasks::cli {
namespace {

using detail::bare_name;
using detail::make_readable;
using detail::resumes_task;

/// Deeper stacks are those of endless recursions.
constexpr std::size_t most_frames = 1024;

// The state that attach() gives to libdwfl.

struct copied_state {
  const std::vector<thread_copy>& threads;
  const thread_copy* current = nullptr;  ///< whose stack is being read
};

copied_state& state_of(void* argument) { return *static_cast<copied_state*>(argument); }

pid_t next_thread(Dwfl*, void* argument, void** thread) {
  const auto& threads = state_of(argument).threads;
  const auto* next = *thread ? static_cast<const thread_copy*>(*thread) + 1 : threads.data();
  if (next == threads.data() + threads.size()) return 0;
  *thread = const_cast<thread_copy*>(next);
  return next->tid;
}

bool get_thread(Dwfl*, pid_t tid, void* argument, void** thread) {
  auto& state = state_of(argument);
  const auto found = std::find_if(state.threads.begin(), state.threads.end(),
                                  [tid](const thread_copy& t) { return t.tid == tid && !t.registers.empty(); });
  if (found == state.threads.end()) return false;
  state.current = &*found;
  *thread = const_cast<thread_copy*>(&*found);
  return true;
}

bool read_word(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
  const auto word = word_at(*state_of(argument).current, address);
  if (word) *result = *word;
  return word.has_value();
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
  const auto& copy = *static_cast<const thread_copy*>(argument);
  dwfl_thread_state_register_pc(thread, copy.pc);
  if (copy.slept) {
    const auto& frame_pointer = copy.registers[frame_pointer_number];
    return dwfl_thread_state_registers(thread, stack_pointer_number, 1, &copy.registers[stack_pointer_number]) &&
           (frame_pointer == 0 || dwfl_thread_state_registers(thread, frame_pointer_number, 1, &frame_pointer));
  }
  return dwfl_thread_state_registers(thread, 0, static_cast<unsigned>(copy.registers.size()), copy.registers.data());
}

void drop_state(Dwfl*, void* argument) { delete &state_of(argument); }

constexpr Dwfl_Thread_Callbacks thread_callbacks = {next_thread,   get_thread, read_word,
                                                    set_registers, drop_state, nullptr};

// What the names of frames say.

/// Functions between a thread's first instruction and what it was made for.
bool starts_threads(std::string_view symbol) {
  constexpr std::array<std::string_view, 10> names = {"_start",
                                                      "__libc_start_main",
                                                      "__libc_start_main_impl",
                                                      "__libc_start_call_main",
                                                      "start_thread",
                                                      "clone",
                                                      "__clone",
                                                      "clone3",
                                                      "__clone3",
                                                      "execute_native_thread_routine"};
  symbol = symbol.substr(0, symbol.find('@'));
  if (symbol.starts_with("__GI_")) symbol.remove_prefix(5);
  return std::find(names.begin(), names.end(), symbol) != names.end() || symbol.ends_with("posix_thread_function");
}

bool is_system(std::string_view module) {
  const auto file = base_name(module);
  constexpr std::array<std::string_view, 13> libraries = {
      "libc.so",  "libc-",         "libpthread", "libm.so", "libstdc++.so", "libc++",  "libgcc_s",
      "ld-linux", "linux-vdso.so", "libunwind",  "libasan", "libtsan",      "libubsan"};
  return module.starts_with('[') ||
         std::any_of(libraries.begin(), libraries.end(), [file](auto name) { return file.starts_with(name); });
}

/// As people call it: pthread_mutex_lock instead of __GI___pthread_mutex_lock@@GLIBC_2.2.5.
std::string system_name(std::string_view symbol) {
  symbol = symbol.substr(0, symbol.find('@'));
  if (symbol.starts_with("__GI_")) symbol.remove_prefix(5);
  symbol.remove_prefix(std::min(symbol.find_first_not_of('_'), symbol.size()));
  for (const std::string_view prefix : {"libc_", "interceptor_"})
    if (symbol.starts_with(prefix)) symbol.remove_prefix(prefix.size());
  // All of glibc's ways to join go through it.
  if (symbol == "pthread_clockjoin_ex") symbol = "pthread_join";
  return std::string(symbol);
}

native_frame make_frame(std::uint64_t address, const code_location& location, std::string_view module) {
  native_frame f;
  const std::string_view raw = location.function;
  auto name = make_readable(raw);
  f.address = address;
  f.file = location.file;
  f.line = location.line;
  f.module = module;
  f.system = is_system(module);
  f.plumbing = name.plumbing || name.standard || starts_threads(raw);
  f.is_coroutine = is_coroutine_body(raw);
  f.resumes_task = name.plumbing && resumes_task(bare_name(name.text));
  f.function = std::move(name.text);
  if (!f.system) return f;
  // A source of the C library's is not at hand, and what is inlined in one of its functions says nothing to users.
  f.plumbing = f.plumbing || f.function.empty();
  if (!raw.starts_with("_Z")) f.function = system_name(f.function);
  f.file.clear();
  f.line = 0;
  return f;
}

int visit_frame(Dwfl_Frame* frame, void* argument) {
  auto& addresses = *static_cast<std::vector<std::uint64_t>*>(argument);
  Dwarf_Addr pc = 0;
  bool interrupted = false;  // by a signal, or the innermost frame: the address is that of the next instruction
  if (!dwfl_frame_pc(frame, &pc, &interrupted)) return DWARF_CB_ABORT;
  addresses.push_back(interrupted ? pc : pc - 1);
  return addresses.size() == most_frames ? DWARF_CB_ABORT : DWARF_CB_OK;
}

bool is_public_asio(const native_frame& frame) {
  const std::string_view function = frame.function;
  return frame.plumbing && function.find("asio::") != function.npos && function.find("detail::") == function.npos;
}

}  // namespace

bool is_coroutine_body(std::string_view symbol) { return symbol.ends_with(".actor") || symbol.ends_with(".resume"); }

bool attach(modules& code, const std::vector<thread_copy>& threads) {
  Dwfl* dwfl = code.dwfl();
  if (!dwfl) return false;
  auto state = std::make_unique<copied_state>(copied_state{threads});
  if (!dwfl_attach_state(dwfl, nullptr, threads.empty() ? 1 : threads.front().tid, &thread_callbacks, state.get()))
    return false;
  state.release();
  return true;
}

native_stacks::native_stacks(modules& code, symbolizer& names) : code_(code), names_(names) {}

const std::vector<native_frame>& native_stacks::at(std::uint64_t address) {
  const auto [known, is_new] = known_.try_emplace(address);
  auto& frames = known->second;
  if (!is_new) return frames;
  Dwfl_Module* mapped = dwfl_addrmodule(code_.dwfl(), address);
  const char* name =
      mapped ? dwfl_module_info(mapped, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) : nullptr;
  const std::string_view module = name ? name : "";
  for (const auto& location : names_.resolve(address)) frames.push_back(make_frame(address, location, module));
  if (frames.empty()) frames.push_back(make_frame(address, {}, module));
  // In clang's debug information it has the name that the coroutine has.
  if (const auto symbol = symbol_near(code_, address); symbol && is_coroutine_body(symbol->name))
    frames.back().is_coroutine = true;
  if (frames.back().system) frames.erase(frames.begin(), frames.end() - 1);
  return frames;
}

unwound_stack unwind(modules& code, pid_t tid) {
  unwound_stack stack;
  Dwfl* dwfl = code.dwfl();
  if (dwfl) stack.complete = dwfl_getthread_frames(dwfl, tid, visit_frame, &stack.addresses) == 0;
  return stack;
}

native_stack native_stacks::of(pid_t tid) { return of(unwind(code_, tid)); }

native_stack native_stacks::of(const unwound_stack& unwound) {
  native_stack stack;
  if (!code_.dwfl()) return stack;
  for (const auto address : unwound.addresses) {
    const auto& frames = at(address);
    stack.frames.insert(stack.frames.end(), frames.begin(), frames.end());
  }
  stack.complete = unwound.complete;
  return stack;
}

const native_frame* innermost_user_frame(const native_stack& stack) {
  const native_frame* named = nullptr;
  for (const auto& f : stack.frames) {
    if (f.plumbing || f.system || f.function.empty()) continue;
    if (!f.file.empty()) return &f;
    if (!named) named = &f;
  }
  if (named) return named;
  const auto any =
      std::find_if(stack.frames.begin(), stack.frames.end(), [](const auto& f) { return !f.function.empty(); });
  return any == stack.frames.end() ? nullptr : &*any;
}

const native_frame* name_lookup(std::span<const native_frame> frames) {
  constexpr std::array<std::string_view, 8> names = {"getaddrinfo",     "getnameinfo",    "gethostbyname",
                                                     "gethostbyname_r", "gethostbyname2", "gethostbyname2_r",
                                                     "gethostbyaddr",   "gethostbyaddr_r"};
  const auto found = std::find_if(frames.rbegin(), frames.rend(), [&](const native_frame& f) {
    return std::find(names.begin(), names.end(), bare_name(f.function)) != names.end();
  });
  return found == frames.rend() ? nullptr : &*found;
}

std::vector<native_frame> shown_frames(std::span<const native_frame> frames, bool all) {
  const auto is_plumbing = [](const native_frame& f) { return f.plumbing; };
  if (all || std::all_of(frames.begin(), frames.end(), is_plumbing)) return {frames.begin(), frames.end()};
  const auto user = std::find_if(frames.begin(), frames.end(), [](const auto& f) { return !f.plumbing && !f.system; });
  // Where the user has nothing in it, as in a pool's thread or at exit: the outermost that he knows by name.
  const auto known =
      user != frames.end() ? frames.rend() : std::find_if(frames.rbegin(), frames.rend(), is_public_asio);
  std::vector<native_frame> shown;
  for (auto f = frames.begin(); f != frames.end(); ++f) {
    // What the user's innermost function has called says where it is: std::future::get(), ~io_context(), run().
    const bool is_called = user != frames.end() && f + 1 == user && !f->function.empty() && !f->is_coroutine;
    const bool is_known = known != frames.rend() && &*f == &*known;
    if (!f->plumbing || is_called || is_known) shown.push_back(*f);
  }
  return shown;
}

std::span<const native_frame> frames_of_task(const native_stack& stack) {
  const auto begin = stack.frames.begin(), end = stack.frames.end();
  auto last = std::find_if(begin, end, [](const auto& f) { return f.resumes_task; });
  if (last == end) {
    // Without debug information inlined functions are not seen, but a coroutine's body has a symbol.
    last = std::find_if(begin, end, [](const auto& f) { return f.is_coroutine; });
    if (last != end) ++last;
  }
  return {begin, last};
}

}  // namespace tasks::cli
