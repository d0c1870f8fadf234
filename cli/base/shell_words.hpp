#pragma once

/// Words that a shell takes apart again, exactly as they were.

#include <span>
#include <string>
#include <string_view>

namespace tasks::cli {

/// One word of a POSIX shell, whatever is in it but a zero byte: 'it'\''s'.
[[nodiscard]] std::string quoted_for_sh(std::string_view word);
/// Several, with blanks between them.
[[nodiscard]] std::string quoted_for_sh(std::span<const std::string> words);

/// A command line of one line that has sh run a script, whichever shell takes it apart: a user's login shell may be csh
/// or fish, which quote otherwise. Those understand a word between single quotes alike where nothing is in it but
/// letters, digits, blanks and the backslashes of octal numbers, which printf(1) of sh makes into bytes. The script is
/// at most 32 KiB long: Linux takes words of 128 KiB.
[[nodiscard]] std::string for_any_shell(std::string_view script);

}  // namespace tasks::cli
