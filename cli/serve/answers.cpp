#include "serve/answers.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "base/json.hpp"

namespace tasks::cli {
namespace {

int status_of(error_code code) {
  switch (code) {
    case error_code::usage:
    case error_code::ambiguous_name:
      return 400;
    case error_code::no_such_process:
    case error_code::no_such_task:
      return 404;
    case error_code::permission_denied:
      return 403;
    case error_code::timed_out:
      return 504;
    default:
      return 502;
  }
}

/// As encodeURIComponent() of JavaScript does it, for text in a header.
std::string percent_encoded(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
    if (plain)
      made += c;
    else
      made += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return made;
}

std::string percent_encoded_notes(const made_view& view) {
  std::string notes;
  for (const auto& line : view.told) notes += (notes.empty() ? "" : "\n") + line;
  constexpr std::size_t most = 2048;
  return percent_encoded(std::string_view(notes).substr(0, most));
}

}  // namespace

std::string_view code_name(error_code code) {
  switch (code) {
    case error_code::usage:
      return "usage";
    case error_code::no_such_process:
      return "no-such-process";
    case error_code::ambiguous_name:
      return "ambiguous-name";
    case error_code::not_instrumented:
      return "not-instrumented";
    case error_code::no_agent:
      return "no-agent";
    case error_code::agent_gone:
      return "agent-gone";
    case error_code::permission_denied:
      return "permission-denied";
    case error_code::timed_out:
      return "timed-out";
    case error_code::protocol_mismatch:
      return "protocol-mismatch";
    case error_code::malformed_answer:
      return "malformed-answer";
    case error_code::no_such_task:
      return "no-such-task";
    case error_code::system:
      break;
  }
  return "system";
}

void append_error(fmt::memory_buffer& out, std::string_view code, const error& why) {
  json_writer json(out);
  json.begin_object();
  json.key("error");
  json.begin_object();
  for (const auto& [key, value] : {std::pair<std::string_view, std::string_view>("code", code),
                                   {"subject", why.subject},
                                   {"fact", why.fact},
                                   {"nextStep", why.next_step}}) {
    json.key(key);
    json.string(value);
  }
  json.end_object();
  json.end_object();
}

http_answer error_answer(int status, std::string_view code, const error& why) {
  fmt::memory_buffer text;
  append_error(text, code, why);
  text.push_back('\n');
  return text_answer(status, json_type, fmt::to_string(text));
}

http_answer error_answer(const error& why) { return error_answer(status_of(why.code), code_name(why.code), why); }

http_answer not_found(std::string_view path) {
  return error_answer(
      404, "not-found",
      {error_code::usage, std::string(path), "there is nothing", "/api/v1/openapi.json lists what there is"});
}

http_answer view_answer(const seen_view& seen, std::string_view type) {
  http_answer to;
  to.type = type;
  to.body = std::shared_ptr<const std::string>(seen.made, &seen.made->text);
  if (!seen.of->is_brought) {
    const auto age = std::chrono::steady_clock::now() - seen.of->at;
    to.headers.emplace_back("Age", fmt::format("{:.3f}", std::chrono::duration<double>(age).count()));
  }
  if (auto notes = percent_encoded_notes(*seen.made); !notes.empty())
    to.headers.emplace_back("Tasks-Notes", std::move(notes));
  return to;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<pid_t> pid_in(std::string_view text) {
  const auto value = whole_number(text);
  if (!value || *value == 0 || *value > 0x7fffffff) return std::nullopt;
  return static_cast<pid_t>(*value);
}

}  // namespace tasks::cli
