/// What compilers and symbol tables call functions and types, of programs that somebody else built.
///
/// Each becomes a readable name, or stays as it is; none takes long, and nothing that drives a terminal is left in what
/// is shown.

#include "names.hpp"
#include "base/text.hpp"
#include "demangle.hpp"
#include "input.hpp"
#include "library_names.hpp"
#include "operation_names.hpp"
#include "symbols/handler_types.hpp"
#include "target/native_stack.hpp"
#include "type_names.hpp"
#include "utf8.hpp"

namespace {

using namespace tasks;

/// Characters of UTF-8, none of which is a control character.
void must_be_shown_as_text(std::string_view text) {
  while (!text.empty()) {
    const auto bytes = detail::utf8_sequence(text);
    fuzz::must(bytes != 0 && (bytes > 1 || (text[0] >= ' ' && text[0] != '\x7f')));
    fuzz::must(bytes == 1 || text[0] != '\xc2' || static_cast<unsigned char>(text[1]) >= 0xa0);
    text.remove_prefix(bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string raw(reinterpret_cast<const char*>(data), size);
  const auto shown = detail::make_readable(raw);
  must_be_shown_as_text(cli::clean(shown.text));
  must_be_shown_as_text(cli::clean(raw));
  static_cast<void>(detail::read_library_frame(shown.text));
  static_cast<void>(detail::read_library_frame(raw));
  static_cast<void>(detail::readable_type(raw));
  static_cast<void>(detail::simplify_types(raw));
  fuzz::must(detail::bare_name(raw).size() <= raw.size());
  if (const auto name = detail::demangle(raw)) fuzz::must(name->size() <= detail::longest_name);
  static_cast<void>(detail::is_mangled_plumbing(raw));
  static_cast<void>(cli::handler_of(raw));
  static_cast<void>(cli::readable_handler(raw));
  static_cast<void>(cli::keeps_function(raw));
  static_cast<void>(cli::is_coroutine_body(raw));
  for (const char separator : {',', ';'})
    for (const auto& part : detail::split_arguments(raw, separator)) fuzz::must(part.size() <= raw.size());
  std::string text = raw;
  detail::make_utf8(text);
  fuzz::must(text.size() == raw.size());
  return 0;
}
