#pragma once

/// Options: what --help, the manual and completions show of them, and how what the user typed becomes a value of the
/// command's own struct. Every value is checked here, in the same words whatever the command.
///
///   struct stack_request : target_options { std::chrono::milliseconds interval{0}; … };
///   duration("--interval", "SECONDS", "over so long", &stack_request::interval, 10ms)

#include <charconv>
#include <chrono>
#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace tasks::cli {

struct option {
  std::string_view names;  ///< "-p,--pid"; of a word that stands for itself: "PID"
  std::string_view value;  ///< "SECONDS"; empty: a flag; "[SECONDS]": may be left out
  std::string_view help;
  std::vector<std::string> (*words)() = nullptr;  ///< what the value may be, for completions
  bool repeats = false;                           ///< may be given more than once
};

/// An option of a command whose choices are a `Chosen`. One of a base serves whatever is derived from it.
template <class Chosen>
struct option_of : option {
  using setter = std::function<result<void>(Chosen&, const std::string&)>;

  option_of(option shown, setter sets) : option(std::move(shown)), set(std::move(sets)) {}
  template <class Base>
  requires(std::derived_from<Chosen, Base> && !std::same_as<Chosen, Base>) option_of(const option_of<Base>& of_base)
      : option(of_base), set(of_base.set) {}

  setter set;  ///< gets what was typed; nothing for a flag
};

[[nodiscard]] error usage_error(std::string subject, std::string fact, std::string next_step = "");

/// "-p" and "--pid" of "-p,--pid".
[[nodiscard]] std::vector<std::string_view> names_of(const option& o);
/// Of an option by its names, for errors: the last, which is the long one.
[[nodiscard]] std::string_view long_name(std::string_view names);
/// "30s", "0.5", "500ms", and at least `least`.
[[nodiscard]] result<std::chrono::milliseconds> read_duration(std::string_view names, std::string_view text,
                                                              std::chrono::milliseconds least);
/// A whole number from 1 on.
[[nodiscard]] result<std::uint64_t> read_count(std::string_view names, std::string_view text);
/// A task's id, as tasks stack prints it.
[[nodiscard]] result<std::uint64_t> read_task(std::string_view names, std::string_view text);

/// Sets the field to `value`.
template <class Chosen, class Value>
option_of<Chosen> flag(std::string_view names, std::string_view help, Value Chosen::*field,
                       std::type_identity_t<Value> value = true) {
  return {{names, "", help}, [=](Chosen& to, const std::string&) -> result<void> {
            to.*field = value;
            return {};
          }};
}

/// A field that is set to what `read(names, text)` makes of it.
template <class Chosen, class Field, class Read>
option_of<Chosen> value_option(option shown, Field Chosen::*field, Read read) {
  return {shown, [field, names = shown.names, read](Chosen& to, const std::string& typed) -> result<void> {
            const auto value = read(names, typed);
            if (!value) return value.why();
            to.*field = static_cast<Field>(*value);
            return {};
          }};
}

template <class Chosen, class Field>
option_of<Chosen> text(std::string_view names, std::string_view value, std::string_view help, Field Chosen::*field) {
  return value_option({names, value, help}, field,
                      [](std::string_view, const std::string& typed) { return result<std::string>(typed); });
}

template <class Chosen, class Field>
option_of<Chosen> duration(std::string_view names, std::string_view value, std::string_view help, Field Chosen::*field,
                           std::chrono::milliseconds least) {
  return value_option({names, value, help}, field, [least](std::string_view name, const std::string& typed) {
    return read_duration(name, typed, least);
  });
}

template <class Chosen, class Field>
option_of<Chosen> count(std::string_view names, std::string_view value, std::string_view help, Field Chosen::*field) {
  return value_option({names, value, help}, field, read_count);
}

}  // namespace tasks::cli
