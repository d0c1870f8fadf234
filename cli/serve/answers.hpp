#pragma once

/// Answers as `tasks serve` words them: errors by their parts, and beside a view what its command has told.

#include <fmt/format.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "serve/http.hpp"
#include "serve/viewer.hpp"

namespace tasks::cli {

inline constexpr std::string_view plain_text = "text/plain; charset=utf-8", html_text = "text/html; charset=utf-8",
                                  bytes_type = "application/octet-stream",
                                  json_type = "application/json; charset=utf-8";

/// "no-such-process", of `error.code` in JSON.
[[nodiscard]] std::string_view code_name(error_code code);
/// {"error":{"code":…,"subject":…,"fact":…,"nextStep":…}}
void append_error(fmt::memory_buffer& out, std::string_view code, const error& why);
[[nodiscard]] http_answer error_answer(int status, std::string_view code, const error& why);
/// With the status that its code has.
[[nodiscard]] http_answer error_answer(const error& why);
[[nodiscard]] http_answer not_found(std::string_view path);
/// What a command has printed, which is not copied; with Tasks-Notes, and Age unless it was recorded by somebody else.
[[nodiscard]] http_answer view_answer(const seen_view& seen, std::string_view type);

/// All of the text, in decimal. Nothing: it is no such number.
[[nodiscard]] std::optional<std::uint64_t> whole_number(std::string_view text);
[[nodiscard]] std::optional<pid_t> pid_in(std::string_view text);

}  // namespace tasks::cli
