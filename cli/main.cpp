#include <cstdio>
#include <string>
#include <string_view>

#include <unistd.h>

#include "commands/command_line.hpp"

namespace {

using namespace tasks::cli;

/// As monitoring expects it of a plugin: on standard output, and with code 3.
int fail_as_plugin(const error& e) {
  const auto line = "UNKNOWN: " + message(e) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
  return 3;
}

int fail(const error& e) {
  const auto line = message(e) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return exit_code(e.code);
}

}  // namespace

int main(int argc, char** argv) {
  auto call = parse_command_line({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
  const bool is_plugin = argc > 1 && std::string_view(argv[1]) == "check";
  if (!call) return is_plugin ? fail_as_plugin(call.why()) : fail(call.why());
  output out(STDOUT_FILENO, style_of_stdout());
  int code = 0;
  if (call->command) {
    const auto done = call->command->run(out);
    // What was printed before an error stands before it.
    if (!done) {
      (void)out.flush();
      const auto why = done.why();
      if (is_plugin) return fail_as_plugin(why);
      const bool is_no_target = why.code == error_code::no_such_process && !call->bare_word.empty();
      if (is_no_target && why.subject == call->bare_word) return fail(no_such_command(call->bare_word, true));
      return fail(why);
    }
    code = *done;
  } else {
    out.text().append(call->text.data(), call->text.data() + call->text.size());
  }
  if (const auto written = out.finish(); !written)
    return is_plugin ? fail_as_plugin(written.why()) : fail(written.why());
  return code;
}
