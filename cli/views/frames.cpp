#include "views/frames.hpp"

#include <algorithm>
#include <iterator>

#include "base/text.hpp"

namespace tasks::cli {

namespace {

/// "n=7 name="ann" socket=<tcp_socket>"
void render_locals(fmt::memory_buffer& out, const std::vector<frame_value>& locals, const text_style& style) {
  if (locals.empty()) return;
  fmt::memory_buffer line;
  for (const auto& each : locals) {
    append(line, line.size() == 0 ? "\t" : " ");
    append_foreign(line, each.name);
    append(line, "=");
    append_foreign(line, each.value ? *each.value : "<" + each.type + ">");
  }
  if (style.color)
    append_colored(out, dim, {line.data(), line.size()}, style);
  else
    append(out, {line.data(), line.size()});
  append(out, "\n");
}

}  // namespace

void render_native_frame(fmt::memory_buffer& out, const native_frame& f) {
  const auto to = std::back_inserter(out);
  if (f.function.empty()) {
    fmt::format_to(to, "{:#x}\n", f.address);
  } else {
    append(out, f.function + "\n");
  }
  if (!f.file.empty()) {
    fmt::format_to(to, "\t{}:{}\n", path_from_here(f.file), f.line);
  } else if (!f.module.empty()) {
    append(out, "\t" + f.module + "\n");
  }
}

void fill_view(const native_frame& f, v1::NativeFrameView& view) {
  view.set_function(f.function);
  view.set_file(f.file);
  view.set_line(f.line);
  view.set_module(f.module);
  view.set_address(fmt::format("{:#x}", f.address));
}

void render_frames(fmt::memory_buffer& out, const resolved& meaning, const text_style& style) {
  for (const auto& f : meaning.native) render_native_frame(out, f);
  for (const auto& f : meaning.frames) {
    // The native frame says where it is now, this one where it awaited last.
    const bool is_innermost = &f == meaning.frames.data();
    if (is_innermost && std::any_of(meaning.native.begin(), meaning.native.end(),
                                    [&](const native_frame& native) { return is_body_of(native, *f.location); }))
      continue;
    const auto& text = f.not_instrumented ? f.location->foreign_text : f.location->text;
    if (f.not_instrumented && style.color) {
      append_colored(out, dim, text, style);
    } else {
      append(out, text);
    }
    if (f.address != 0) fmt::format_to(std::back_inserter(out), "\tframe {:#x}\n", f.address);
    render_locals(out, f.locals, style);
  }
  if (meaning.awaited_at) {
    const auto& at = *meaning.awaited_at;
    append(out, "\tawaited at " + at.function +
                    (at.file.empty() ? "" : fmt::format(" {}:{}", path_from_here(at.file), at.line)) + "\n");
  }
}

void render_spawn_site(fmt::memory_buffer& out, const resolved& meaning) {
  if (const auto words = spawn_words(meaning); !words.empty()) append(out, "spawned" + words + "\n");
}

}  // namespace tasks::cli
